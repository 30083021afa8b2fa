// @ts-check
/** Says aloud, to those who use a screen reader, what else only the eye would notice. */
import { element } from "./elements.js";

const region = element("p", { role: "status", class: "unseen" });
document.body.append(region);

/** @param {string} text a sentence */
export function announce(text) {
  // The same sentence twice is said twice only if the region was empty in between.
  region.textContent = "";
  // What is outside of an open dialog is not read.
  ([...document.querySelectorAll("dialog:modal")].at(-1) ?? document.body).append(region);
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}
