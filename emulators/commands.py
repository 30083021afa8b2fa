"""The commands of the local stack.

python -m emulators up [--regions N] [--detach] [--replica] [--play [--once]] [--ports-from N | --free-ports]
python -m emulators region kill | heal | promote REGION
python -m emulators region cut | uncut REGION REGION
python -m emulators token merchant | buyer | operator
python -m emulators job redrive | replay ... (as `python -m functions.main`, in each cell)
python -m emulators logs [NAME ...] [--severity S] [--request ID] [--user ID] [--text T] [--follow]
python -m emulators trace ORDER
python -m emulators down | status | audit | reset

Each takes --state DIR.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import httpx
import psutil
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from emulators import log_view
from emulators.control.address import console_url
from emulators.invitation import invitation
from emulators.stack.errors import StackError
from emulators.stack.progress import TerminalProgress
from emulators.stack.secrets import PEOPLE
from emulators.stack.sites import first_regions
from emulators.stack.stack import Stack
from emulators.stack.supervisor import STOPPED
from shared.registry import load

FAILED: Final = 1
NOT_RUNNING: Final = 3
"""The exit code of `status` when nothing is up, as for LSB init scripts."""

console = Console()


def up(arguments: argparse.Namespace) -> int:
    """Start the stack; unless it is detached, serve until Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    began = time.monotonic()
    progress = TerminalProgress(console)
    stack = Stack(
        arguments.state,
        free_ports=arguments.free_ports,
        first_port=arguments.ports_from,
        regions=first_regions(load().cells, arguments.regions),
        replica=arguments.replica,
        observed=arguments.observe,
        controlled=True,
        detached=arguments.detach,
        progress=progress,
    )
    with progress:
        stack.up()
    console.print(f"Meridian is ready at {stack.edge_url} after {time.monotonic() - began:.1f} s.", highlight=False)
    if arguments.detach:
        console.print(f"The console is {console_url(stack.layout)}", highlight=False, soft_wrap=True)
        return 0
    try:
        return _serve(stack, play=arguments.play, once=arguments.once)
    finally:
        # A second Ctrl-C would leave half of the stack behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        console.print("stopping every process ...")
        stack.down()


def _serve(stack: Stack, *, play: bool, once: bool) -> int:
    """Play the demo if requested and, with `once`, return its exit code; otherwise serve until Ctrl-C (0)."""
    try:
        if play:
            from emulators.demo.runner import run as play_demo

            code = play_demo(stack, console, serves=not once)
            if once:
                return code
        console.print(invitation(stack), highlight=False, soft_wrap=True)
        stack.wait()
    except KeyboardInterrupt:
        return 0
    console.print("supervisord has ended by itself.")
    return FAILED


def token(arguments: argparse.Namespace) -> int:
    """Sign in a merchant, a buyer with money or an operator, and print an access token."""
    from emulators.demo import people

    stack = Stack(arguments.state)
    try:
        person = people.sign_in(stack, arguments.person)
    except httpx.HTTPError as error:
        raise StackError(f"{stack.edge_url} does not sign anybody in: {error}") from None
    sys.stdout.write(f"{person.access_token}\n")
    return 0


def job(arguments: argparse.Namespace) -> int:
    """Run a job, such as redrive or replay, in each cell."""
    command = [sys.executable, "-m", "functions.main", arguments.job, *arguments.rest]
    environments = Stack(arguments.state).environments
    codes = [subprocess.run(command, env={**os.environ, **each}, check=False).returncode for each in environments]
    return next((code for code in codes if code), 0)


