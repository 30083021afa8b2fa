// @ts-check
/** The dialog of one order, from its reservation to the token on the chain, with what can be done about it. */
import { announce } from "../common/announcements.js";
import { ApiProblem, newKey, wait } from "../common/api.js";
import { element, setText } from "../common/elements.js";
import { formatAmount } from "../common/money.js";
import { messageOf } from "../common/sign_in.js";
import { dayAndTime } from "../common/times.js";
import { refusal } from "./words.js";

/** @import { Schemas } from "../common/contract" */
/** @import { Session } from "../common/session" */

/** How long an order that moves is left alone, in milliseconds; what the feed tells of it is shown at once. */
const LOOK_AGAIN_MS = 1_500;

/** @typedef {Schemas["Order"]} Order */
/** @typedef {Schemas["Claim"]} Claim */
/** @typedef {{items: {asset: string, tokenId: string, quantity: string}[]}} VoucherMessage */
/** @typedef {"todo" | "now" | "done" | "failed"} StepState */

/** @type {Order["status"][]} */
const ENDED_UNPAID = ["failed", "cancelled", "expired", "refunded"];

export class OrderDialog {
  /**
   * @param {Session} session
   * @param {() => void} changed called when somebody has changed an order here
   */
  constructor(session, changed) {
    this._session = session;
    this._changed = changed;
    this._orderId = "";
    this._said = "";
    this._offered = "";
    this._wake = new AbortController();
    this._opened = new AbortController();
    this._title = element("h2", { id: "order-title" });
    this._lines = element("p");
    this._steps = element("ol", { class: "steps", "aria-label": "How far it is" });
    this._token = element("section", { class: "panel", "aria-labelledby": "token-title", hidden: true });
    this._failure = element("p", { class: "failure", role: "alert", hidden: true });
    this._actions = element("div", { class: "row" });
    this._close = element("button", { type: "button", class: "quiet", onclick: () => this._dialog.close() }, "Close");
    this._dialog = element(
      "dialog",
      { "aria-labelledby": this._title.id, onclose: () => this._closed() },
      this._title,
      this._lines,
      this._steps,
      this._token,
      this._failure,
      element("div", { class: "row spread" }, this._actions, this._close),
    );
    document.body.append(this._dialog);
  }

  /** @param {string} orderId */
  async open(orderId) {
    this._opened.abort();
    this._opened = new AbortController();
    const { signal } = this._opened;
    this._orderId = orderId;
    this._said = "";
    this._offered = "";
    setText(this._title, "Order");
    setText(this._lines, "Looking …");
    for (const part of [this._steps, this._token, this._actions]) part.replaceChildren();
    this._token.hidden = this._failure.hidden = true;
    if (!this._dialog.open) this._dialog.showModal();
    while (!signal.aborted) {
      await this._refresh(orderId);
      this._wake = new AbortController();
      await wait(LOOK_AGAIN_MS, this._wake.signal).catch(() => undefined); // woken: look at once
    }
  }

  /** Look again at once, if the order that is shown is this one. @param {string} orderId */
  moved(orderId) {
    if (orderId === this._orderId) this._wake.abort();
  }

  _closed() {
    this._orderId = "";
    this._opened.abort();
    this._wake.abort();
  }

  /** @param {string} orderId */
  async _refresh(orderId) {
    try {
      const order = await this._session.api.get("/v1/orders/{order_id}", { path: { order_id: orderId } });
      const claim = order.user_id === this._session.userId ? await this._claimOf(order) : null;
      if (this._orderId === orderId) this._show(order, claim);
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      this._fail(error);
    }
  }

  /** @param {Order} order @returns {Promise<Claim | null>} its claim, which its history names */
  async _claimOf(order) {
    if (order.status !== "claimed" && order.status !== "completed") return null;
    const path = { order_id: order.id };
    const { items } = await this._session.api.get("/v1/orders/{order_id}/events", { path, query: { limit: 100 } });
    const claimed = items.find((event) => event.type === "order.claimed");
    const claimId = String(/** @type {Record<string, unknown>} */ (claimed?.data ?? {}).claim_id ?? "");
    return claimId ? this._session.api.get("/v1/claims/{claim_id}", { path: { claim_id: claimId } }) : null;
  }

  /** @param {Order} order @param {Claim | null} claim */
  _show(order, claim) {
    setText(this._title, order.items.map((item) => `${item.quantity} × ${item.title}`).join(", "));
    setText(this._lines, `${formatAmount(order.total, order.currency)} · placed on ${dayAndTime(order.created_at)}`);
    const steps = stepsOf(order, claim);
    const said = JSON.stringify(steps);
    if (said === this._said) return;
    if (this._said) announce(steps.filter((step) => step.state !== "todo").at(-1)?.text ?? "");
    this._said = said;
    this._steps.replaceChildren(...steps.map(stepElement));
    this._token.hidden = !claim;
    if (claim) this._token.replaceChildren(...tokenParts(claim));
    this._offer(order, claim);
  }

