// @ts-check
/** The sale as it goes: figures with their course, stock by cell, money, and the button that starts one. */
import { announce } from "../common/announcements.js";
import { element, setText } from "../common/elements.js";
import { decimal } from "../common/money.js";
import { messageOf } from "../common/sign_in.js";
import { badge, confirmed, drawSpark, id, newSpark, reasoned, replaced, table } from "./parts.js";
import { speeds, sum } from "./watch.js";

/** @import { Control, Job } from "./control" */
/** @import { Moment, Watch } from "./watch" */

/** @typedef {{value: string, note?: string, course: number[]}} Shown */

/** @type {[string, (history: Moment[], now: Moment, watch: Watch) => Shown][]} */
const TILES = [
  ["Orders placed", (history, now) => ({ value: count(now.placed), note: `${now.refused} refused`, course: history.map((each) => each.placed) })],
  ["Orders a second", (history, _, watch) => orderSpeed(history, watch)],
  ["Median of an order", (history, now) => ({ value: milliseconds(now.p50), course: history.map((each) => each.p50 ?? 0) })],
  ["99th percentile", (history, now) => ({ value: milliseconds(now.p99), course: history.map((each) => each.p99 ?? 0) })],
  ["Sold", (history, now) => ({ value: count(now.sold), note: `of ${count(now.units)} units`, course: history.map((each) => each.sold) })],
  ["Paid", (history, now) => ({ value: count(now.paid), course: history.map((each) => each.paid) })],
  ["Claimed", (history, now) => ({ value: count(now.claimed), course: history.map((each) => each.claimed) })],
  ["Events in flight", (history, now) => ({ value: count(now.unsent), course: history.map((each) => each.unsent) })],
  ["Parked events", (history, now) => ({ value: count(now.parked), course: history.map((each) => each.parked) })],
];

/** The demo's sale, and one for those who have less time. */
const SIZES = {
  whole: { supplies: 3, units: 100, buyers: 600 },
  small: { supplies: 1, units: 6, buyers: 10 },
};

export class SalePanel {
  /**
   * @param {Watch} watch
   * @param {Control | null} control
   */
  constructor(watch, control) {
    this._watch = watch;
    this._control = control;
    /** @type {number | null} */
    this._told = null;
    this._tiles = TILES.map(([name]) => newTile(name));
    this._start = reasoned("Start a sale", () => void this._sell("whole"), "primary");
    this._small = reasoned("Start a small one", () => void this._sell("small"));
    this._job = element("div", { class: "job", "aria-live": "polite" });
    this._stock = element("div");
    this._money = element("div");
    const actions = control && element("div", { class: "actions" }, this._start.root, this._small.root);
    this.root = element("section", { "aria-labelledby": "sale-title" },
      element("div", { class: "row spread" }, element("h2", { id: "sale-title" }, "The sale"), actions),
      this._job,
      element("dl", { class: "tiles" }, ...this._tiles.map((tile) => tile.root)),
      this._stock,
      this._money,
    );
  }

  show() {
    const { history, overview } = this._watch;
    const now = history.at(-1);
    if (!now || !overview) return;
    for (const [place, [, shown]] of TILES.entries()) {
      const tile = this._tiles[place];
      if (tile) fill(tile, shown(history, now, this._watch));
    }
    const stock = overview.cells.flatMap((cell) => cell.stock.map((each) => ({ cell: cell.cell, ...each })));
    stock.sort((one, other) => other.supply_id.slice(-26).localeCompare(one.supply_id.slice(-26)) || one.cell.localeCompare(other.cell));
    replaced(this._stock, table("Stock by supply and cell",
      ["Supply", "Id", "Cell", ...["Quota", "Available", "Reserved", "Sold"].map((title) => ({ title, number: true }))],
      stock.map((each) => [each.title, id(each.supply_id), each.cell, ...[each.quantity, each.available, each.reserved, each.sold].map(count)]),
      "Nothing is on sale."));
    replaced(this._money, this._accounts());
    this._showJob();
  }

