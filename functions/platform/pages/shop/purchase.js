// @ts-check
/** The dialog in which one buys: how many, for how much, and whether the wallet has it; then the order takes over. */
import { announce } from "../common/announcements.js";
import { ApiProblem, newKey } from "../common/api.js";
import { local } from "../common/accounts.js";
import { element, setText } from "../common/elements.js";
import { formatAmount } from "../common/money.js";
import { messageOf } from "../common/sign_in.js";
import { saleState } from "./sale_state.js";
import { refusal } from "./words.js";

/** @import { Schemas } from "../common/contract" */
/** @import { Session } from "../common/session" */
/** @import { Supply } from "./sale_state" */
/** @import { WalletPanel } from "./wallet_panel" */

/** How long typing may go on before it is asked what that would cost, in milliseconds. */
const TYPING_MS = 250;

/** Refusals after which the same key may still end in a purchase; after any other, the next attempt is another one. */
const OPEN_OUTCOMES = ["ORDER_PENDING", "OUTCOME_UNKNOWN", "CELL_UNREACHABLE", ""];

export class PurchaseDialog {
  /**
   * @param {Session} session
   * @param {WalletPanel} wallet
   * @param {(orderId: string) => void} placed called with an order that was placed
   */
  constructor(session, wallet, placed) {
    this._session = session;
    this._wallet = wallet;
    this._placed = placed;
    /** @type {Supply | null} */
    this._supply = null;
    /** @type {Schemas["Quote"] | null} */
    this._quote = null;
    /** @type {{key: string, body: Schemas["CreateOrder"]} | null} what was sent, and may have been done */
    this._attempt = null;
    this._asking = new AbortController();
    this._timer = 0;
    this._title = element("h2", { id: "purchase-title" });
    this._quantity = element("input", {
      type: "number",
      min: 1,
      value: 1,
      required: true,
      inputmode: "numeric",
      oninput: () => this._typed(),
    });
    this._proof = element("textarea", { rows: 3, spellcheck: "false", oninput: () => this._typed() });
    this._proofLabel = element(
      "label",
      {},
      "Your proof",
      element("small", {}, "From the merchant: one 0x… value a line."),
      this._proof,
    );
    this._total = element("dd", { class: "price" });
    this._balance = element("dd");
    this._reasons = element("div", { class: "failure", role: "alert", hidden: true });
    this._pay = element("button", { type: "submit", class: "primary" });
    this._faucet = element("button", { type: "button", hidden: true, onclick: () => this._fund() });
    const facts = element(
      "dl",
      { class: "facts" },
      element("dt", {}, "In all"),
      this._total,
      element("dt", {}, "You have"),
      this._balance,
    );
    const close = element("button", { type: "button", class: "quiet", onclick: () => this._dialog.close() }, "Not now");
    const form = element(
      "form",
      { onsubmit: (/** @type {Event} */ event) => this._submit(event) },
      element("label", {}, "How many", this._quantity),
      this._proofLabel,
      facts,
      this._reasons,
      element("div", { class: "row" }, this._pay, this._faucet, close),
    );
    this._dialog = element(
      "dialog",
      { "aria-labelledby": this._title.id, onclose: () => this._asking.abort() },
      this._title,
      form,
    );
    document.body.append(this._dialog);
  }

  /** @param {Supply} supply what somebody who is signed in wants to buy */
  async open(supply) {
    if (this._supply?.id !== supply.id) this._attempt = null;
    this._supply = supply;
    setText(this._title, `Buy ${supply.title}`);
    this._quantity.value = "1";
    this._quantity.max = String(supply.per_user_limit ?? supply.quantity);
    this._proof.value = "";
    this._proofLabel.hidden = saleState(supply).kind !== "listed";
    this._show(null);
    this._dialog.showModal();
    await this._ask();
  }

  _typed() {
    clearTimeout(this._timer);
    this._attempt = null; // another purchase
    this._timer = setTimeout(() => this._ask(), TYPING_MS);
  }

