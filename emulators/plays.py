"""What `make run` plays: one purchase told step by step, then the sample sale and its report."""

import os
from typing import Final

import httpx
from rich.console import Console

from emulators import purchase, report, sale
from emulators.progress import Bars
from emulators.stack import Stack
from shared.adapters.resources import Resources
from shared.config import read

REPORT: Final = "sale-report.json"

FOUND_BY_NAME: Final = ("PUBSUB_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT")
"""Google's clients find their emulators by these variables alone."""


def play(stack: Stack, console: Console, size: sale.Size | None = None) -> int:
    """Play both on a running stack. Returns 0 when both kept every promise, 1 when not."""
    size = size or sale.Size()
    with sale.connections(stack.edge_url, size.at_once) as client:
        failed = purchase.play(client, console)
        if failed:
            return failed
        console.print(f"[bold]The sample sale: {size.buyers} buyers for {size.supplies} x {size.units} units[/bold]\n")
        try:
            played = sale.play(client, size, Bars(console))
        except (httpx.HTTPError, TimeoutError) as error:
            console.print(f"[red]The sale could not go on: {error}[/red]")
            return 1
        found = report.read_back(played, resources_of(stack))
    report.show(found, console, stack.state / REPORT)
    return 1 if found.failures else 0


def resources_of(stack: Stack) -> Resources:
    """A running stack's real parts, as a process of Meridian sees them."""
    os.environ.update({name: stack.environment[name] for name in FOUND_BY_NAME if name in stack.environment})
    return Resources(read(stack.environment))
