// @ts-check
/** Amounts: decimal strings of atomic units in the API, BigInt here, never numbers, which have 53 bits. */

/** @import { Schemas } from "./contract" */

/** @typedef {Schemas["Currency"]["currency"]} CurrencyCode */

/**
 * The decimal places of each currency, as `GET /v1/currencies` has them; it lists none without a chain.
 *
 * @type {Record<string, number>}
 */
const DECIMALS = { ETH: 18, MATIC: 18, USDC: 6 };

/**
 * An amount for people: `1500000` of USDC is "1.5 USDC".
 *
 * @param {string | bigint} atomic
 * @param {string} currency
 */
export function formatAmount(atomic, currency) {
  return `${decimal(atomic, currency)} ${currency}`;
}

/**
 * The number alone, grouped by thousands.
 *
 * @param {string | bigint} atomic
 * @param {string} currency
 */
export function decimal(atomic, currency) {
  const value = BigInt(atomic);
  const places = DECIMALS[currency] ?? 0;
  const unit = 10n ** BigInt(places);
  const size = value < 0n ? -value : value;
  const fraction = places ? (size % unit).toString().padStart(places, "0").replace(/0+$/, "") : "";
  const whole = (size / unit).toLocaleString("en");
  return `${value < 0n ? "−" : ""}${whole}${fraction ? `.${fraction}` : ""}`;
}

/**
 * What somebody typed, in atomic units; null if it is no amount of the currency.
 *
 * @param {string} text
 * @param {string} currency
 * @returns {bigint | null}
 */
export function parseAmount(text, currency) {
  const found = /^([0-9]{1,60})(?:\.([0-9]+))?$/.exec(text.trim());
  const places = DECIMALS[currency] ?? 0;
  const fraction = found?.[2] ?? "";
  if (!found || fraction.length > places) return null;
  return BigInt(found[1] + fraction.padEnd(places, "0"));
}
