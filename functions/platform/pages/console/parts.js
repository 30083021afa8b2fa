// @ts-check
/** Parts that several views of the console have: tables, dialogs, buttons that say why they cannot be used. */
import { element, svg } from "../common/elements.js";
import { messageOf } from "../common/sign_in.js";

/** @import { Child } from "../common/elements" */

let count = 0;

/**
 * @typedef {object} Column
 * @property {string} title
 * @property {boolean} [number] whether it is aligned as numbers are
 */

/**
 * A table with its caption and headers: the first cell of each row is the row's header.
 *
 * @param {string} caption
 * @param {(string | Column)[]} columns
 * @param {Child[][]} rows
 * @param {string} empty what is shown if there are none
 */
export function table(caption, columns, rows, empty) {
  const known = columns.map((each) => (typeof each === "string" ? { title: each } : each));
  if (!rows.length) return element("p", { class: "empty" }, empty);
  const heads = known.map(({ title, number }) => element("th", { scope: "col", class: number && "number" }, title));
  const lines = rows.map((cells) =>
    element("tr", {}, ...cells.map((cell, place) =>
      place === 0 ? element("th", { scope: "row" }, cell) : element("td", { class: known[place]?.number && "number" }, cell),
    )),
  );
  const made = element("table", {},
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...lines),
  );
  return element("div", { class: "table", tabindex: "0", role: "region", "aria-label": caption }, made);
}

/**
 * @param {string} text
 * @param {"" | "good" | "warn" | "bad"} tone
 */
export function badge(text, tone = "") {
  return element("span", { class: `badge ${tone}` }, text);
}

/** @param {string} text an id, which may be copied */
export function id(text) {
  return element("span", { class: "id" }, text);
}

/**
 * Replace what is shown only if it is something else: a reader's place in it is kept.
 *
 * @param {HTMLElement} place
 * @param {HTMLElement} made
 */
export function replaced(place, made) {
  if (place.firstElementChild?.isEqualNode(made)) return;
  const left = place.firstElementChild?.scrollLeft ?? 0;
  const focused = place.contains(document.activeElement);
  place.replaceChildren(made);
  made.scrollLeft = left;
  if (focused) made.focus({ preventScroll: true });
}

/**
 * A form that shows in a view what has an id: the view's URL names it.
 *
 * @param {string} view
 * @param {string} label
 * @param {string} shown the id that is looked for at present; empty for none
 * @param {string} placeholder
 */
export function finder(view, label, shown, placeholder) {
  const input = element("input", { name: "wanted", value: shown, autocomplete: "off", spellcheck: "false", placeholder });
  const form = element("form", { class: "inline" }, element("label", {}, label, input), element("button", { class: "primary" }, "Show"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = [view, ...(input.value.trim() ? [input.value.trim()] : [])].join("/");
  });
  return form;
}

/**
 * A failure, for a person.
 *
 * @param {unknown} error
 */
export function failure(error) {
  return element("p", { class: "failure", role: "alert" }, messageOf(error));
}

/**
 * Ask before something is done.
 *
 * @param {string} title a question
 * @param {string} text what it does
 * @param {string} verb
 * @returns {Promise<boolean>}
 */
export function confirmed(title, text, verb) {
  const name = `confirm-${++count}`;
  return new Promise((resolve) => {
    const answer = (/** @type {string} */ value) => () => dialog.close(value);
    const dialog = element("dialog", { class: "narrow", "aria-labelledby": name },
      element("h2", { id: name }, title),
      element("p", {}, text),
      element("div", { class: "row" },
        element("button", { type: "button", class: "primary", onclick: answer("yes") }, verb),
        element("button", { type: "button", class: "quiet", onclick: answer("") }, "Not now"),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * A button that may be impossible for the moment. It stays in the order of focus then, and says why.
 *
 * @typedef {{root: HTMLDivElement, allow: (reason: string) => void}} Reasoned
 * @param {string} label
 * @param {() => void} act
 * @param {string} [kind] a class of buttons
 * @returns {Reasoned}
 */
export function reasoned(label, act, kind = "") {
  const name = `why-${++count}`;
  const why = element("small", { id: name, class: "hint", hidden: true });
  const press = () => button.getAttribute("aria-disabled") !== "true" && act();
  const button = element("button", { type: "button", class: `small ${kind}`, onclick: press }, label);
  return {
    root: element("div", {}, button, why),
    allow(reason) {
      if (why.textContent === reason && button.hasAttribute("aria-disabled") === Boolean(reason)) return;
      button.toggleAttribute("aria-disabled", false);
      if (reason) button.setAttribute("aria-disabled", "true");
      button.toggleAttribute("aria-describedby", false);
      if (reason) button.setAttribute("aria-describedby", name);
      why.textContent = reason;
      why.hidden = !reason;
    },
  };
}

/**
 * Numbers over time as a line, for the eye alone: the number itself is beside it.
 *
 * @param {SVGSVGElement} target
 * @param {number[]} values the oldest first
 */
export function drawSpark(target, values) {
  const most = Math.max(...values, 1e-9);
  const step = 100 / Math.max(values.length - 1, 1);
  const points = values.map((value, place) => `${(place * step).toFixed(1)},${(24 - (22 * value) / most).toFixed(1)}`);
  if (values.length < 2) return target.replaceChildren();
  const end = ((values.length - 1) * step).toFixed(1);
  target.replaceChildren(
    svg("polygon", { points: `0,24 ${points.join(" ")} ${end},24` }),
    svg("polyline", { points: points.join(" ") }),
  );
}

export function newSpark() {
  return svg("svg", { class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" });
}
