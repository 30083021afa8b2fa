// @ts-check
/** Whether the invariants hold, as each service's relay found when it last checked them: nothing is checked for this. */
import { element } from "../common/elements.js";
import { clock } from "../common/times.js";
import { badge, replaced, table } from "./parts.js";

/** @import { Schemas } from "../common/contract" */
/** @import { Watch } from "./watch" */

export class InvariantsPanel {
  /** @param {Watch} watch */
  constructor(watch) {
    this._watch = watch;
    this._verdict = element("div", { "aria-live": "polite" });
    this._table = element("div");
    this.root = element("section", { "aria-labelledby": "invariants-title" },
      element("div", { class: "row spread" }, element("h2", { id: "invariants-title" }, "Invariants"), this._verdict), this._table);
  }

  show() {
    const cells = this._watch.overview?.cells ?? [];
    const found = cells.flatMap((cell) => cell.services.map((service) => ({ cell: cell.cell, ...service })));
    if (!found.length) return;
    replaced(this._verdict, verdictOf(found.map((each) => each.invariants)));
    replaced(this._table, table("Invariants by service", ["Service", "Cell", "Hold", { title: "Invariants", number: true }, "Checked", "Violated"],
      found.map((each) => [each.service, each.cell, ...rowOf(each.invariants)]), ""));
  }
}

/** @param {Schemas["Invariants"] | null} found */
function rowOf(found) {
  if (!found) return [badge("not checked lately", "warn"), "–", "–", "–"];
  const { holding, violated } = found;
  const held = violated.length ? badge("0", "bad") : badge("1", "good");
  return [held, String(holding + violated.length), clock(found.checked_at), violated.join(", ") || "none"];
}

/** @param {(Schemas["Invariants"] | null)[]} all */
function verdictOf(all) {
  const violated = all.reduce((sum, each) => sum + (each?.violated.length ?? 0), 0);
  if (violated) return badge(`${violated} violated`, "bad");
  return all.every((each) => each) ? badge("All hold", "good") : badge("None is violated, not all were checked", "warn");
}
