// @ts-check
/** A picture for what has none: drawn from its id, so that it is the same everywhere. */
import { svg } from "../common/elements.js";

const WIDTH = 320;
const HEIGHT = 180;
const RINGS = 5;

/**
 * @param {string} id
 * @returns {SVGElement}
 */
export function artOf(id) {
  const random = generator(id);
  const hue = Math.floor(random() * 360);
  const [x, y] = [WIDTH * (0.2 + random() * 0.6), HEIGHT * (0.3 + random() * 0.6)];
  const rings = Array.from({ length: RINGS }, (_, ring) =>
    svg("circle", {
      cx: x + (random() - 0.5) * 40,
      cy: y + (random() - 0.5) * 40,
      r: 170 - ring * 34,
      fill: `hsl(${(hue + ring * (12 + random() * 16)) % 360} 42% ${36 + ring * 9}%)`,
      "fill-opacity": 0.75,
    }),
  );
  const ground = svg("rect", { width: WIDTH, height: HEIGHT, fill: `hsl(${(hue + 200) % 360} 32% 27%)` });
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true" },
    ground,
    ...rings,
  );
}

/**
 * Numbers from 0 to 1 (mulberry32), the same for the same text.
 *
 * @param {string} text
 */
function generator(text) {
  let state = [...text].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193), 0x811c9dc5);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
