"""The only composition root: starts any role for a row or a service. It is the entry point of the image.

    python -m functions.main function create_order    one function, with the probes of its container; or `unmatched`
    python -m functions.main rpc wallet         the RPC host of a service
    python -m functions.main relay wallet       the worker that publishes a service's events, fills its gaps, and polls
    python -m functions.main poller wallet      the worker that polls what holds secrets or calls users' endpoints
    python -m functions.main keeper             the process that keeps the lease of its cell
    python -m functions.main consumer wallet    where events are pulled, the worker that runs a service's event rows

Jobs, which end; their exit code is 0 only if all is well:

    python -m functions.main migrate            migrate the databases of all services; --service NAME only that one's
    python -m functions.main audit              check every invariant: 1 if one does not hold, 2 if one was not checked
    python -m functions.main promote            promote a cell's standby, here (shared/runtime/promotion/job.py)
    python -m functions.main lost-tail OLD      list what that has undone (shared/outbox/lost_tail.py)
    python -m functions.main redrive CONSUMER   try parked events again (shared/outbox/redrive.py)
    python -m functions.main replay ...         apply missing events, or compare projections (shared/outbox/replay.py)
    python -m functions.main rotate-keys DIR    add a key that signs access tokens (shared/auth/rotation.py)
    python -m functions.main openapi            print the OpenAPI document

A function's target is its row's name: for a short cold start `functions.main.create_order` imports nothing else's code.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import shared.container.start  # first: it shortens all other imports
from shared import requirements
from shared.config import settings
from shared.container.process import initialize, note_ready
from shared.errors import MeridianError
from shared.registry import Row, load
from shared.resources import Resources, resources
from shared.runtime.binding import BoundOperation
from shared.variables import ConfigurationError

UNMATCHED = "unmatched"  # the function of all paths that no row has
PORT = 8080  # where a function listens if PORT is not set
VIOLATED, UNCHECKED = 1, 2  # the exit codes of an audit that found something, and of one that is incomplete


def _host() -> str:
    """Where a container listens: on all of its own addresses; locally on loopback alone."""
    return "127.0.0.1" if settings().local else "0.0.0.0"  # noqa: S104


def bind(row: Row, host: str | None = None, parts: Resources | None = None) -> BoundOperation:
    """A row bound to its operation and its service's work.

    host: the service whose RPC host the operation runs in, if not its own. parts: the resources, if not this process's.
    """
    service, parts = host or row.service, parts or resources()
    operation = import_module(f"functions.{row.service}.{row.name}")
    adapters = import_module(f"functions.{row.service}.adapters.work")
    return BoundOperation(
        row=row,
        function=getattr(operation, row.name),
        database=partial(parts.database, service),
        work=partial(adapters.Work, parts, service),
        replica=partial(parts.replica, service),
        gate=partial(parts.gate, service),
        epoch=partial(parts.epoch, service),
    )


def function_row(name: str) -> Row | None:
    """The row of a function; None for `unmatched`. Raises ConfigurationError if it cannot run here."""
    if name == UNMATCHED:
        return None
    row = load().rows.get(name)
    if row is None or row.worker or row.rpc:
        raise ConfigurationError(name, "is no function")
    if row.environment not in (None, settings().environment):
        raise ConfigurationError(name, f"is for the {row.environment} environment only")
    requirements.check(settings(), "function", [row], row.service)
    return row


def serve(name: str) -> Callable[[Any], Any]:
    """The function of a row, or `unmatched`, as the functions framework calls it. Raises as function_row does."""
    row = function_row(name)
    initialize(resources())
    if row is None:
        from shared.runtime.routes import Router
        from shared.runtime.unmatched import Unmatched

        return Unmatched(Router(load().http_rows()), settings())
    if row.event:
        from shared.runtime.event import EventOperation

        return EventOperation(bind(row), settings(), resources().clock)
    if row.schedule:
        from shared.runtime.schedule import ScheduledOperation

        return ScheduledOperation(bind(row), settings())
    from shared.runtime.http import HttpOperation

    return HttpOperation.of(bind(row), resources())


def __getattr__(name: str) -> Callable[[Any], Any]:
    """Resolve a function's target on first use; the framework requires a plain function of that name."""
    if name != UNMATCHED and name not in load().rows:
        raise AttributeError(name)
    target = shared.container.start.settling(serve(name))
    shared.container.start.keep()  # before the server forks its workers
    target.__name__ = name
    return target


