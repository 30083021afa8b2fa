// @ts-check
/** What states, refusals and events are called for buyers. */

/** @import { Schemas } from "../common/contract" */

/** @typedef {{label: string, tone: "" | "good" | "warn" | "bad"}} Badge */

/** @type {Record<Schemas["Order"]["status"], Badge>} */
export const ORDER_STATUS = {
  pending: { label: "Being placed", tone: "" },
  confirmed: { label: "Reserved", tone: "" },
  paid: { label: "Paid", tone: "warn" },
  claimed: { label: "Claimed", tone: "good" },
  completed: { label: "On the chain", tone: "good" },
  failed: { label: "Refused", tone: "bad" },
  cancelled: { label: "Cancelled", tone: "" },
  expired: { label: "Expired", tone: "" },
  refunded: { label: "Refunded", tone: "" },
};

/** @type {Record<string, string>} */
const REFUSALS = {
  SOLD_OUT: "Fewer than that are left.",
  USER_LIMIT: "That is more than one buyer may have.",
  NOT_ON_SALE: "It is not on sale at the moment.",
  NOT_ALLOWED: "Only addresses on the merchant’s list may buy it now, with their proof.",
  INSUFFICIENT_FUNDS: "Your wallet has too little.",
  QUOTE_EXPIRED: "The price was kept for five minutes, which are over. Look at the new one.",
  ORDER_PENDING: "It is not known yet whether the order went through. Try again: nothing is bought twice.",
  OUTCOME_UNKNOWN: "It is not known yet whether that went through. Try again: nothing is done twice.",
  ALREADY_CLAIMED: "It was claimed, and cannot be refunded any more.",
  NOT_REFUNDABLE: "It cannot be refunded any more.",
};

/**
 * Why something is refused, as a sentence.
 *
 * @param {string} code
 * @param {string} [detail] what the API says of a code that is not known here
 */
export function refusal(code, detail = "") {
  return REFUSALS[code] ?? (detail || code);
}

/** @type {Record<string, string>} */
const EVENTS = {
  "order.confirmed": "Order reserved",
  "order.paid": "Order paid",
  "order.failed": "Order refused",
  "order.cancelled": "Order cancelled",
  "order.expired": "Order expired",
  "order.refund_refused": "Refund refused",
  "order.refunded": "Order refunded",
  "order.claimed": "Order claimed",
  "order.completed": "Order complete",
  "claim.processed": "Token delivered on the chain",
  "claim.failed": "Token could not be delivered",
  "supply.created": "Put on sale",
  "supply.updated": "Terms changed",
  "supply.restocked": "Restocked",
  "supply.sold_out": "Sold out",
  "supply.archived": "Taken off sale",
  "transfer.posted": "Money moved",
  "deposit.credited": "Deposit credited",
  "withdrawal.sent": "Withdrawal sent",
  "withdrawal.mined": "Withdrawal arrived",
  "withdrawal.failed": "Withdrawal failed",
};

/** @param {string} type */
export function eventWords(type) {
  return EVENTS[type] ?? type;
}
