// @ts-check
/** The audit of all cells, and the events that consumers could not apply. */
import { announce } from "../common/announcements.js";
import { element } from "../common/elements.js";
import { relative } from "../common/times.js";
import { badge, confirmed, failure, id, table } from "./parts.js";

/** @import { Session } from "../common/session" */

/** @param {Session} session */
export async function auditView(session) {
  const audited = element("div", { "aria-live": "polite" });
  const parked = element("div");
  const check = element("button", { type: "button", class: "primary" }, "Check all invariants");
  check.addEventListener("click", async () => {
    check.setAttribute("aria-busy", "true");
    audited.replaceChildren(element("p", { class: "loading" }, "Checking every service …"));
    audited.replaceChildren(...(await outcome(session)));
    check.removeAttribute("aria-busy");
  });
  const root = element("section", { "aria-labelledby": "view-title" },
    element("div", { class: "row spread" }, element("h1", { id: "view-title" }, "Audit"), check), audited,
    element("h2", {}, "Parked events"), parked);
  await showParked(session, parked);
  return root;
}

/** @param {Session} session */
async function outcome(session) {
  try {
    const { checked, violations, unchecked } = await session.api.get("/v1/operator/audit");
    const verdict = violations.length
      ? badge(`${violations.length} violations`, "bad")
      : unchecked.length ? badge("Nothing found, but not everything was checked", "warn") : badge("Every invariant holds", "good");
    announce(verdict.textContent ?? "");
    return [
      element("p", { class: "row" }, verdict, `${checked.length} invariants were checked.`),
      ...(violations.length ? [table("Violations", ["Invariant", "Subject", "What differs"], violations.map((each) => [each.invariant, id(each.subject), each.detail]), "")] : []),
      ...(unchecked.length ? [table("Not checked", ["Invariant, or cell"], unchecked.map((each) => [each]), "")] : []),
    ];
  } catch (error) {
    return [failure(error)];
  }
}

/**
 * @param {Session} session
 * @param {HTMLElement} place
 */
async function showParked(session, place) {
  const redrive = async (/** @type {string} */ consumer) => {
    try {
      const planned = await session.api.post("/v1/operator/parked/redrive", { body: { consumer, dry_run: true } });
      const text = `${planned.events} events in ${planned.streams.length} streams are applied again by ${consumer}, in order; those that fail again are parked again.`;
      if (!(await confirmed("Release what is parked?", text, "Release"))) return;
      await session.api.post("/v1/operator/parked/redrive", { body: { consumer } });
      announce("They are released.");
      await showParked(session, place);
    } catch (error) {
      place.append(failure(error));
    }
  };
  try {
    const { items } = await session.api.get("/v1/operator/parked", { query: { limit: 100 } });
    place.replaceChildren(table("Streams whose next event could not be applied", ["Consumer", "Stream", "Why", { title: "Events", number: true }, "Since", "Action"], items.map((each) => [
      each.consumer, id(each.stream), each.error ?? each.reason, String(each.events), relative(each.since),
      element("button", { type: "button", class: "small", "aria-label": `Redrive ${each.consumer}`, onclick: () => redrive(each.consumer) }, "Redrive"),
    ]), "No event is parked."));
  } catch (error) {
    place.replaceChildren(failure(error));
  }
}
