"""The only composition root: starts any role for a row or a service.

    FUNCTION_TARGET=create_order functions-framework --source functions/main.py     one function
    python -m functions.main rpc wallet         the RPC host of a service
    python -m functions.main relay wallet       the worker that publishes a service's events, fills its gaps, and polls
    python -m functions.main poller wallet      the worker that polls what holds secrets or calls users' endpoints
    python -m functions.main consumer wallet    with EVENT_BUS=kafka or EVENT_DELIVERY=pull, the worker that runs a
                                                service's event rows
    python -m functions.main rotate-keys DIR    add a key that signs access tokens to the secrets in a folder: a fresh
                                                one, or with --kms-version NAME that version of a key in Cloud KMS
    python -m functions.main replay --verify    compare every projection with its events (shared/outbox/replay.py)
    python -m functions.main openapi            print the OpenAPI document

A function's target is its row's name: `functions.main.create_order` resolves it, and imports only that operation's
module and its service's work, so that a cold start pays only for what the function uses.
"""

import argparse
import gc
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shared import requirements
from shared.config import settings
from shared.registry import Row, load
from shared.resources import Resources, resources
from shared.runtime.binding import BoundOperation
from shared.variables import ConfigurationError

OBJECTS_BEFORE_COLLECTING = 20_000
"""The garbage collector's threshold: Python's default of 700 costs an eighth of a request, which makes few cycles."""


def _initialize() -> None:
    """Set up this process's logs, metrics and garbage collection."""
    from shared.telemetry import logs, metrics

    logs.configure()
    metrics.listen(settings(), resources().breakers)
    gc.set_threshold(OBJECTS_BEFORE_COLLECTING)


def bind(row: Row, host: str | None = None, parts: Resources | None = None) -> BoundOperation:
    """A row bound to its operation and its service's work.

    host: the service whose RPC host the operation runs in, if not its own. parts: the resources, if not this process's.
    """
    service = host or row.service
    parts = parts or resources()
    operation = import_module(f"functions.{row.service}.{row.name}")
    adapters = import_module(f"functions.{row.service}.adapters.work")
    return BoundOperation(
        row=row,
        function=getattr(operation, row.name),
        database=partial(parts.database, service),
        work=partial(adapters.Work, parts, service),
        replica=partial(parts.replica, service),
    )


def serve(name: str) -> Callable[[Any], Any]:
    """The function of a row, or `unmatched`, as the functions framework calls it. Raises KeyError."""
    _initialize()
    if name == "unmatched":
        from shared.runtime.routes import Router
        from shared.runtime.unmatched import Unmatched

        return Unmatched(Router(load().http_rows()), settings())
    row = load().rows[name]
    if row.worker:
        raise KeyError(f"{name} runs in a worker ({row.worker}), and is no function")
    requirements.check(settings(), "function", [row], row.service)
    if row.environment not in (None, settings().environment):
        raise KeyError(f"{name} is for the {row.environment} environment only")
    if row.event:
        from shared.runtime.event import EventOperation

        return EventOperation(bind(row), settings(), resources().clock)
    if row.schedule:
        from shared.runtime.schedule import ScheduledOperation

        return ScheduledOperation(bind(row), settings())
    from shared.runtime.http import HttpOperation

    parts = resources()
    return HttpOperation(bind(row), settings(), parts.clock, parts.sessions(), parts.limits(), parts.cache())


def __getattr__(name: str) -> Callable[[Any], Any]:
    """Resolve a function's target on first use; the framework requires a plain function of that name."""
    if name != "unmatched" and name not in load().rows:
        raise AttributeError(name)
    handler = serve(name)

    def target(request: Any) -> Any:
        return handler(request)

    target.__name__ = name
    return target


