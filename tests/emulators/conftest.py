"""The layout of a stack of three regions that is not running."""

from pathlib import Path

import pytest

from emulators.stack import programs, secrets, sites
from emulators.stack.environment import Layout
from emulators.stack.ports import Ports
from emulators.stack.sites import Site
from shared.registry import load

US, EUROPE, ASIA = THREE = ("us-central1", "europe-west1", "asia-east1")


def layout_of(state: Path, served: tuple[Site, ...]) -> Layout:
    """The layout of a stack of these sites, on free ports, with the secrets that its processes are told of."""
    ports = Ports(programs.listening_programs(load(), served), free=True)
    ports.release()
    layout = Layout(state, ports.chosen, served, {})
    secrets.ensure(layout.secrets, [], *layout.apart)
    return layout


@pytest.fixture
def three(tmp_path: Path) -> Layout:
    """That of three regions."""
    return layout_of(tmp_path, sites.of_regions(load().cells, THREE))
