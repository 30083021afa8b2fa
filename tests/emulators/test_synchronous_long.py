"""The drill with synchronous standbys: a failover undoes nothing that was acknowledged."""

from pathlib import Path

import pytest
from rich.console import Console

from emulators.demo import drill
from emulators.stack.environment import STANDBYS
from emulators.stack.stack import Stack
from tests.chain import REDEEMED_AT_ONCE
from tests.emulators.conftest import THREE

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200), pytest.mark.alone]


def test_nothing_that_was_acknowledged_is_undone(tmp_path: Path) -> None:
    """A region dies under load, and is promoted; whose standby was there waits until that is given up."""
    overrides = {**REDEEMED_AT_ONCE, STANDBYS: "synchronous"}
    with Stack(tmp_path, free_ports=True, regions=THREE, overrides=overrides) as three:
        figures = drill.run(three, Console())
    assert figures.harm == []
    assert (figures.lost_orders, figures.lost_withdrawals) == (0, 0)
    assert min(figures.orders, figures.vouchers, figures.withdrawals) > 0