def run_rpc(service: str, stop: threading.Event) -> None:
    """Serve a service's RPCs until `stop` is set; then finish the calls in flight."""
    from shared.runtime.rpc import server
    from shared.runtime.rpc_caller import caller_identifier

    rows = load().hosted_rpcs(service)
    requirements.check(settings(), "rpc", rows, service)
    bounds = [bind(row, host=service if row.hosts else None) for row in rows]
    local = settings().local
    host, identify = "127.0.0.1" if local else "[::]", caller_identifier(settings(), resources().clock)
    serving, _ = server(bounds, settings().rpc_port, host, identify, reflects=local)
    serving.start()
    stop.wait()
    serving.stop(grace=5).wait()


def run_relay(service: str, stop: threading.Event) -> None:
    """Publish a service's events, fill its consumers' gaps, run its polling rows, and report backlogs as metrics."""
    from shared.jobs.failures import count_failures
    from shared.outbox.redrive import count_parked
    from shared.outbox.relay import measure_unsent
    from shared.runtime.poll import loops, polling
    from shared.runtime.worker import work
    from shared.telemetry.metrics import register_failing_items, register_parked_events, register_unsent_events

    polled = _polled(service, "relay")
    requirements.check(settings(), "relay", [*_consuming(service), *polled], service)
    if load().services[service].database:
        register_parked_events(partial(count_parked, resources().database(service), resources().clock))
        register_failing_items(partial(count_failures, resources().database(service), resources().clock))
        if load().services[service].outbox == "postgres":
            register_unsent_events(partial(measure_unsent, resources().database(service), resources().clock))
    with polling(loops([bind(row) for row in polled]), stop):
        work(service, resources(), [bind(row) for row in _consuming(service)], stop)


def run_poller(service: str, stop: threading.Event) -> None:
    """Run a service's polling rows that hold secrets or call users' endpoints, until `stop` is set."""
    from shared.runtime.poll import loops, polling

    polled = _polled(service, "poller")
    requirements.check(settings(), "poller", polled, service)
    with polling(loops([bind(row) for row in polled]), stop):
        stop.wait()


def run_consumer(service: str, stop: threading.Event) -> None:
    """Consume a service's events from Kafka, or by pulls from Pub/Sub, until `stop` is set."""
    from shared.runtime.consumer import work

    requirements.check(settings(), "consumer", _consuming(service), service)
    work(service, resources(), [bind(row) for row in _consuming(service)], stop)


def _consuming(service: str) -> list[Row]:
    return [row for row in load().of(service) if row.event]


def _polled(service: str, worker: str) -> list[Row]:
    return [row for row in load().of(service) if row.worker == worker]


def projections() -> Iterator[tuple[str, Any]]:
    """The projections of all services, each with its service."""
    for service, entry in load().services.items():
        if not entry.database:
            continue
        if find_spec(f"functions.{service}.adapters.projections") is None:
            continue
        adapters = import_module(f"functions.{service}.adapters.projections")
        yield from ((service, each) for each in adapters.projections(partial(adapters.Work, resources(), service)))


def main(arguments: list[str]) -> int:
    """Start a role; SIGTERM and SIGINT stop it."""
    if arguments[:1] == ["replay"]:
        from shared.outbox.replay import main as replay

        return replay(arguments[1:], projections)
    parser = argparse.ArgumentParser(prog="functions.main", description="Starts a role of Meridian.")
    parser.add_argument("role", choices=["rpc", "relay", "poller", "consumer", "replay", "rotate-keys", "openapi"])
    parser.add_argument("of", nargs="?", help="a service; of rotate-keys, the folder of secrets")
    parser.add_argument("--kms-version", default="", help="of rotate-keys: the version of a key in Cloud KMS")
    chosen = parser.parse_args(arguments)
    if chosen.role == "openapi":
        from shared.runtime.openapi import document

        print(document(load(), lambda row: import_module(f"functions.{row.service}.{row.name}")))
        return 0
    if chosen.role == "rotate-keys":
        from shared.auth.rotation import rotate

        print(rotate(Path(chosen.of), datetime.now(UTC), version=chosen.kms_version))
        return 0
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        _initialize()
        run = {"rpc": run_rpc, "relay": run_relay, "poller": run_poller, "consumer": run_consumer}[chosen.role]
        run(chosen.of, stop)
    except ConfigurationError as error:
        sys.exit(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
