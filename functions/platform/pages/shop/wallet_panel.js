// @ts-check
/** The buyer's wallet: what is in it, and the faucet that fills it on the local stack. */
import { announce } from "../common/announcements.js";
import { local } from "../common/accounts.js";
import { byId, element } from "../common/elements.js";
import { formatAmount, parseAmount } from "../common/money.js";
import { messageOf } from "../common/sign_in.js";

/** @import { Schemas } from "../common/contract" */
/** @import { Session } from "../common/session" */

/** What the faucet gives at a click. */
const GIFT = "100";

/** @type {Schemas["Faucet"]["currency"]} */
const CURRENCY = "USDC";

export class WalletPanel {
  /** @param {Session} session */
  constructor(session) {
    this._session = session;
    this._panel = byId("balances", HTMLDivElement);
    this._facts = element("div");
    /** @type {Promise<Schemas["Wallet"]> | null} */
    this._known = null;
    session.addEventListener("change", () => {
      this._known = null;
      this._panel.replaceChildren();
    });
  }

  /** @returns {Promise<Schemas["Wallet"]>} the one that pays: the first, which signing in has opened */
  wallet() {
    this._known ??= this._first().catch((error) => {
      this._known = null;
      throw error;
    });
    return this._known;
  }

  async _first() {
    /** @type {Schemas["Wallet"] | undefined} */
    let oldest;
    for (let cursor = /** @type {string | undefined} */ (undefined); ;) {
      const page = await this._session.api.get("/v1/wallets", { query: { limit: 100, cursor } });
      oldest = page.items.filter((wallet) => wallet.status === "open").at(-1) ?? oldest;
      cursor = page.next_cursor ?? undefined;
      if (!cursor) break;
    }
    if (!oldest) throw new Error("There is no wallet to pay from.");
    return oldest;
  }

  /** Show what is in the wallet now. Throws ApiProblem. */
  async refresh() {
    const wallet = await this.wallet();
    const path = { wallet_id: wallet.id };
    const { balances } = await this._session.api.get("/v1/wallets/{wallet_id}/balances", { path });
    const shown = balances.filter((balance) => BigInt(balance.posted) > 0n);
    this._facts.replaceChildren(shown.length ? factsOf(shown) : element("p", { class: "hint" }, "It is empty."));
    if (!this._panel.contains(this._facts)) {
      this._panel.replaceChildren(
        this._facts,
        element("p", { class: "hint" }, "What you buy goes to ", element("code", {}, wallet.address)),
      );
      if (local) this._panel.append(this._faucetButton());
    }
  }

  /**
   * Have the faucet of the local stack fill the wallet. Throws ApiProblem.
   *
   * @param {Schemas["Faucet"]["currency"]} currency
   * @param {bigint} amount in atomic units
   */
  async fund(currency, amount) {
    const wallet = await this.wallet();
    await this._session.api.post("/v1/local/faucet", {
      body: { wallet_id: wallet.id, currency, amount: String(amount) },
    });
    await this.refresh();
  }

  _faucetButton() {
    const failure = element("p", { class: "failure", role: "alert", hidden: true });
    const give = async () => {
      button.disabled = true;
      try {
        await this.fund(CURRENCY, parseAmount(GIFT, CURRENCY) ?? 0n);
        failure.hidden = true;
        announce(`The faucet gave you ${GIFT} ${CURRENCY}.`);
      } catch (error) {
        failure.textContent = messageOf(error);
        failure.hidden = false;
      } finally {
        button.disabled = false;
      }
    };
    const button = element("button", { type: "button", onclick: give }, `Get ${GIFT} ${CURRENCY} from the faucet`);
    return element("div", { class: "stack" }, button, failure);
  }
}

/** @param {Schemas["Balance"][]} balances */
function factsOf(balances) {
  const rows = balances.flatMap(({ currency, available, held }) => [
    element("dt", {}, currency),
    element(
      "dd",
      {},
      formatAmount(available, currency),
      BigInt(held) > 0n && element("small", {}, ` and ${formatAmount(held, currency)} held`),
    ),
  ]);
  return element("dl", { class: "facts" }, ...rows);
}
