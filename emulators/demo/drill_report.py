"""The figures of a drill, what is promised of them, and their report."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

BOUNDS: Final[Mapping[str, float]] = {"detected": 5.0, "elsewhere": 10.0, "promoted": 30.0}
"""In how many seconds after a death it is known, users of other cells are well, and the dead region's served again."""


@dataclass
class DrillFigures:
    """What was measured. Seconds are counted from the region's death.

    vouchers_elsewhere: until all other cells hand out vouchers again: one whose standby was in the dead region holds
    them back until its keeper has given that up (gate.STALLED_SECONDS).

    lost_orders, lost_withdrawals: acknowledged, and undone. lost_seconds: how long before the death the first of them
    was acknowledged. lost_events: on the old primary alone.
    """

    region: str
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
    def broken(self) -> list[str]:
        """The promises that were not kept."""
        took = {name: float(getattr(self, name)) for name in BOUNDS}
        late = [f"{name} after {took[name]:.1f} s" for name, most in BOUNDS.items() if took[name] > most]
        never = {"units oversold": self.oversold, "lost of money": self.money_lost, "double claims": self.double_claims}
        return [*late, *(f"{count} {name}" for name, count in never.items() if count), *self.violations]


def show(figures: DrillFigures, console: Console, file: Path) -> None:
    """Print the figures, and write them to a file."""
    table = Table("figure", "measured", "promised")
    for name, most in BOUNDS.items():
        table.add_row(f"{name}, s", f"{getattr(figures, name):.1f}", f"< {most:.0f}")
    for name in ("oversold", "money_lost", "double_claims"):
        table.add_row(name.replace("_", " "), str(getattr(figures, name)), "0")
    table.add_row("violations", str(len(figures.violations)), "0")
    table.add_row("vouchers elsewhere, s", f"{figures.vouchers_elsewhere:.1f}", "")
    for name in ("orders", "vouchers", "withdrawals", "lost_orders", "lost_withdrawals", "lost_events"):
        table.add_row(name.replace("_", " "), str(getattr(figures, name)), "")
    table.add_row("acknowledged and undone, s before", f"{figures.lost_seconds:.3f}", "the lag")
    console.print(f"[bold]{figures.region} died under load, and came back[/bold]")
    console.print(table)
    for line in figures.broken:
        console.print(f"[red]{line}[/red]", highlight=False)
    file.write_text(json.dumps(asdict(figures), indent=2) + "\n", encoding="utf-8")
