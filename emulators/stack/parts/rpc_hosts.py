"""All RPC hosts of a site in one process: a gRPC server for each service, at its own port, in a thread of its own.

In the cloud, and where the stack has one site, they are processes of their own: six a site are much for a laptop.

    python -m emulators.stack.parts.rpc_hosts
"""

import threading
from functools import partial

from emulators.stack import services
from functions.main import run_rpc, until_stopped
from shared.config import settings
from shared.container.loops import Loop, finish
from shared.registry import load


def run(stop: threading.Event) -> None:
    """Serve until `stop` is set, each service where RPC_ADDRESSES says. A host that dies of a defect ends all.

    Raises RuntimeError then.
    """
    addresses = settings().rpc_addresses
    ports = {name: int(addresses[name].rpartition(":")[2]) for name in services.rpc_services(load())}
    loops = [Loop(f"rpc {name}", partial(run_rpc, name, stop, port), stop) for name, port in ports.items()]
    for loop in loops:
        loop.start()
    finish(loops)


if __name__ == "__main__":
    until_stopped(run, probes=False)
