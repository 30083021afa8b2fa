// @ts-check
/**
 * What the console watches: asks again every two seconds while the page is seen. An event `change` says that there is
 * something new; what could not be asked is in `trouble`.
 */
import { wait } from "../common/api.js";
import { messageOf } from "../common/sign_in.js";

/** @import { Schemas } from "../common/contract" */
/** @import { Session } from "../common/session" */
/** @import { Control, Job, Rates, State } from "./control" */

const EVERY_MS = 2_000;
const KEPT = 90;

/** The statuses of orders that have come so far, or further. */
const PAID = ["paid", "claimed", "completed", "refunded"];
const CLAIMED = ["claimed", "completed"];

/**
 * @typedef {object} Moment the figures of all cells together
 * @property {number} at
 * @property {number} placed
 * @property {number} paid
 * @property {number} claimed
 * @property {number} refused
 * @property {number} sold
 * @property {number} units
 * @property {number} unsent
 * @property {number} parked
 * @property {number | null} p50 in milliseconds
 * @property {number | null} p99
 */

export class Watch extends EventTarget {
  /**
   * @param {Session} session
   * @param {Control | null} control
   */
  constructor(session, control) {
    super();
    this._session = session;
    this._control = control;
    /** @type {AbortController | null} */
    this._running = null;
    /** @type {Schemas["Overview"] | null} */
    this.overview = null;
    /** @type {Schemas["Cell"][]} */
    this.cells = [];
    /** How often each cell's lease was renewed, and since when the count stands. @type {Map<string, {count: number, since: number}>} */
    this.renewals = new Map();
    /** @type {State | null} */
    this.state = null;
    /** @type {Record<string, Rates | null>} */
    this.rates = {};
    /** @type {Job[]} */
    this.jobs = [];
    /** @type {Moment[]} */
    this.history = [];
    this.trouble = "";
  }

  start() {
    if (this._running) return;
    this._running = new AbortController();
    void this._watch(this._running.signal);
  }

  stop() {
    this._running?.abort();
    this._running = null;
  }

  /** @param {AbortSignal} signal */
  async _watch(signal) {
    while (!signal.aborted) {
      if (document.visibilityState === "visible") await this.look();
      await wait(EVERY_MS, signal).catch(() => undefined); // stopped
    }
  }

  /** Ask everything once. */
  async look() {
    const parts = [this._cells(), this._overview(), ...(this._control ? [this._stack(this._control)] : [])];
    const outcomes = await Promise.allSettled(parts);
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    this.trouble = failed ? messageOf(failed.reason) : "";
    if (this._running) this.dispatchEvent(new Event("change"));
  }

  async _overview() {
    this.overview = await this._session.api.get("/v1/operator/overview");
    this.history = [...this.history, this._moment(this.overview)].slice(-KEPT);
  }

  async _cells() {
    const { items } = await this._session.api.get("/v1/operator/cells");
    for (const { cell, renewals: count } of items) {
      if (this.renewals.get(cell)?.count !== count) this.renewals.set(cell, { count, since: Date.now() });
    }
    this.cells = items;
  }

  /** @param {Control} control */
  async _stack(control) {
    [this.state, this.rates, this.jobs] = await Promise.all([control.state(), control.rates(), control.jobs()]);
  }

  /**
   * @param {Schemas["Overview"]} overview
   * @returns {Moment}
   */
  _moment({ cells }) {
    const orders = (/** @type {string[] | null} */ among) =>
      sum(cells.flatMap((cell) => Object.entries(cell.orders).filter(([status]) => !among || among.includes(status)).map(([, n]) => n)));
    const slowest = (/** @type {"order_p50_ms" | "order_p99_ms"} */ name) => {
      const known = Object.values(this.rates).map((rates) => rates?.[name] ?? null).filter((value) => value !== null);
      return known.length ? Math.max(...known) : null;
    };
    return {
      at: Date.now(),
      placed: orders(null),
      paid: orders(PAID),
      claimed: orders(CLAIMED),
      refused: orders(["failed"]),
      sold: sum(cells.flatMap((cell) => cell.stock.map((stock) => stock.sold))),
      units: sum(cells.flatMap((cell) => cell.stock.map((stock) => stock.quantity))),
      unsent: sum(cells.flatMap((cell) => cell.services.map((service) => service.unsent_events))),
      parked: sum(cells.flatMap((cell) => cell.services.map((service) => service.parked_events))),
      p50: slowest("order_p50_ms"),
      p99: slowest("order_p99_ms"),
    };
  }
}

/** @param {number[]} values */
export function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/**
 * How much a count has grown in a second, from one moment to the next.
 *
 * @param {Moment[]} history
 * @param {"placed" | "paid" | "claimed"} name
 * @returns {number[]}
 */
export function speeds(history, name) {
  return history.slice(1).map((moment, place) => {
    const before = history[place];
    // A cell that does not answer takes its orders out of the sum, which is no speed.
    return before ? Math.max(0, moment[name] - before[name]) / ((moment.at - before.at) / 1_000) : 0;
  });
}
