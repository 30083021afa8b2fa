// @ts-check
/** Supplies and orders as lists, and how a list is shown. */
import { announce } from "../common/announcements.js";
import { element } from "../common/elements.js";
import { formatAmount } from "../common/money.js";
import { dayAndTime } from "../common/times.js";
import { badge, failure, id, table } from "./parts.js";

/** @import { Session } from "../common/session" */
/** @import { Child } from "../common/elements" */
/** @import { Column } from "./parts" */

/** @typedef {{items: Child[][], next: string | null | undefined}} Rows */

/** @param {Session} session */
export function suppliesView(session) {
  return list("Supplies", "What is on sale, and was", ["Title", "Id", "State", { title: "Price", number: true }, { title: "Units", number: true }, { title: "Available", number: true }, { title: "Sold", number: true }],
    "Nothing was put on sale yet.", async (cursor) => {
      const page = await session.api.get("/v1/supplies", { query: { cursor, limit: 50 } });
      return {
        items: page.items.map((each) => [
          each.title, id(each.id), badge(each.status, each.status === "active" ? "good" : ""), formatAmount(each.unit_price, each.currency),
          String(each.quantity), String(each.available), String(each.sold),
        ]),
        next: page.next_cursor,
      };
    });
}

/** @param {Session} session */
export function ordersView(session) {
  return list("Orders", "All orders, the newest first", ["Order", "Placed", "State", { title: "Total", number: true }, "Buyer"],
    "Nobody has ordered anything yet.", async (cursor) => {
      const page = await session.api.get("/v1/operator/orders", { query: { cursor, limit: 50 } });
      return {
        items: page.items.map((each) => [
          element("a", { href: `#story/${each.id}`, class: "id" }, each.id), dayAndTime(each.created_at),
          badge(each.status, each.status === "failed" ? "bad" : each.status === "completed" ? "good" : ""),
          formatAmount(each.total, each.currency), id(each.user_id),
        ]),
        next: page.next_cursor,
      };
    });
}

/**
 * A view of a list, with a button for more of it.
 *
 * @param {string} title
 * @param {string} caption
 * @param {(string | Column)[]} columns
 * @param {string} empty
 * @param {(cursor?: string) => Promise<Rows>} read
 * @param {Node | null} [above] what is shown between its title and the list
 */
export async function list(title, caption, columns, empty, read, above = null) {
  const root = element("section", { "aria-labelledby": "view-title" }, element("h1", { id: "view-title" }, title), above);
  const place = element("div");
  const more = element("button", { type: "button", hidden: true }, "Show more");
  /** @type {Child[][]} */
  let shown = [];
  /** @type {string | undefined} */
  let cursor;
  const readOn = async () => {
    try {
      const rows = await read(cursor);
      shown = [...shown, ...rows.items];
      cursor = rows.next ?? undefined;
      more.hidden = !cursor;
      place.replaceChildren(table(caption, columns, shown, empty));
      if (shown.length > rows.items.length) announce(`${rows.items.length} more are shown.`);
    } catch (error) {
      place.append(failure(error));
    }
  };
  more.addEventListener("click", () => void readOn());
  await readOn();
  root.append(place, element("div", { class: "row" }, more));
  return root;
}