def run_function(name: str) -> None:
    """Serve a function and its container's probes until SIGTERM or SIGINT."""
    from shared.container.function import LINGER_SECONDS, FunctionServer, framework_application
    from shared.telemetry import logs

    logs.configure(settings())
    row = function_row(name)
    rows = [row] if row else load().http_rows()
    concurrency = max(load().scales[each.scale].concurrency for each in rows if each.scale)
    linger = 0.0 if settings().local else LINGER_SECONDS
    server = FunctionServer(_host(), settings().port or PORT, concurrency, linger)
    server.run(partial(framework_application, name, Path(__file__)))


def run_rpc(service: str, stop: threading.Event, port: int | None = None) -> None:
    """Serve a service's RPCs, at RPC_PORT by default, until `stop` is set; then finish the calls in flight."""
    from shared.runtime.rpc import LINGER_SECONDS, server
    from shared.runtime.rpc_caller import caller_identifier

    rows = requirements.rows_of("rpc", service)
    requirements.check(settings(), "rpc", rows, service)
    bounds = [bind(row, host=service if row.hosts else None) for row in rows]
    local = settings().local
    host, identify = "127.0.0.1" if local else "[::]", caller_identifier(settings(), resources().clock)
    serving, _ = server(bounds, port or settings().rpc_port, host, identify, cell=settings().cell, reflects=local)
    serving.start()
    stop.wait()
    serving.drain(0.0 if local else LINGER_SECONDS)


def run_relay(service: str, stop: threading.Event) -> None:
    """Publish a service's events, fill its consumers' gaps, and run its polling rows, until `stop` is set."""
    from shared.runtime.poll import loops, polling
    from shared.runtime.worker import work

    rows = requirements.rows_of("relay", service)
    requirements.check(settings(), "relay", rows, service)
    with polling(loops([bind(row) for row in rows if row.worker]), stop):
        work(service, resources(), [bind(row) for row in rows if row.event], stop)


def run_poller(service: str, stop: threading.Event) -> None:
    """Run a service's polling rows that hold secrets or call users' endpoints, until `stop` is set."""
    from shared.runtime.poll import loops, polling

    rows = requirements.rows_of("poller", service)
    requirements.check(settings(), "poller", rows, service)
    with polling(loops([bind(row) for row in rows]), stop):
        stop.wait()


def run_consumer(service: str, stop: threading.Event) -> None:
    """Consume a service's events from Kafka, or by pulls from Pub/Sub, until `stop` is set."""
    from shared.runtime.consumer import work

    rows = requirements.rows_of("consumer", service)
    requirements.check(settings(), "consumer", rows, service)
    work(service, resources(), [bind(row) for row in rows], stop)


def run_keeper(stop: threading.Event) -> None:
    """Keep the lease and gate of this process's cell until `stop` is set."""
    from shared.container.keeper import keep

    keep(resources(), stop)


def projections() -> Iterator[tuple[str, Any]]:
    """The projections of all services, each with its service."""
    for service, entry in load().services.items():
        if entry.database and find_spec(f"functions.{service}.adapters.projections"):
            adapters = import_module(f"functions.{service}.adapters.projections")
            yield from ((service, each) for each in adapters.projections(partial(adapters.Work, resources(), service)))