  /** Offer what can be done now. @param {Order} order @param {Claim | null} claim */
  _offer(order, claim) {
    const mine = order.user_id === this._session.userId;
    const sold = order.merchant_id === this._session.userId;
    const offers = [
      mine && order.status === "paid" && this._action("Claim it", "primary", () => this._claim(order)),
      mine && order.status === "confirmed" && this._action("Cancel the order", "danger", () => this._cancel(order)),
      mine && claim?.status === "processed" && this._action("Download the receipt", "", () => this._receipt(claim)),
      sold && order.status === "paid" && this._action("Refund it", "danger", () => this._refund(order)),
    ].filter((offer) => offer !== false);
    const offered = offers.map((offer) => offer.textContent).join();
    if (offered === this._offered) return;
    const focused = this._actions.contains(document.activeElement);
    this._offered = offered;
    this._actions.replaceChildren(...offers);
    if (focused) (offers[0] ?? this._close).focus();
  }

  /** @param {string} name @param {string} kind @param {() => Promise<unknown>} act */
  _action(name, kind, act) {
    const run = async () => {
      button.disabled = true;
      this._failure.hidden = true;
      try {
        await act();
        this._changed();
        this._wake.abort();
      } catch (error) {
        this._fail(error);
      } finally {
        button.disabled = false;
      }
    };
    const button = element("button", { type: "button", class: kind, onclick: run }, name);
    return button;
  }

  /** @param {Order} order */
  _claim(order) {
    return this._session.api.post("/v1/claims", { body: { order_id: order.id } });
  }

  /** @param {Order} order */
  _cancel(order) {
    return this._session.api.post("/v1/orders/{order_id}/cancel", { path: { order_id: order.id } });
  }

  /** @param {Order} order */
  _refund(order) {
    const body = { restock: true, reason: "Refunded in the shop." };
    return this._session.api.post("/v1/orders/{order_id}/refund", {
      path: { order_id: order.id },
      body,
      key: newKey(),
    });
  }

  /** @param {Claim} claim */
  async _receipt(claim) {
    const { receipt } = await this._session.api.get("/v1/claims/{claim_id}/receipt", { path: { claim_id: claim.id } });
    const url = URL.createObjectURL(new Blob([receipt], { type: "application/jose" }));
    element("a", { href: url, download: `${claim.id}.jws` }).click();
    URL.revokeObjectURL(url);
  }

  /** @param {unknown} error */
  _fail(error) {
    setText(this._failure, error instanceof ApiProblem ? refusal(error.code, error.message) : messageOf(error));
    this._failure.hidden = false;
  }
}

/**
 * @param {Order} order
 * @param {Claim | null} claim
 * @returns {{text: string, hint: string, state: StepState}[]}
 */
function stepsOf(order, claim) {
  /** @param {string} text @param {StepState} state @param {string} [hint] */
  const step = (text, state, hint = "") => ({ text, hint, state });
  const reserved = step("Reserved", "done", "The units are yours, and the price is set aside.");
  if (order.status === "failed")
    return [step("Refused", "failed", order.failure && refusal(order.failure.code, order.failure.detail))];
  if (ENDED_UNPAID.includes(order.status)) {
    const ended =
      { cancelled: "Cancelled", expired: "Expired", refunded: "Refunded" }[/** @type {string} */ (order.status)] ?? "";
    return [reserved, step(ended, "failed", "The money is in your wallet.")];
  }
  const stage = ["pending", "confirmed", "paid", "claimed", "completed"].indexOf(order.status);
  /** @param {number} at @returns {StepState} */
  const state = (at) => (stage > at ? "done" : stage === at ? "now" : "todo");
  const delivery =
    claim?.status === "failed" ? "failed" : claim?.status === "processed" ? "done" : stage >= 3 ? "now" : "todo";
  return [
    stage === 0 ? step("Being placed", "now") : reserved,
    step("Paid", stage >= 2 ? "done" : state(1), stage === 1 ? "This takes a moment." : ""),
    step("Claimed", stage >= 3 ? "done" : state(2), stage === 2 ? "Claim it to get the voucher for your token." : ""),
    step("On the chain", delivery, deliveryHint(claim)),
  ];
}

/** @param {Claim | null} claim */
function deliveryHint(claim) {
  if (claim?.failure) return claim.failure.detail;
  return claim && claim.status !== "processed" ? "The platform sends it within a minute, at its own cost." : "";
}

/** @param {{text: string, hint: string, state: StepState}} step */
function stepElement({ text, hint, state }) {
  const words = { todo: "to come", now: "under way", done: "done", failed: "failed" }[state];
  return element(
    "li",
    { "data-state": state, "aria-current": state === "now" && "step" },
    element("span", {}, text, element("span", { class: "unseen" }, `, ${words}`)),
    hint && element("small", {}, hint),
  );
}

/** @param {Claim} claim */
function tokenParts(claim) {
  const { items } = /** @type {VoucherMessage} */ (/** @type {unknown} */ (claim.voucher.message));
  const facts = [
    ...items.flatMap((item) => [
      ["Token", `${item.quantity} of number ${item.tokenId}`],
      ["Contract", item.asset],
    ]),
    ["Goes to", claim.recipient],
    ...(claim.transaction
      ? [
          ["Transaction", claim.transaction.hash],
          ["Chain", String(claim.transaction.chain_id)],
        ]
      : []),
  ];
  const rows = facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", { class: "id" }, value)]);
  return [element("h3", { id: "token-title" }, "Your token"), element("dl", { class: "facts" }, ...rows)];
}
