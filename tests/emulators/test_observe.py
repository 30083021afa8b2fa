"""Prometheus over a stack: it scrapes every process, with the labels that series have in the cloud."""

from pathlib import Path
from unittest.mock import patch

import pytest

from emulators.stack import programs, sites
from emulators.stack.environment import Layout
from emulators.stack.errors import MissingDependency
from emulators.stack.parts import observe
from emulators.stack.ports import Ports, metrics_of
from shared.registry import load


def laid_out(folder: Path, count: int, *, observed: bool = True) -> Layout:
    """The layout of a stack of so many regions."""
    registry = load()
    served = sites.of_regions(registry.cells, sites.first_regions(registry.cells, count))
    with patch("shutil.which", return_value="/there"):
        names = programs.listening_programs(registry, served, observed=observed)
    ports = Ports(names, free=True)
    ports.release()
    return Layout(folder, ports.chosen, served, {})


@pytest.mark.parametrize(("count", "job"), [(1, "rpc-wallet"), (3, "rpc")])
def test_every_process_is_scraped_with_its_labels(tmp_path: Path, count: int, job: str) -> None:
    """By the job that it is in the cloud, or of which several are one process here, the region and the cell."""
    layout = laid_out(tmp_path, count)
    (scraped,) = observe.scraping(layout)["scrape_configs"]
    targets = {each["labels"]["instance"]: each["labels"] for each in scraped["static_configs"]}
    assert targets.keys() == {
        name.removesuffix(metrics_of("")) for name in layout.ports if name.endswith(metrics_of(""))
    }
    hosts = targets[f"{job}-us-central1"]
    assert (hosts["job"], hosts["location"], hosts["cluster"]) == (job, "us-central1", "us")
    assert {labels["location"] for labels in targets.values()} == set(layout.regions)


def test_the_stack_has_them_only_if_asked(tmp_path: Path) -> None:
    """Each with a port, a configuration and the rules."""
    assert observe.programs(laid_out(tmp_path, 1, observed=False)) == []
    layout = laid_out(tmp_path, 1)
    observe.configure(layout)
    assert [program.name for program in observe.programs(layout)] == list(observe.NAMES)
    assert {path.name for path in tmp_path.iterdir()} == {"prometheus.yaml", "alertmanager.yaml"}
    assert observe.RULES.exists()


def test_a_missing_one_is_a_sentence() -> None:
    sentence = r"^prometheus, which OBSERVE=1 needs, is missing: apt-get install prometheus\.$"
    with patch("shutil.which", return_value=None), pytest.raises(MissingDependency, match=sentence):
        observe.names(wanted=True)
