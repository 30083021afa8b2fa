// @ts-check
/** The dialog in which a merchant puts something on sale: on the local stack everybody is one. */
import { newKey } from "../common/api.js";
import { element } from "../common/elements.js";
import { parseAmount } from "../common/money.js";
import { messageOf } from "../common/sign_in.js";

/** @import { Schemas } from "../common/contract" */
/** @import { Session } from "../common/session" */

/** @type {Schemas["CreateSupply"]["currency"]} */
const CURRENCY = "USDC";

export class SellDialog {
  /**
   * @param {Session} session
   * @param {() => Promise<void>} listed called when something was put on sale
   */
  constructor(session, listed) {
    this._session = session;
    this._listed = listed;
    this._key = newKey();
    this._title = element("input", { required: true, maxlength: 200, autocomplete: "off" });
    this._description = element("input", { maxlength: 5000, autocomplete: "off" });
    this._price = element("input", { required: true, inputmode: "decimal", value: "25", autocomplete: "off" });
    this._quantity = element("input", { type: "number", required: true, min: 1, max: 1_000_000, value: 10 });
    this._failure = element("p", { class: "failure", role: "alert", hidden: true });
    this._submitter = element("button", { type: "submit", class: "primary" }, "Put it on sale");
    const close = element("button", { type: "button", class: "quiet", onclick: () => this._dialog.close() }, "Not now");
    const form = element(
      "form",
      // Another thing, under another key, as soon as anything about it is changed.
      { oninput: () => (this._key = newKey()), onsubmit: (/** @type {Event} */ event) => this._submit(event) },
      element("label", {}, "What it is called", this._title),
      element("label", {}, "What a buyer should know", this._description),
      element("label", {}, `Price of one in ${CURRENCY}`, element("small", {}, "0 gives it away."), this._price),
      element("label", {}, "How many there are", this._quantity),
      this._failure,
      element("div", { class: "row" }, this._submitter, close),
    );
    this._dialog = element(
      "dialog",
      { "aria-labelledby": "sell-title" },
      element("h2", { id: "sell-title" }, "Put something on sale"),
      form,
    );
    document.body.append(this._dialog);
  }

  open() {
    this._failure.hidden = true;
    this._dialog.showModal();
  }

  /** @param {Event} event */
  async _submit(event) {
    event.preventDefault();
    const price = parseAmount(this._price.value, CURRENCY);
    if (price === null) return this._fail(`The price has to be a number such as 25 or 0.50, of ${CURRENCY}.`);
    this._submitter.disabled = true;
    try {
      const body = /** @type {const} */ ({
        title: this._title.value.trim(),
        description: this._description.value.trim(),
        currency: CURRENCY,
        unit_price: String(price),
        quantity: this._quantity.valueAsNumber,
        status: "active",
      });
      await this._session.api.post("/v1/supplies", { body, key: this._key });
      this._key = newKey();
      this._dialog.close();
      this._title.value = this._description.value = "";
      await this._listed();
    } catch (error) {
      this._fail(messageOf(error));
    } finally {
      this._submitter.disabled = false;
    }
  }

  /** @param {string} sentence */
  _fail(sentence) {
    this._failure.textContent = sentence;
    this._failure.hidden = false;
  }
}
