// @ts-check
/** The activity feed, live: each item is told as it comes, by long polls (`GET /v1/activity?wait_seconds=20`). */
import { ApiProblem, wait } from "../common/api.js";
import { byId, element } from "../common/elements.js";
import { formatAmount } from "../common/money.js";
import { clock } from "../common/times.js";
import { eventWords } from "./words.js";

/** @import { Schemas } from "../common/contract" */
/** @import { Session } from "../common/session" */

/** How long the API waits for the next item, in seconds: the longest that it does. */
const WAIT_SECONDS = 20;

/** How long after a failure it is tried again, in milliseconds. */
const AFTER_FAILURE_MS = 3_000;

/** How many items are kept on the page. */
const KEPT = 50;

/** @typedef {Schemas["ActivityItem"]} Item */

export class Activity {
  /**
   * @param {Session} session
   * @param {(item: Item, fresh: boolean) => void} happened called with each item; fresh: it came while we watched
   */
  constructor(session, happened) {
    this._session = session;
    this._happened = happened;
    this._place = byId("activity", HTMLDivElement);
    this._list = element("ol", { class: "log" });
    this._place.replaceChildren(this._list);
    this._following = new AbortController();
  }

  /** Begin with the feed of who has signed in; end with it when they have signed out. */
  restart() {
    this._following.abort();
    this._following = new AbortController();
    this._list.replaceChildren();
    this._place.hidden = true;
    byId("quiet", HTMLParagraphElement).hidden = false;
    if (this._session.address) void this._follow(this._following.signal);
  }

  /** @param {AbortSignal} signal */
  async _follow(signal) {
    let cursor = /** @type {string | undefined} */ (undefined);
    for (let fresh = false; !signal.aborted;) {
      try {
        const page = await this._next(cursor, fresh ? WAIT_SECONDS : 0, signal);
        // What was there before is not read aloud.
        this._place.setAttribute("role", fresh ? "log" : "group");
        for (const item of page.items) this._tell(item, fresh);
        fresh ||= page.items.length === 0;
        cursor = page.next_cursor;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ApiProblem)) throw error;
        await wait(AFTER_FAILURE_MS);
      }
    }
  }

  /**
   * @param {string | undefined} cursor
   * @param {number} seconds
   * @param {AbortSignal} signal
   */
  _next(cursor, seconds, signal) {
    return this._session.api.get("/v1/activity", { query: { cursor, limit: 100, wait_seconds: seconds }, signal });
  }

  /** @param {Item} item @param {boolean} fresh */
  _tell(item, fresh) {
    byId("quiet", HTMLParagraphElement).hidden = true;
    this._place.hidden = false;
    this._list.prepend(lineOf(item));
    while (this._list.children.length > KEPT) this._list.lastElementChild?.remove();
    this._happened(item, fresh);
  }
}

/** @param {Item} item */
function lineOf(item) {
  const data = /** @type {Record<string, unknown>} */ (item.data);
  const money =
    typeof data.total === "string"
      ? [data.total, data.currency]
      : typeof data.amount === "string"
        ? [data.amount, data.currency]
        : null;
  const amount = money && typeof money[1] === "string" ? ` · ${formatAmount(String(money[0]), money[1])}` : "";
  const title = typeof data.title === "string" ? ` · ${data.title}` : "";
  return element(
    "li",
    {},
    element("time", { datetime: item.at }, clock(item.at)),
    element("span", {}, eventWords(item.type), title, amount),
  );
}
