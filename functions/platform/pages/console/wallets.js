// @ts-check
/** The wallets of all users: the newest, a user's, or one with what is and was in it. */
import { element } from "../common/elements.js";
import { formatAmount } from "../common/money.js";
import { dayAndTime } from "../common/times.js";
import { list } from "./lists.js";
import { badge, failure, finder, id, table } from "./parts.js";

/** @import { Session } from "../common/session" */

/**
 * @param {Session} session
 * @param {string} wanted the id of a wallet or of a user; empty for all
 */
export async function walletsView(session, wanted) {
  const form = finder("wallets", "Wallet or owner", wanted, "wal_… or usr_…");
  if (wanted.startsWith("wal_")) return oneWallet(session, wanted, form);
  const caption = wanted ? `Wallets of ${wanted}` : "All wallets, the newest first";
  return list("Wallets", caption, ["Wallet", "Name", "State", "Owner", "Opened"], "There is no such wallet.", async (cursor) => {
    const page = await session.api.get("/v1/operator/wallets", { query: { user_id: wanted || undefined, cursor, limit: 50 } });
    return {
      items: page.items.map((each) => [
        element("a", { href: `#wallets/${each.id}`, class: "id" }, each.id), each.name,
        badge(each.status, each.status === "open" ? "good" : ""),
        element("a", { href: `#wallets/${each.user_id}`, class: "id" }, each.user_id), dayAndTime(each.created_at),
      ]),
      next: page.next_cursor,
    };
  }, form);
}

/**
 * @param {Session} session
 * @param {string} wanted
 * @param {HTMLElement} form
 */
async function oneWallet(session, wanted, form) {
  const root = element("section", { "aria-labelledby": "view-title" }, element("h1", { id: "view-title" }, "Wallets"), form);
  try {
    const { wallet, balances, entries } = await session.api.get("/v1/operator/wallets/{wallet_id}", { path: { wallet_id: wanted } });
    root.append(
      element("h2", {}, `${wallet.name} `, id(wallet.id)),
      element("p", { class: "row" }, badge(wallet.status, wallet.status === "open" ? "good" : ""), "of ",
        element("a", { href: `#wallets/${wallet.user_id}`, class: "id" }, wallet.user_id), `, for ${wallet.address}`),
      table("Balances", ["Currency", ...["Posted", "Held", "Available"].map((title) => ({ title, number: true }))], balances.balances.map((each) => [
        each.currency, formatAmount(each.posted, each.currency), formatAmount(each.held, each.currency), formatAmount(each.available, each.currency),
      ]), "It is empty."),
      table("What is held", ["Hold", "For", { title: "Amount", number: true }], balances.holds.map((each) => [
        id(each.id), each.order_id ? element("a", { href: `#story/${each.order_id}`, class: "id" }, each.order_id) : "–", formatAmount(each.amount, each.currency),
      ]), "Nothing is held."),
      table("The last entries", ["Entry", "Kind", { title: "Amount", number: true }, { title: "Balance after", number: true }, "When"], entries.map((each) => [
        id(each.id), each.kind, formatAmount(each.amount, each.currency), formatAmount(each.balance_after, each.currency), dayAndTime(each.created_at),
      ]), "Nothing has moved in it."));
  } catch (error) {
    root.append(failure(error));
  }
  return root;
}
