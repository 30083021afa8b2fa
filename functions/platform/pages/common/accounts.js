// @ts-check
/** The accounts that somebody can sign in with: those of the browser's wallets, or a key that this page keeps. */
import { addressOf, checksummed, newPrivateKey, signMessage } from "./ethereum.js";

/** @import { Account, Provider, Wallet } from "./contract" */

const KEY = "meridian.local-key";
const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

/**
 * Whether this is the local stack, where a key of the page is good enough: whoever gets at the browser's profile, or at
 * a script of this origin, can read it.
 */
export const local = LOOPBACK.includes(location.hostname);

/** @returns {Account} the account of this browser's key, which is made when it is first asked for */
export function localAccount() {
  const key = localStorage.getItem(KEY) ?? newPrivateKey();
  localStorage.setItem(KEY, key);
  return { address: addressOf(key), sign: (message) => signMessage(message, key) };
}

/** Make the next local account another one. */
export function forgetLocalAccount() {
  localStorage.removeItem(KEY);
}

/**
 * Tell of each wallet in the browser, as they announce themselves (EIP-6963), and of an older one at `window.ethereum`.
 *
 * @param {(wallet: Wallet) => void} found called at once or later
 */
export function discoverWallets(found) {
  /** @type {Set<Provider>} */
  const known = new Set();
  const tell = (/** @type {Wallet} */ wallet) => {
    if (known.has(wallet.provider)) return;
    known.add(wallet.provider);
    found(wallet);
  };
  addEventListener("eip6963:announceProvider", (event) => {
    const { info, provider } = /** @type {CustomEvent} */ (event).detail;
    tell({ name: String(info.name), provider });
  });
  dispatchEvent(new Event("eip6963:requestProvider"));
  const older = /** @type {{ethereum?: Provider}} */ (/** @type {unknown} */ (window)).ethereum;
  if (older && !known.size) tell({ name: "Browser wallet", provider: older });
}

/**
 * The account that a wallet's owner chooses. Rejects if they decline.
 *
 * @param {Wallet} wallet
 * @returns {Promise<Account>}
 */
export async function accountOf({ provider }) {
  const [chosen] = /** @type {string[]} */ (await provider.request({ method: "eth_requestAccounts" }));
  if (!chosen) throw new Error("The wallet has no account to sign in with.");
  const chainId = Number(await provider.request({ method: "eth_chainId" }));
  const address = checksummed(chosen);
  const sign = async (/** @type {string} */ message) =>
    String(await provider.request({ method: "personal_sign", params: [inHexadecimal(message), address] }));
  return { address, chainId, sign };
}

/** @param {string} text */
function inHexadecimal(text) {
  return `0x${[...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
