"""One purchase through containers: every request goes to the Pod of its row, which is started by the first one."""

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console

from cloudbuild.image.pods import Pods, mounted
from cloudbuild.image.tools import ImageError
from cloudbuild.manifests.containers import UNMATCHED, Target
from cloudbuild.manifests.resources import deployed
from emulators.demo import purchase
from emulators.stack.environment import EVENT_DELIVERY, PULL
from emulators.stack.ports import HOST, Ports
from emulators.stack.stack import Stack
from shared.registry import load
from shared.runtime.routes import Router

REQUEST_SECONDS: Final = 60.0


class Cluster(httpx.BaseTransport):
    """Sends a request to the container of its row, as a URL map does."""

    def __init__(self, start: Callable[[str], int]) -> None:
        """start: starts a function, and returns the port where it is ready."""
        self._router = Router(load().http_rows())
        self._start = start
        self._ports: dict[str, int] = {}
        self._lock = threading.Lock()
        self._http = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on, as the edge does."""
        row = self._router.match(request.method, request.url.path)
        name = row.name if row else UNMATCHED
        with self._lock:
            if name not in self._ports:
                self._ports[name] = self._start(name)
        request.url = request.url.copy_with(host=HOST, port=self._ports[name])
        request.headers["X-Forwarded-For"] = HOST
        return self._http.handle_request(request)


def run(out: Console) -> None:
    """Run every role of the image, buy and claim something, and stop all. Raises ImageError."""
    with (
        tempfile.TemporaryDirectory() as state,
        tempfile.TemporaryDirectory() as secrets,
        Stack(Path(state), free_ports=True, overrides={EVENT_DELIVERY: PULL}, stores_only=True) as stack,
    ):
        pods = Pods(stack.environment, mounted(stack.layout.secrets, Path(secrets)))
        try:
            _workers(pods, stack, out)
            _buy(pods, stack, out)
            _stop(pods, out)
        finally:
            pods.remove()


def _workers(pods: Pods, stack: Stack, out: Console) -> None:
    """Start every RPC host and worker."""
    region = stack.layout.regions[0]
    targets = deployed(load(), "pull")
    free = Ports([target.name for target in targets], free=True)
    for target in targets:
        rpc = target.role == "rpc"
        port = stack.ports[f"{target.name}-{region}"] if rpc else free.chosen[target.name]
        pods.start(target, port, PORT=str(port))
    pods.until_ready(*pods.running)
    free.release()
    out.print(f"{len(targets)} RPC hosts and workers are ready, each in a Pod.", highlight=False)


def _buy(pods: Pods, stack: Stack, out: Console) -> None:
    held: list[Ports] = []

    def start(name: str) -> int:
        held.append(Ports([name], free=True))
        port = held[-1].chosen[name]
        pods.until_ready(pods.start(Target("function", name), port, PORT=str(port)))
        return port

    with httpx.Client(base_url=stack.edge_url, transport=Cluster(start), timeout=REQUEST_SECONDS) as client:
        failed = purchase.run(client, out)
        refused = client.get("/v1/no/such/path")
    for ports in held:
        ports.release()
    if failed:
        raise ImageError("The purchase failed.")
    if (refused.status_code, refused.json()["code"]) != (404, "ROUTE_NOT_FOUND"):
        raise ImageError(f"An unknown path is answered with {refused.status_code}.")
    out.print(f"{len(held)} functions have served it, each in a Pod.", highlight=False)


def _stop(pods: Pods, out: Console) -> None:
    """Stop every container by SIGTERM: each ends by itself with 0, and has written nothing outside of /tmp."""
    for pod in pods.running:
        if found := pod.written():
            raise ImageError(f"{pod.target.name} has written {', '.join(found)}.")
    for pod in pods.running:
        pod.terminate()
    codes = {pod.target.name: pod.exit_code() for pod in pods.running}
    if failed := {name: code for name, code in codes.items() if code}:
        raise ImageError(f"SIGTERM did not end these with 0: {failed}.")
    out.print(f"{len(codes)} containers ended with 0 at SIGTERM, and wrote nothing outside of /tmp.", highlight=False)
