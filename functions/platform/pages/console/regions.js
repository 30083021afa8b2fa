// @ts-check
/** The regions: how each cell is, and what may be done to it on the local stack. */
import { announce } from "../common/announcements.js";
import { element, setText } from "../common/elements.js";
import { messageOf } from "../common/sign_in.js";
import { badge, confirmed, reasoned } from "./parts.js";

/** @import { Schemas } from "../common/contract" */
/** @import { Control } from "./control" */
/** @import { Reasoned } from "./parts" */
/** @import { Watch } from "./watch" */

/** @typedef {{label: string, tone: "" | "good" | "warn" | "bad"}} Health */

/** How long a lease lasts unless it is renewed, in milliseconds. */
const LEASE_MS = 5_000;

/** @type {Record<string, {verb: string, asks: (names: string) => string, says: string}>} */
const ACTIONS = {
  kill: {
    verb: "Kill",
    asks: (names) => `Kill ${names}?`,
    says: "All its processes end at once, its stores included, until it is healed. Its users go to the nearest other region; what is at home there waits.",
  },
  heal: { verb: "Heal", asks: (names) => `Heal ${names}?`, says: "It starts with what its database held when it died." },
  promote: {
    verb: "Promote its cells",
    asks: (names) => `Promote the cells of ${names}?`,
    says: "Their standbys take over in the next region. What they had not received yet is listed, and not applied again.",
  },
  cut: { verb: "Cut", asks: (names) => `Cut ${names} off from one another?`, says: "Neither reaches the other until the link is restored." },
  uncut: { verb: "Restore", asks: (names) => `Restore the link between ${names}?`, says: "What has waited goes on." },
};

export class RegionsPanel {
  /**
   * @param {Watch} watch
   * @param {Control | null} control
   */
  constructor(watch, control) {
    this._watch = watch;
    this._control = control;
    /** @type {Map<string, ReturnType<typeof newCard>>} */
    this._cards = new Map();
    /** @type {Map<string, Reasoned>} */
    this._buttons = new Map();
    this._grid = element("ul", { class: "grid", "aria-label": "Cells" });
    this._links = element("div", { class: "actions" });
    this._linksPart = element("div", { class: "panel", hidden: true }, element("h3", {}, "Links between regions"), this._links);
    this._failure = element("p", { class: "failure", role: "alert", hidden: true });
    this.root = element("section", { "aria-labelledby": "regions-title" },
      element("h2", { id: "regions-title" }, "Regions"), this._failure, this._grid, this._linksPart);
  }

  show() {
    for (const cell of this._watch.cells) {
      const card = this._cards.get(cell.cell) ?? this._added(cell);
      const figures = this._watch.overview?.cells.find((each) => each.cell === cell.cell);
      const health = this._health(cell, figures);
      if (card.badge.textContent !== health.label) {
        if (card.badge.textContent) announce(`Cell ${cell.cell}: ${health.label}.`);
        card.badge.replaceWith((card.badge = badge(health.label, health.tone)));
      }
      setText(card.where, cell.region === cell.home ? cell.region : `${cell.region} (at home in ${cell.home})`);
      setText(card.epoch, String(cell.epoch));
      setText(card.lease, this._lease(cell));
      setText(card.standby, cell.standby || (cell.leased ? "none designated" : "none"));
      setText(card.lag, lagOf(figures));
      setText(card.wrong, wrongs(figures).join(", ") || "nothing");
    }
    this._showButtons();
  }

  /** @param {Schemas["Cell"]} cell */
  _lease(cell) {
    if (!cell.leased) return "not needed in one region";
    if (cell.opening) return "a promotion is under way";
    const renewed = this._watch.renewals.get(cell.cell);
    return renewed && Date.now() - renewed.since < LEASE_MS ? "renewed each second" : "not renewed any more";
  }

  /**
   * @param {Schemas["Cell"]} cell
   * @param {Schemas["CellFigures"] | undefined} figures
   * @returns {Health}
   */
  _health(cell, figures) {
    if (this._watch.state?.killed.includes(cell.region)) return { label: "Down", tone: "bad" };
    if (cell.opening) return { label: "Being promoted", tone: "warn" };
    if (!figures) return { label: "Does not answer", tone: "bad" };
    if (wrongs(figures).length) return { label: "Troubled", tone: "warn" };
    return { label: cell.region === cell.home ? "Healthy" : "Healthy, elsewhere", tone: "good" };
  }

