"""The figures of a drill, what is promised of them, and their report."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from shared.cells.gate import STALLED_SECONDS
from shared.cells.words import Standbys

BOUNDS: Final[Mapping[str, float]] = {"detected": 5.0, "elsewhere": 10.0, "promoted": 30.0}
"""In how many seconds after a death it is known, users of other cells are well, and the dead region's served again."""

UNTIL_GIVEN_UP: Final[Mapping[str, float]] = {**BOUNDS, "elsewhere": STALLED_SECONDS + BOUNDS["elsewhere"]}
"""The same with synchronous standbys: a cell whose standby was in the dead region waits until that is given up."""


@dataclass
class DrillFigures:
    """What was measured. Seconds are counted from the region's death.

    vouchers_elsewhere: until all other cells hand out vouchers again: one whose standby was in the dead region holds
    them back until its keeper has given that up (gate.STALLED_SECONDS).

    lost_orders, lost_withdrawals: acknowledged, and undone. lost_seconds: how long before the death the first of them
    was acknowledged. lost_events: on the old primary alone.
    """

    region: str
    standbys: Standbys = "asynchronous"
    detected: float = 0.0
    elsewhere: float = 0.0
    promoted: float = 0.0
    vouchers_elsewhere: float = 0.0
    orders: int = 0
    vouchers: int = 0
    withdrawals: int = 0
    lost_orders: int = 0
    lost_withdrawals: int = 0
    lost_seconds: float = 0.0
    lost_events: int = 0
    oversold: int = 0
    money_lost: int = 0
    double_claims: int = 0
    violations: list[str] = field(default_factory=list)

    @property
    def bounds(self) -> Mapping[str, float]:
        """What is promised of the figures in seconds, by name."""
        return UNTIL_GIVEN_UP if self.standbys == "synchronous" else BOUNDS

    @property
    def broken(self) -> list[str]:
        """The promises that were not kept: what came late, and what must never happen."""
        took = {name: float(getattr(self, name)) for name in self.bounds}
        late = [f"{name} after {took[name]:.1f} s" for name, most in self.bounds.items() if took[name] > most]
        return [*late, *self.harm]

    @property
    def harm(self) -> list[str]:
        """What must never happen, however slow the machine is."""
        never = {"units oversold": self.oversold, "lost of money": self.money_lost, "double claims": self.double_claims}
        if self.standbys == "synchronous":
            never |= {"orders undone": self.lost_orders, "withdrawals undone": self.lost_withdrawals}
        return [*(f"{count} {name}" for name, count in never.items() if count), *self.violations]


def show(figures: DrillFigures, console: Console, file: Path) -> None:
    """Print the figures, and write them to a file."""
    table = Table("figure", "measured", "promised")
    for name, most in figures.bounds.items():
        table.add_row(f"{name}, s", f"{getattr(figures, name):.1f}", f"< {most:.0f}")
    for name in ("oversold", "money_lost", "double_claims"):
        table.add_row(name.replace("_", " "), str(getattr(figures, name)), "0")
    table.add_row("violations", str(len(figures.violations)), "0")
    table.add_row("vouchers elsewhere, s", f"{figures.vouchers_elsewhere:.1f}", "")
    for name in ("orders", "vouchers", "withdrawals"):
        table.add_row(name, str(getattr(figures, name)), "")
    undone, lag = ("0", "none") if figures.standbys == "synchronous" else ("", "the lag")
    for name in ("lost_orders", "lost_withdrawals"):
        table.add_row(name.replace("_", " "), str(getattr(figures, name)), undone)
    table.add_row("acknowledged and undone, s before", f"{figures.lost_seconds:.3f}", lag)
    table.add_row("lost events", str(figures.lost_events), "")
    console.print(f"[bold]{figures.region} died under load, and came back ({figures.standbys} standbys)[/bold]")
    console.print(table)
    for line in figures.broken:
        console.print(f"[red]{line}[/red]", highlight=False)
    file.write_text(json.dumps(asdict(figures), indent=2) + "\n", encoding="utf-8")
