// @ts-check
/** What is on sale, to anybody: a card for each supply, whose stock and state follow the sale. */
import { announce } from "../common/announcements.js";
import { ApiProblem, wait } from "../common/api.js";
import { byId, element, setText } from "../common/elements.js";
import { formatAmount } from "../common/money.js";
import { relative } from "../common/times.js";
import { artOf } from "./art.js";
import { saleState } from "./sale_state.js";

/** @import { Session } from "../common/session" */
/** @import { SaleState, Supply } from "./sale_state" */

/** How many supplies are shown at first, and more at a time. */
const PAGE = 24;

/** How long what anybody sees may be old: the API's max-age for it. */
const REFRESH_MS = 5_000;

/** @typedef {{node: HTMLElement, show: (supply: Supply) => void}} Card */

export class Catalogue {
  /**
   * @param {Session} session
   * @param {(supply: Supply) => void} buy called with what somebody wants to buy
   */
  constructor(session, buy) {
    this._session = session;
    this._buy = buy;
    /** @type {Map<string, Card>} */
    this._cards = new Map();
    this._wanted = PAGE;
    this._list = byId("supplies", HTMLUListElement);
    this._more = byId("more", HTMLButtonElement);
    this._more.addEventListener("click", () => this._showMore());
  }

  /** Show what there is, and go on showing it; while the page is hidden nothing is asked. */
  async follow() {
    for (;;) {
      if (!document.hidden) await this.refresh();
      await wait(REFRESH_MS);
    }
  }

  /** Show what there is now, or why it cannot be shown. */
  async refresh() {
    const trouble = byId("trouble", HTMLDivElement);
    try {
      this._show(await this._supplies());
      trouble.hidden = true;
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      setText(trouble, `What is on sale cannot be shown: ${error.message} It is tried again by itself.`);
      trouble.hidden = false;
    }
    byId("loading", HTMLParagraphElement).hidden = true;
  }

  async _showMore() {
    const before = this._cards.size;
    this._wanted += PAGE;
    await this.refresh();
    announce(`${this._cards.size - before} more are shown.`);
    const [first] = [...this._list.children].slice(before);
    first?.querySelector("button")?.focus();
  }

  /** @returns {Promise<Supply[]>} as many as are wanted, the newest first, without those that are archived */
  async _supplies() {
    /** @type {Supply[]} */
    const found = [];
    for (let cursor = /** @type {string | undefined} */ (undefined); ;) {
      const page = await this._session.api.get("/v1/supplies", { query: { limit: PAGE, cursor } });
      found.push(...page.items.filter((supply) => supply.status !== "archived" && supply.status !== "draft"));
      cursor = page.next_cursor ?? undefined;
      this._more.hidden = !cursor;
      if (!cursor || found.length >= this._wanted) return found;
    }
  }

  /** @param {Supply[]} supplies */
  _show(supplies) {
    byId("nothing", HTMLDivElement).hidden = supplies.length > 0;
    const gone = new Set(this._cards.keys());
    supplies.forEach((supply, place) => {
      gone.delete(supply.id);
      const card = this._cards.get(supply.id) ?? this._newCard(supply);
      card.show(supply);
      // A card that stands right is left alone: moving it would take the focus from it.
      if (this._list.children[place] !== card.node)
        this._list.insertBefore(card.node, this._list.children[place] ?? null);
    });
    for (const id of gone) {
      this._cards.get(id)?.node.remove();
      this._cards.delete(id);
    }
  }

  /** @param {Supply} supply */
  _newCard(supply) {
    let shown = supply;
    const card = cardOf(supply, () => this._buy(shown));
    const made = { node: card.node, show: (/** @type {Supply} */ now) => card.show((shown = now)) };
    this._cards.set(supply.id, made);
    return made;
  }
}

/**
 * @param {Supply} supply
 * @param {() => void} buy
 * @returns {Card}
 */
function cardOf(supply, buy) {
  const title = element("h2", { id: `title-${supply.id}` });
  const description = element("p", { class: "hint" });
  const price = element("p", { class: "price" });
  const badge = element("span", { class: "badge" });
  const meter = element("progress", { "aria-label": "Sold or reserved" });
  const stock = element("p", { class: "hint" });
  const button = element("button", { type: "button", class: "primary", onclick: buy, "aria-describedby": title.id });
  const foot = element(
    "div",
    { class: "foot" },
    element("div", { class: "row spread" }, price, badge),
    meter,
    stock,
    button,
  );
  const node = element("li", { class: "card", "data-supply": supply.id }, artOf(supply.id), title, description, foot);
  return {
    node,
    show(now) {
      const state = saleState(now);
      const { label, tone, action } = wordsOf(state);
      setText(title, now.title);
      setText(description, now.description);
      description.hidden = !now.description;
      setText(price, BigInt(state.price) === 0n ? "Free" : formatAmount(state.price, now.currency));
      setText(badge, label);
      badge.className = `badge ${tone}`;
      meter.max = now.quantity;
      meter.value = now.quantity - now.available;
      setText(stock, stockOf(now));
      setText(button, action);
      button.disabled = state.kind !== "open" && state.kind !== "listed";
    },
  };
}

/** @param {Supply} supply */
function stockOf(supply) {
  const limit = supply.per_user_limit ? ` · at most ${supply.per_user_limit} each` : "";
  return `${supply.available} of ${supply.quantity} left${supply.reserved ? ` · ${supply.reserved} reserved` : ""}${limit}`;
}

/** @param {SaleState} state */
function wordsOf({ kind, phase }) {
  const name = phase ? phase.name : "";
  switch (kind) {
    case "open":
      return { label: name || "On sale", tone: "good", action: "Buy" };
    case "listed":
      return { label: `${name}: by list`, tone: "warn", action: "Buy" };
    case "later":
      return { label: `${name} ${relative(phase?.starts_at ?? "")}`, tone: "", action: "Not yet on sale" };
    case "over":
      return { label: "The sale is over", tone: "", action: "No longer on sale" };
    case "sold_out":
      return { label: "Sold out", tone: "bad", action: "Sold out" };
    default:
      return { label: "Paused", tone: "", action: "Not on sale" };
  }
}