  /** @param {Schemas["Cell"]} cell */
  _added(cell) {
    const card = newCard(cell.cell);
    this._cards.set(cell.cell, card);
    this._grid.append(card.root);
    return card;
  }

  _showButtons() {
    for (const { action, regions, reason } of this._watch.state?.choices ?? []) {
      const name = [action, ...regions].join(" ");
      const button = this._buttons.get(name) ?? this._newButton(name, action, regions);
      if (!button) continue; // its cell is not known yet
      const busy = this._watch.jobs.find((job) => job.kind === "region" && job.status === "running");
      button.allow(reason || (busy ? `Wait: ${busy.action} ${busy.subjects.join(" and ")} has not ended.` : ""));
    }
  }

  /**
   * @param {string} name
   * @param {string} action
   * @param {string[]} regions
   */
  _newButton(name, action, regions) {
    const { verb = action } = ACTIONS[action] ?? {};
    const [first = "", second] = regions;
    const home = this._watch.cells.find((cell) => cell.home === first);
    const place = second ? this._links : this._cards.get(home?.cell ?? "")?.actions;
    if (!place) return null;
    const label = second ? `${verb} ${first} – ${second}` : verb;
    const button = reasoned(label, () => void this._act(action, regions), action === "kill" || action === "cut" ? "danger" : "");
    if (!second) button.root.querySelector("button")?.setAttribute("aria-label", `${verb}: ${first}`);
    this._buttons.set(name, button);
    place.append(button.root);
    if (second) this._linksPart.hidden = false;
    return button;
  }

  /**
   * @param {string} action
   * @param {string[]} regions
   */
  async _act(action, regions) {
    const about = ACTIONS[action];
    if (!about || !this._control || !(await confirmed(about.asks(regions.join(" and ")), about.says, about.verb))) return;
    this._failure.hidden = true;
    try {
      await this._control.start(action, { regions });
      await this._watch.look();
    } catch (error) {
      setText(this._failure, messageOf(error));
      this._failure.hidden = false;
    }
  }
}

/** @param {string} cell */
function newCard(cell) {
  const fact = () => element("dd");
  const [where, epoch, lease, standby, lag, wrong] = [fact(), fact(), fact(), fact(), fact(), fact()];
  const facts = /** @type {const} */ ([["Served in", where], ["Epoch", epoch], ["Lease", lease], ["Standby", standby], ["Copies behind", lag], ["In trouble", wrong]]);
  const actions = element("div", { class: "actions" });
  const state = badge("");
  const root = element("li", { class: "panel" },
    element("div", { class: "row spread" }, element("h3", {}, `Cell ${cell}`), state),
    element("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [element("dt", {}, name), value])),
    actions,
  );
  return { root, badge: state, actions, where, epoch, lease, standby, lag, wrong };
}

/**
 * What is not as it should be: dependencies, breakers, events that nobody applies.
 *
 * @param {Schemas["CellFigures"] | undefined} figures
 */
export function wrongs(figures) {
  if (!figures) return [];
  const down = Object.entries(figures.dependencies).filter(([, state]) => state !== "ok").map(([name]) => name);
  const open = figures.services.flatMap(({ service, breakers }) =>
    Object.entries(breakers).filter(([, state]) => state !== "closed").map(([name, state]) => `${service}: ${name} ${state}`));
  const parked = figures.services.filter((each) => each.parked_events).map((each) => `${each.service}: ${each.parked_events} parked`);
  return [...down, ...open, ...parked];
}

/** @param {Schemas["CellFigures"] | undefined} figures */
function lagOf(figures) {
  const lags = Object.entries(figures?.replication_lag_seconds ?? {});
  if (!lags.length) return "none are kept";
  return lags.map(([cell, lag]) => `${cell} ${lag === null ? "unknown" : `${lag.toFixed(1)} s`}`).join(", ");
}
