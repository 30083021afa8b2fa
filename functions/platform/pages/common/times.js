// @ts-check
/** Times for people, in their own time zone. */

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const DAY = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const CLOCK = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
];

/**
 * How far away a time is: "in 5 minutes", "3 hours ago".
 *
 * @param {string} time in RFC 3339
 */
export function relative(time) {
  const away = Date.parse(time) - Date.now();
  const [unit, size] = UNITS.find(([, least]) => Math.abs(away) >= least) ?? ["second", 1_000];
  return RELATIVE.format(Math.trunc(away / size), unit);
}

/** @param {string} time in RFC 3339 */
export function dayAndTime(time) {
  return DAY.format(new Date(time));
}

/** @param {string} time in RFC 3339 */
export function clock(time) {
  return CLOCK.format(new Date(time));
}
