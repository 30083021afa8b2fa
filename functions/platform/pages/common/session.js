// @ts-check
/**
 * Who is signed in: sign-in by EIP-4361, the tokens, their renewal before they expire.
 *
 * Tokens are in the tab's sessionStorage: they outlive a reload, and no other tab has them, since each refresh token
 * works once. An event `change` says that somebody signed in or out.
 */
import { Api, ApiProblem } from "./api.js";

/** @import { Account, Tokens } from "./contract" */

const STORED = "meridian.session";

/** How long before its access token expires a session is renewed, in milliseconds. */
const RENEW_MS = 60_000;

/** @typedef {{tokens: Tokens, address: string, renewAt: number}} Stored */

export class Session extends EventTarget {
  constructor() {
    super();
    /** @type {Stored | null} */
    this._stored = JSON.parse(sessionStorage.getItem(STORED) ?? "null");
    /** @type {Promise<boolean> | null} */
    this._renewal = null;
    /** Of who is signed in, or of nobody. */
    this.api = new Api({ token: () => this._token(), renew: () => this._renew() });
  }

  /** The address that signed in, in its EIP-55 form; null for nobody. */
  get address() {
    return this._stored?.address ?? null;
  }

  /** The user who signed in; null for nobody. */
  get userId() {
    return this._stored?.tokens.user_id ?? null;
  }

  /**
   * Sign in as the holder of an account. Throws ApiProblem, and what the account's owner declines with.
   *
   * @param {Account} account
   * @param {number} chainId the chain to sign in for, if the account signs for any
   */
  async signIn(account, chainId) {
    const anybody = new Api();
    const body = { address: account.address, chain_id: account.chainId ?? chainId };
    const { message } = await anybody.post("/v1/auth/nonce", { body });
    const signature = await account.sign(message);
    this.enter(await anybody.post("/v1/auth/sign-in", { body: { message, signature } }), account.address);
  }

  /**
   * Go on with tokens.
   *
   * @param {Tokens} tokens
   * @param {string} address whose they are
   */
  enter(tokens, address) {
    this._keep({ tokens, address, renewAt: renewalOf(tokens) });
    this.dispatchEvent(new Event("change"));
  }

  /** End the session here and on the server. Throws ApiProblem if the server did not hear of it. */
  async signOut() {
    const token = this._stored?.tokens.refresh_token;
    this._end();
    if (token) await new Api().post("/v1/auth/sign-out", { body: { refresh_token: token } });
  }

  async _token() {
    if (this._stored && Date.now() > this._stored.renewAt) await this._renew();
    return this._stored?.tokens.access_token ?? null;
  }

  /** Whether there is another access token; all who wait for one share it. */
  _renew() {
    this._renewal ??= this._renewed().finally(() => {
      this._renewal = null;
    });
    return this._renewal;
  }

  async _renewed() {
    const known = this._stored;
    if (!known) return false;
    try {
      const tokens = await new Api().post("/v1/auth/refresh", { body: { refresh_token: known.tokens.refresh_token } });
      if (this._stored === known) this._keep({ tokens, address: known.address, renewAt: renewalOf(tokens) });
      return true;
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      if (error.status >= 400 && error.status < 429 && this._stored === known) this._end(); // the session is over
      return false;
    }
  }

  _end() {
    if (!this._stored) return;
    this._stored = null;
    sessionStorage.removeItem(STORED);
    this.dispatchEvent(new Event("change"));
  }

  /** @param {Stored} stored */
  _keep(stored) {
    this._stored = stored;
    sessionStorage.setItem(STORED, JSON.stringify(stored));
  }
}

/** @param {Tokens} tokens */
function renewalOf(tokens) {
  return Date.now() + tokens.expires_in * 1_000 - RENEW_MS;
}