  _accounts() {
    const cells = this._watch.overview?.cells ?? [];
    const kinds = [...new Set(cells.flatMap((cell) => cell.money.map((each) => `${each.currency} ${each.kind}`)))].sort();
    const rows = kinds.map((kind) => {
      const [currency = "", name = ""] = kind.split(" ");
      const of = (/** @type {typeof cells[number]} */ cell) =>
        cell.money.filter((each) => each.currency === currency && each.kind === name).reduce((all, each) => all + BigInt(each.amount), 0n);
      const all = cells.reduce((total, cell) => total + of(cell), 0n);
      return [name, currency, ...(cells.length > 1 ? cells.map((cell) => decimal(of(cell), currency)) : []), decimal(all, currency)];
    });
    const each = cells.length > 1 ? cells.map((cell) => ({ title: cell.cell, number: true })) : [];
    return table("Money by kind of account", ["Accounts", "Currency", ...each, { title: "Together", number: true }], rows, "No money has moved yet.");
  }

  _showJob() {
    const job = this._watch.jobs.find((each) => each.kind === "sale");
    const running = job?.status === "running";
    for (const button of [this._start, this._small]) button.allow(running ? "A sale is under way." : "");
    if (!job) return;
    if (running) {
      if (this._job.dataset.job !== String(job.id)) this._job.replaceChildren(...progressOf(job));
      const bar = this._job.querySelector("progress");
      const text = this._job.querySelector("p");
      if (bar && text) {
        setText(text, `Sale under way: ${job.step || "it begins"}${job.total ? `, ${job.done} of ${job.total}` : ""}`);
        bar.max = job.total || 1;
        bar.value = job.done;
      }
      this._job.dataset.job = String(job.id);
    } else if (this._told !== job.id) {
      this._told = job.id;
      delete this._job.dataset.job;
      this._job.replaceChildren(outcomeOf(job));
      announce(job.status === "done" ? "The sale has ended." : "The sale could not go on.");
    }
  }

  /** @param {keyof typeof SIZES} which */
  async _sell(which) {
    const size = SIZES[which];
    const text = `${size.buyers} buyers want ${size.supplies * size.units} units at the same time, and claim what they have bought twice.`;
    if (!this._control || !(await confirmed("Start a sale?", text, "Start it"))) return;
    try {
      await this._control.start("sale", { size });
      await this._watch.look();
    } catch (error) {
      this._job.replaceChildren(element("p", { class: "failure", role: "alert" }, messageOf(error)));
    }
  }
}

/** @param {Job} job */
function progressOf(job) {
  return [element("p", {}, ""), element("progress", { "aria-label": `Sale ${job.id}` })];
}

/** @param {Job} job */
function outcomeOf(job) {
  if (job.status === "failed") return element("p", { class: "failure" }, `The sale could not go on: ${job.failure}`);
  const { sold, units, orders_refused: refused, orders_per_second: speed, failures } = /** @type {Record<string, any>} */ (job.outcome);
  const wrong = /** @type {string[]} */ (failures ?? []);
  const said = `Sold ${sold} of ${units}, ${refused} orders refused, ${speed} orders a second.`;
  const verdict = wrong.length ? badge(wrong.join("; "), "bad") : badge("Every invariant holds", "good");
  return element("p", { class: "notice" }, `${said} `, verdict);
}

/** @param {string} name */
function newTile(name) {
  const value = element("span");
  const note = element("small", { class: "hint" });
  const spark = newSpark();
  const root = element("div", { class: "tile" }, element("dt", {}, name), element("dd", {}, value, " ", note), element("dd", { class: "trend" }, spark));
  return { root, value, note, spark };
}

/**
 * @param {ReturnType<typeof newTile>} tile
 * @param {Shown} shown
 */
function fill(tile, { value, note = "", course }) {
  setText(tile.value, value);
  setText(tile.note, note);
  drawSpark(tile.spark, course);
}

/**
 * @param {Moment[]} history
 * @param {Watch} watch
 * @returns {Shown}
 */
function orderSpeed(history, watch) {
  const course = speeds(history, "placed");
  const known = Object.values(watch.rates).filter((rates) => rates !== null);
  const now = known.length ? sum(known.map((rates) => rates.orders_per_second)) : (course.at(-1) ?? 0);
  return { value: now.toFixed(1), course };
}

/** @param {number} value */
function count(value) {
  return value.toLocaleString("en");
}

/** @param {number | null} value */
function milliseconds(value) {
  return value === null ? "–" : `${value.toFixed(0)} ms`;
}
