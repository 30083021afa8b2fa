"""Runs the demo of `make run`: one purchase narrated step by step, then the sample sale and its report."""

import os
from typing import Final

import httpx
from rich.console import Console

from emulators.demo import purchase, report, sale, shop_window
from emulators.stack.progress import ProgressBars
from emulators.stack.stack import Stack
from shared.config import read
from shared.resources import Resources

REPORT: Final = "sale-report.json"

EMULATOR_VARIABLES: Final = ("PUBSUB_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT")
"""The environment variables by which Google's client libraries find the emulators."""


def run(stack: Stack, console: Console, size: sale.Size | None = None, *, serves: bool = False) -> int:
    """Run both against a running stack. Returns 0 when every invariant held, else 1.

    serves: whether the stack goes on, so that the shop is to have something on sale.
    """
    size = size or sale.Size()
    with sale.connections(stack.edge_url, size.at_once) as client:
        failed = purchase.run(client, console)
        if failed:
            return failed
        console.print(f"[bold]The sample sale: {size.buyers} buyers for {size.supplies} x {size.units} units[/bold]\n")
        try:
            result = sale.run(client, size, ProgressBars(console), stack.layout.regions)
        except (httpx.HTTPError, TimeoutError) as error:
            console.print(f"[red]The sale could not go on: {error}[/red]")
            return 1
        figures = report.read_back(result, sites_of(stack))
    report.show(figures, console, stack.state / REPORT)
    if serves:
        shop_window.open_shop(stack.edge_url, console)
    return 1 if figures.failures else 0


def sites_of(stack: Stack) -> dict[str, Resources]:
    """The Resources of each site where a running stack serves a cell, by its name."""
    return {site.name: resources_of(stack, number) for number, site in enumerate(stack.served)}


def resources_of(stack: Stack, site: int = 0) -> Resources:
    """The Resources of a running stack, as its own processes at one of its sites have them."""
    environment = stack.environments[site]
    os.environ.update({name: environment[name] for name in EMULATOR_VARIABLES if name in environment})
    return Resources(read(environment))
