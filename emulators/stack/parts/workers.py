"""All workers of a site in one process: relays, pollers and, where events are pulled, consumers, each in a thread.

In the cloud, and where the stack has one site, they are processes of their own: ten a site are much for a laptop.

    python -m emulators.stack.parts.workers
"""

import threading
from collections.abc import Callable
from functools import partial

from emulators.stack import services
from functions.main import run_consumer, run_poller, run_relay, until_stopped
from shared.config import settings
from shared.container.loops import Loop, finish
from shared.registry import load


def run(stop: threading.Event) -> None:
    """Run until `stop` is set. A worker that dies of a defect ends all, so that they are restarted.

    Raises RuntimeError then.
    """
    registry = load()
    pulled = settings().event_bus == "kafka" or settings().event_delivery == "pull"
    roles: list[tuple[str, Callable[[str, threading.Event], None], list[str]]] = [
        ("relay", run_relay, services.relay_services(registry)),
        ("poller", run_poller, services.poller_services(registry)),
        ("consumer", run_consumer, services.consumer_services(registry) if pulled else []),
    ]
    loops = [Loop(f"{role} {name}", partial(work, name, stop), stop) for role, work, names in roles for name in names]
    for loop in loops:
        loop.start()
    finish(loops)


if __name__ == "__main__":
    until_stopped(run, services.relay_services(load()), services.poller_services(load()))
