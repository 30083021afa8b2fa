// @ts-check
/** One purchase: what happened, what it moved, its claim on the chain, what webhooks got, and its traces. */
import { element, svg } from "../common/elements.js";
import { formatAmount } from "../common/money.js";
import { clock, dayAndTime } from "../common/times.js";
import { badge, failure, finder, id, table } from "./parts.js";

/** @import { Schemas } from "../common/contract" */
/** @import { Session } from "../common/session" */
/** @import { Control, Trace } from "./control" */

const WIDTH = 1_000;
const DEEPEST = 6;

/**
 * The view of an order's story, or the question for which.
 *
 * @param {Session} session
 * @param {Control | null} control
 * @param {string} orderId empty for none yet
 */
export async function storyView(session, control, orderId) {
  const form = finder("story", "Order", orderId, "ord_…");
  const root = element("section", { "aria-labelledby": "story-title" }, element("h1", { id: "story-title" }, "One purchase"), form);
  if (!orderId) return root;
  try {
    const story = await session.api.get("/v1/operator/orders/{order_id}/story", { path: { order_id: orderId } });
    root.append(...told(story), await tracesOf(control, story.traces));
  } catch (error) {
    root.append(failure(error));
  }
  return root;
}

/** @param {Schemas["Story"]} story */
function told(story) {
  const missing = story.unchecked.length
    ? element("p", { class: "failure" }, `These did not answer, so that what they know is missing: ${story.unchecked.join(", ")}.`)
    : null;
  const events = table("What happened", ["Event", "When", "Service", "Subject", "Data"], story.events.map((event) => [
    event.type,
    element("time", { datetime: event.at, title: dayAndTime(event.at) }, clock(event.at)),
    event.service,
    id(event.subject),
    element("details", {}, element("summary", {}, "Show"), element("pre", { tabindex: "0", role: "group", "aria-label": `Data of ${event.type}` }, JSON.stringify(event.data, null, 2))),
  ]), "Nothing has happened.");
  const postings = table("Ledger", ["Account", "Transfer", { title: "Amount", number: true }, "When"], story.postings.map((posting) => [
    posting.account.startsWith("wal_") ? id(posting.account) : posting.account,
    posting.kind,
    formatAmount(posting.amount, posting.currency),
    clock(posting.at),
  ]), "No money has moved yet.");
  const deliveries = table("Deliveries to webhooks", ["Event", "Webhook", "State", { title: "Attempts", number: true }, "Last response"], story.deliveries.map((each) => [
    each.event_type, id(each.webhook_id), each.status, String(each.attempts), each.response_status ? String(each.response_status) : (each.error ?? "–"),
  ]), "No webhook was told of it.");
  return [missing, events, postings, claimOf(story.claim), deliveries].filter((part) => part !== null);
}

/** @param {Schemas["Story"]["claim"]} claim */
function claimOf(claim) {
  const title = element("h2", {}, "Claim");
  if (!claim) return element("div", { class: "panel" }, title, element("p", { class: "hint" }, "There is none yet."));
  const tone = claim.status === "processed" ? "good" : claim.status === "failed" ? "bad" : "";
  /** @type {[string, Node | string][]} */
  const facts = [
    ["Claim", id(claim.id)],
    ["Recipient", claim.recipient ? id(claim.recipient) : "not claimed yet"],
    ["Chain", String(claim.chain_id)],
    ["Transaction", claim.transaction_hash ? id(claim.transaction_hash) : "none yet"],
    ["Block", claim.block_number === null ? "none yet" : String(claim.block_number)],
    ...(claim.failure ? [/** @type {[string, string]} */ (["Failure", claim.failure])] : []),
  ];
  return element("div", { class: "panel" },
    element("div", { class: "row spread" }, title, badge(claim.status, tone)),
    element("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])));
}

/**
 * @param {Control | null} control
 * @param {string[]} ids
 */
async function tracesOf(control, ids) {
  const part = element("section", { "aria-labelledby": "traces-title" }, element("h2", { id: "traces-title" }, "Traces"));
  if (!control) {
    part.append(table("Traces that its events are part of", ["Trace"], ids.map((each) => [id(each)]), "It is part of no trace that was sampled."));
    return part;
  }
  const found = await control.traces(ids).catch((error) => failure(error));
  if (found instanceof HTMLElement) part.append(found);
  else if (!found.some((trace) => trace.spans.length)) part.append(element("p", { class: "empty" }, "It is part of no trace that was sampled."));
  else part.append(...found.filter((trace) => trace.spans.length).map(waterfall));
  return part;
}

/** @param {Trace} trace */
function waterfall(trace) {
  const whole = Math.max(...trace.spans.map((span) => span.began_ms + span.took_ms), 1);
  const rows = trace.spans.map((span) => {
    const x = (WIDTH * span.began_ms) / whole;
    const width = Math.max((WIDTH * span.took_ms) / whole, 2);
    const bar = svg("svg", { viewBox: `0 0 ${WIDTH} 10`, preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { x: Math.min(x, WIDTH - 2), y: 1, width, height: 8, rx: 1, class: span.failed ? "failed" : "" }));
    const name = span.failed ? `${span.name} (failed)` : span.name;
    return element("tr", {},
      element("td", { class: `deep-${Math.min(span.depth, DEEPEST)}` }, name), element("td", {}, span.process),
      element("td", { class: "number" }, span.began_ms.toFixed(1)), element("td", { class: "number" }, span.took_ms.toFixed(1)),
      element("td", { class: "wide" }, bar));
  });
  const caption = `Trace ${trace.trace_id}${trace.left_out ? `, without ${trace.left_out} more spans` : ""}`;
  const heads = ["Span", "Process", "Began, ms", "Took, ms", "Course"].map((title, place) =>
    element("th", { scope: "col", class: place === 2 || place === 3 ? "number" : false }, title));
  return element("div", { class: "table", tabindex: "0", role: "region", "aria-label": caption },
    element("table", { class: "waterfall" }, element("caption", {}, caption), element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows)));
}