def down(arguments: argparse.Namespace) -> int:
    """Stop the stack; the data in its stores is lost, logs and secrets stay."""
    stack = Stack(arguments.state, progress=TerminalProgress(console))
    running = sum(1 for process in stack.status() if process.pid)
    stack.down()
    ended = f"{running} processes have ended, and what the stores held is gone." if running else "Nothing was running."
    console.print(f"The stack in {arguments.state}: {ended}", highlight=False, soft_wrap=True)
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Show every process."""
    stack = Stack(arguments.state)
    processes = stack.status()
    if not processes:
        console.print(f"No stack is up in {arguments.state}.", highlight=False)
        return NOT_RUNNING
    table = Table("process", "state", "pid", "port", "MB", "seconds", box=SIMPLE)  # 80 columns are enough
    total = 0.0
    for process in processes:
        memory = _memory_megabytes(process.pid)
        total += memory
        uptime = f"{time.time() - process.started_at:.0f}" if process.pid else ""
        port = str(stack.ports.get(process.name, ""))
        table.add_row(process.name, process.state, str(process.pid or ""), port, f"{memory:.0f}", uptime)
    console.print(table)
    console.print(f"{stack.edge_url}, {total:.0f} MB together", highlight=False)
    troubles, waiting = stack.regions.troubles, {program.name for program in stack.regions.waiting()}
    for region in sorted(troubles.killed):
        console.print(f"{region} is killed", highlight=False)
    for cell, region in sorted(troubles.moved.items()):
        console.print(f"{cell} was promoted to {region}", highlight=False)
    for one, other in sorted(troubles.cut):
        console.print(f"{one} and {other} are cut off from one another", highlight=False)
    still_cold = [process for process in processes if process.state == STOPPED and process.name in waiting]
    return 0 if all(process.state == "RUNNING" or process in still_cold for process in processes) else FAILED


def _memory_megabytes(pid: int) -> float:
    """The memory of a process and its children: the proportional set size on Linux, the resident set size elsewhere."""
    if not pid:
        return 0.0
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
    except psutil.Error:
        return total / 1e6  # it has exited, or belongs to another user
    return total / 1e6


def logs(arguments: argparse.Namespace) -> int:
    """Show the logs of processes, by time and filtered, or list them."""
    log_view.show(arguments.state / "logs", arguments)
    return 0


def trace(arguments: argparse.Namespace) -> int:
    """Show what happened on behalf of an order, as trees of spans with their times."""
    from emulators import trace_view

    print("\n".join(trace_view.shown(Stack(arguments.state), arguments.order)))
    return 0


def audit(arguments: argparse.Namespace) -> int:
    """Check every invariant within and across the services of each cell, and print the violations."""
    stack = Stack(arguments.state)
    broken = [_audited(stack, number) for number in range(len(stack.served))]
    return FAILED if any(broken) else 0


def _audited(stack: Stack, site: int) -> int:
    """Audit one of its sites. Returns how many invariants do not hold there."""
    from emulators.demo.report import audit as check
    from emulators.demo.report import violations_of
    from emulators.demo.runner import resources_of

    response = check(resources_of(stack, site))
    lines = violations_of(response)
    lines += [f"{name} could not be checked." for name in response.unchecked]
    broken = len({each.invariant for each in response.violations})
    verdict = f"{broken} of them do not hold." if broken else "Every one of them holds."
    where = f"Cell {stack.served[site].cell}: " if len(stack.layout.sites) > 1 else ""
    lines.append(f"{where}{len(response.checked)} invariants were checked. {verdict}")
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)
    return broken


def region(arguments: argparse.Namespace) -> int:
    """Kill a region, heal it again or promote its cells; cut the link between two or restore it."""
    progress = TerminalProgress(console)
    regions, named = Stack(arguments.state, progress=progress).regions, arguments.regions
    of_one = {"kill": regions.kill, "heal": regions.heal, "promote": regions.promote}
    of_two = {"cut": regions.cut, "uncut": regions.uncut}
    wanted = 1 if arguments.action in of_one else 2
    if len(named) != wanted:
        raise StackError(f"`region {arguments.action}` takes {'one region' if wanted == 1 else 'two regions'}.")
    with progress:
        if wanted == 1:
            of_one[arguments.action](*named)
        else:
            of_two[arguments.action](*named)
    console.print(f"{arguments.action}: {', '.join(named)}", highlight=False)
    return 0


def reset(arguments: argparse.Namespace) -> int:
    """Stop the stack and remove every file it has written, including its secrets."""
    Stack(arguments.state, progress=TerminalProgress(console)).reset()
    console.print(f"The stack in {arguments.state} is gone.", highlight=False)
    return 0


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--state", type=Path, default=Path(".local"), help="the state folder (default: .local)")
    parser = argparse.ArgumentParser(prog="python -m emulators", description="The local stack of Meridian.")
    commands = parser.add_subparsers(required=True, metavar="command")
    functions = (up, token, job, down, status, logs, trace, audit, region, reset)
    subparsers = {f: commands.add_parser(f.__name__, help=f.__doc__, parents=[common]) for f in functions}
    for function, subparser in subparsers.items():
        subparser.set_defaults(function=function)
    ports = subparsers[up].add_mutually_exclusive_group()
    ports.add_argument("--ports-from", type=int, metavar="N", help="the edge listens on N, everything else from N+1")
    ports.add_argument("--free-ports", action="store_true", help="choose every port at random")
    subparsers[up].add_argument(
        "--detach", action="store_true", help="return once the stack is ready, and leave it running"
    )
    subparsers[up].add_argument(
        "--replica",
        action="store_true",
        default=bool(os.environ.get("REPLICA")),
        help="start a PostgreSQL standby for eventual reads",
    )
    subparsers[up].add_argument(
        "--observe",
        action="store_true",
        default=bool(os.environ.get("OBSERVE")),
        help="start Prometheus and Alertmanager too, with the rules",
    )
    subparsers[up].add_argument(
        "--regions",
        type=int,
        default=int(os.environ.get("REGIONS") or 1),
        metavar="N",
        help="start so many regions, with a database server for each cell and a global edge (default: 1)",
    )
    subparsers[up].add_argument("--play", action="store_true", help="play a purchase and the sample sale")
    subparsers[up].add_argument(
        "--once", action="store_true", default=bool(os.environ.get("ONCE")), help="stop after the demo"
    )
    subparsers[token].add_argument("person", choices=sorted(PEOPLE))
    subparsers[job].add_argument("job", choices=["redrive", "replay"])
    subparsers[job].add_argument("rest", nargs=argparse.REMAINDER, help="its arguments")
    subparsers[region].add_argument("action", choices=["kill", "heal", "promote", "cut", "uncut"])
    subparsers[region].add_argument("regions", nargs="+", metavar="REGION", help="one, or two to cut")
    subparsers[trace].add_argument("order", help="the order's id")
    log_view.add_arguments(subparsers[logs])
    return parser


def main() -> int:
    """Run a command and return its exit code; a failure prints one sentence."""
    arguments = _parser().parse_args()
    try:
        code: int = arguments.function(arguments)
    except StackError as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 130
    return code