def run_audit(arguments: Sequence[str]) -> int:
    """Check every invariant within and across services, and print the violations."""
    argparse.ArgumentParser(prog="functions.main audit", description="Check every invariant.").parse_args(arguments)
    requirements.check_job(settings(), "platform")
    bound = bind(load().rows["audit"])
    found = bound.run(request=bound.request_type())
    lines = [f"{each.invariant}: {each.subject}: {each.detail}" for each in found.violations]
    lines += [f"{name} could not be checked." for name in found.unchecked]
    print(*lines, f"{len(found.checked)} invariants were checked, {len(found.violations)} violations found.", sep="\n")
    return VIOLATED if found.violations else UNCHECKED if found.unchecked else 0


def run_openapi(_: Sequence[str]) -> int:
    """Print the OpenAPI document."""
    from shared.runtime.openapi.document import document

    print(document(load(), lambda row: import_module(f"functions.{row.service}.{row.name}")))
    return 0


WORKERS = {"rpc": run_rpc, "relay": run_relay, "poller": run_poller, "consumer": run_consumer}  # each for a service

MODULES = {"migrate": "postgres.migrations", "rotate-keys": "auth.rotation", "promote": "runtime.promotion.job"} | {
    job: f"outbox.{job.replace('-', '_')}" for job in ("redrive", "replay", "lost-tail")
}
"""Jobs by the module in `shared` whose `main` does each."""

GIVEN: dict[str, tuple[Any, ...]] = {"replay": (projections,), "promote": (bind,)}  # services' code for some of them
COMPOSED = {"audit": run_audit, "openapi": run_openapi}  # jobs that are services' code


def _run_job(role: str, arguments: Sequence[str]) -> int:
    """Run a job; returns its exit code."""
    shared.container.start.settle()
    try:
        if role in COMPOSED:
            return COMPOSED[role](arguments)
        return int(import_module(f"shared.{MODULES[role]}").main(arguments, *GIVEN.get(role, ())))
    except MeridianError as error:
        sys.exit(str(error))


def _invariants(service: str) -> dict[str, bool]:
    """Whether each invariant of a service holds. Raises Unavailable."""
    check = bind(load().rows["check_audit"], host=service)
    found = check.run(request=check.request_type())
    violated = {each.invariant for each in found.violations}
    return {name: name not in violated for name in found.checked}


def until_stopped(
    run: Callable[..., None], relays: Sequence[str] = (), pollers: Sequence[str] = (), *, probes: bool = True
) -> None:
    """Run something until SIGTERM or SIGINT, answer probes where PORT is set, measure for `relays` and `pollers`."""
    from shared.container.loops import dead
    from shared.container.measurements import measuring
    from shared.container.probes import probed
    from shared.outbox.backlogs import report

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    initialize(resources())
    report(relays, resources())
    note_ready("worker")
    answering = probed(_host(), settings().port, dead) if settings().port and probes else nullcontext()
    with answering, measuring(relays, pollers, resources(), _invariants, stop):
        run(stop)


def _work(role: str, service: str) -> None:
    """Run a worker or an RPC host."""
    if service not in load().services:
        raise ConfigurationError(service, "is no service")
    relays, pollers = ([service] if role == kind else [] for kind in ("relay", "poller"))
    until_stopped(partial(WORKERS[role], service), relays, pollers, probes=role != "rpc")


def main(arguments: Sequence[str]) -> int:
    """Start a role; SIGTERM and SIGINT stop it."""
    parser = argparse.ArgumentParser(prog="functions.main", description="Starts a role of Meridian.", add_help=False)
    parser.add_argument("role", choices=["function", "keeper", *WORKERS, *MODULES, *COMPOSED])
    chosen, rest = parser.parse_known_args(arguments)
    try:
        if chosen.role in (*MODULES, *COMPOSED):
            return _run_job(chosen.role, rest)
        if chosen.role != "keeper":
            parser.add_argument("of", help="a function's name, or a service")
        of = getattr(parser.parse_args(arguments), "of", "")
        if chosen.role == "function":
            run_function(of)
        elif chosen.role == "keeper":
            until_stopped(run_keeper)
        else:
            _work(chosen.role, of)
    except ConfigurationError as error:
        sys.exit(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
