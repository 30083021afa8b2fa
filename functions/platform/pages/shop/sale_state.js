// @ts-check
/** Where a supply stands in its sale: what of it is open at a time, to whom, and at which price. */

/** @import { Schemas } from "../common/contract" */

/** @typedef {Schemas["Supply"]} Supply */
/** @typedef {Schemas["Phase"]} Phase */

/**
 * @typedef {object} SaleState
 * @property {"open" | "listed" | "later" | "over" | "sold_out" | "paused"} kind listed: to the addresses of a list
 * @property {Phase | null} phase the one that is open, or the next one
 * @property {string} price of a unit, in atomic units
 */

/**
 * @param {Supply} supply
 * @param {number} now
 * @returns {SaleState}
 */
export function saleState(supply, now = Date.now()) {
  const open = supply.phases.find((phase) => Date.parse(phase.starts_at) <= now && !isOver(phase, now)) ?? null;
  const next = supply.phases.find((phase) => Date.parse(phase.starts_at) > now) ?? null;
  const price = (open ?? next)?.unit_price ?? supply.unit_price;
  /** @param {SaleState["kind"]} kind @param {Phase | null} phase @returns {SaleState} */
  const state = (kind, phase = open) => ({ kind, phase, price });
  if (supply.status === "paused" || supply.status === "archived" || supply.status === "draft") return state("paused");
  if (supply.available === 0) return state("sold_out");
  if (!supply.phases.length) return state("open");
  if (!open) return next ? state("later", next) : state("over");
  return state(open.allowlist_root ? "listed" : "open");
}

/**
 * @param {Phase} phase
 * @param {number} now
 */
function isOver(phase, now) {
  return Boolean(phase.ends_at) && Date.parse(String(phase.ends_at)) <= now;
}
