// @ts-check
/** Lists of orders: those of a buyer, and those of what a merchant has sold. */
import { element } from "../common/elements.js";
import { formatAmount } from "../common/money.js";
import { dayAndTime } from "../common/times.js";
import { ORDER_STATUS } from "./words.js";

/** @import { Schemas } from "../common/contract" */
/** @import { Session } from "../common/session" */

/** How many orders a list shows. */
const SHOWN = 20;

export class OrderList {
  /**
   * @param {Session} session
   * @param {HTMLElement} place
   * @param {{title: string, ofMerchant?: boolean, empty: string}} about
   * @param {(orderId: string) => void} open called with an order that somebody wants to see
   */
  constructor(session, place, about, open) {
    this._session = session;
    this._place = place;
    this._about = about;
    this._open = open;
    this._shown = "";
  }

  /** Show what there is now. Throws ApiProblem. @returns {Promise<number>} how many */
  async refresh() {
    const query = { limit: SHOWN, ...(this._about.ofMerchant && { merchant: /** @type {const} */ ("me") }) };
    const { items } = await this._session.api.get("/v1/orders", { query });
    const versions = items.map((order) => `${order.id} ${order.version}`).join();
    if (versions !== this._shown || !items.length) this._show(items);
    this._shown = versions;
    return items.length;
  }

  /** @param {Schemas["Order"][]} orders */
  _show(orders) {
    if (!orders.length) return this._place.replaceChildren(element("p", { class: "empty" }, this._about.empty));
    const focused = document.activeElement?.getAttribute("data-order");
    const rows = orders.map((order) => rowOf(order, () => this._open(order.id)));
    const head = element(
      "tr",
      {},
      ...["What", "Total", "State", "Placed"].map((name) => element("th", { scope: "col" }, name)),
    );
    const table = element(
      "table",
      {},
      element("caption", { class: "unseen" }, this._about.title),
      element("thead", {}, head),
      element("tbody", {}, ...rows),
    );
    this._place.replaceChildren(
      element("div", { class: "table", tabindex: 0, role: "group", "aria-label": this._about.title }, table),
    );
    if (focused)
      this._place.querySelector(`[data-order="${CSS.escape(focused)}"]`)?.dispatchEvent(new Event("refocus"));
  }
}

/**
 * @param {Schemas["Order"]} order
 * @param {() => void} open
 */
function rowOf(order, open) {
  const { label, tone } = ORDER_STATUS[order.status];
  const what = order.items.map((item) => `${item.quantity} × ${item.title}`).join(", ");
  const link = element("button", { type: "button", class: "link", "data-order": order.id, onclick: open }, what);
  link.addEventListener("refocus", () => link.focus());
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, link),
    element("td", { class: "number" }, formatAmount(order.total, order.currency)),
    element("td", {}, element("span", { class: `badge ${tone}` }, label)),
    element("td", {}, dayAndTime(order.created_at)),
  );
}