  /** Ask what it would cost, and whether it would succeed. */
  async _ask() {
    this._asking.abort();
    this._asking = new AbortController();
    const { signal } = this._asking;
    if (!this._quantity.checkValidity()) return this._refuse(["Give a whole number from 1 on."]);
    try {
      this._show(await this._session.api.post("/v1/orders/quote", { body: await this._wish(), signal }));
    } catch (error) {
      if (signal.aborted) return;
      this._refuse([messageOf(error)]);
    }
  }

  /** @returns {Promise<Schemas["CreateOrder"]>} what is wanted, in the API's words */
  async _wish() {
    const wallet = await this._wallet.wallet();
    const proof = this._proof.value.split(/[\s,"[\]]+/).filter(Boolean);
    const line = { supply_id: this._supply?.id ?? "", quantity: this._quantity.valueAsNumber };
    return { wallet_id: wallet.id, items: [proof.length ? { ...line, proof } : line] };
  }

  /** @param {Schemas["Quote"] | null} quote null while it is not known */
  _show(quote) {
    this._quote = quote;
    const total = quote && formatAmount(quote.total, quote.currency);
    const missing =
      quote && quote.reasons.includes("INSUFFICIENT_FUNDS")
        ? BigInt(quote.total) - BigInt(quote.available_balance)
        : 0n;
    setText(this._total, total ?? "…");
    setText(this._balance, quote ? formatAmount(quote.available_balance, quote.currency) : "…");
    setText(this._pay, quote ? (BigInt(quote.total) === 0n ? "Get it for free" : `Pay ${total}`) : "Pay");
    this._refuse(quote ? quote.reasons.map((code) => refusal(code)) : []);
    this._pay.disabled = !quote?.eligible;
    this._faucet.hidden = !local || missing <= 0n;
    if (quote && missing > 0n) setText(this._faucet, `Get ${formatAmount(missing, quote.currency)} from the faucet`);
  }

  /** @param {string[]} sentences why it cannot be bought; none if it can */
  _refuse(sentences) {
    this._reasons.hidden = !sentences.length;
    const said = sentences.join("\n");
    if (this._reasons.dataset.said !== said) {
      this._reasons.dataset.said = said;
      this._reasons.replaceChildren(...sentences.map((sentence) => element("p", {}, sentence)));
    }
    if (sentences.length) this._pay.disabled = true;
  }

  async _fund() {
    const quote = this._quote;
    if (!quote) return;
    this._faucet.disabled = true;
    try {
      await this._wallet.fund(quote.currency, BigInt(quote.total) - BigInt(quote.available_balance));
      announce("The faucet has filled your wallet.");
      await this._ask();
      this._pay.focus();
    } catch (error) {
      this._refuse([messageOf(error)]);
    } finally {
      this._faucet.disabled = false;
    }
  }

  /** @param {Event} event */
  async _submit(event) {
    event.preventDefault();
    if (this._pay.getAttribute("aria-busy") === "true") return;
    this._pay.setAttribute("aria-busy", "true");
    try {
      // What may have been done already is sent again as it was, under its key: it is bought once.
      this._attempt ??= { key: newKey(), body: { ...(await this._wish()), quote: this._quote?.quote ?? undefined } };
      const order = await this._session.api.post("/v1/orders", this._attempt);
      this._attempt = null;
      this._dialog.close();
      announce("The order is placed.");
      this._placed(order.id);
    } catch (error) {
      await this._failed(error);
    } finally {
      this._pay.removeAttribute("aria-busy");
    }
  }

  /** @param {unknown} error */
  async _failed(error) {
    const code = error instanceof ApiProblem ? error.code : "";
    const open = OPEN_OUTCOMES.includes(code);
    if (!open) {
      this._attempt = null;
      await this._ask(); // what it costs now, and what else stands against it
    }
    this._refuse([refusal(code, messageOf(error))]);
    this._pay.disabled = !open;
  }
}
