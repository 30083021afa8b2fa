"""The stack's edge with a split that changes while it runs: Envoy reads routes and clusters from files (xDS)."""

import http.client
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from emulators.stack.binaries import envoy
from emulators.stack.environment import Layout
from emulators.stack.parts import edge
from emulators.stack.parts.envoy import ROUTES
from emulators.stack.ports import HOST
from emulators.stack.readiness import http_ok
from emulators.waiting import until
from shared.registry import Registry

TYPE: Final = "type.googleapis.com/envoy.config"

FLUSHED: Final = 0.2
"""Seconds after which a line of the access log is written."""

TIMEOUT: Final = "4s"
"""How long a response may take: a demo's time is short."""


class SplitEdge:
    """An Envoy that splits traffic between revisions."""

    def __init__(self, registry: Registry, layout: Layout) -> None:
        """layout: its ports and folders; the state folder exists."""
        self._registry = registry
        self._layout = layout
        self._version = 0
        self._routed: dict[str, Any] = {}
        self._revisions: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """The access log."""
        return self._layout.logs / "edge-access.log"

    def start(self, revisions: Mapping[str, int], weights: Mapping[str, int]) -> None:
        """Start with revisions, by name with their ports, and their shares in percent. Returns when it serves."""
        self._write("clusters", self._clusters(revisions))
        self._revisions = dict(revisions)
        self._routed = self._routes(weights)
        self._write("routes", [self._routed])
        file = self._layout.state / "edge.json"
        file.write_text(json.dumps(self._configuration()), encoding="utf-8")
        command = [
            *(str(envoy()), "--config-path", str(file), "--use-dynamic-base-id", "--concurrency", "1"),
            *("--log-level", "error", "--file-flush-interval-msec", str(int(FLUSHED * 1000))),
        ]
        with (self._layout.logs / "edge.log").open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        until(http_ok(self._layout.ports["edge"], "/health"), bool)

    def stop(self) -> None:
        """Stop at once."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def route(self, revisions: Mapping[str, int], weights: Mapping[str, int]) -> None:
        """Change revisions and split, and return when Envoy serves by them. Raises TimeoutError if it refuses them."""
        # One that goes is kept until no route leads to it.
        self._write("clusters", self._clusters({**self._revisions, **revisions}))
        names = {edge.cluster_name(revision) for revision in revisions}
        until(self._healthy, lambda healthy: healthy >= {n for n in names if weights.get(n.partition("-")[2])})
        routes = self._routes(weights)
        if routes != self._routed:  # Envoy takes no notice of routes that it has
            version = self._write("routes", [routes])
            until(self._served_version, lambda served: served == version)
            self._routed = routes
        if self._revisions.keys() - revisions.keys():
            self._write("clusters", self._clusters(revisions))
        self._revisions = dict(revisions)

    def _configuration(self) -> dict[str, Any]:
        made = edge.configuration(self._registry.http_rows(), self._layout, self._registry.limits.values())
        manager = made["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        del manager["route_config"]
        manager["rds"] = {"route_config_name": ROUTES, "config_source": self._source("routes")}
        made["static_resources"]["clusters"] = []
        made["dynamic_resources"] = {"cds_config": self._source("clusters")}
        return made

    def _source(self, kind: str) -> dict[str, Any]:
        watched = {"path": str(self._file(kind)), "watched_directory": {"path": str(self._file(kind).parent)}}
        return {"path_config_source": watched, "resource_api_version": "V3"}

    def _file(self, kind: str) -> Path:
        return self._layout.state / kind / f"{kind}.json"

    def _write(self, kind: str, resources: Sequence[dict[str, Any]]) -> str:
        """Write a file of resources as Envoy reads them: moved into place, never half written. Returns its version."""
        self._version += 1
        file = self._file(kind)
        file.parent.mkdir(exist_ok=True)
        written = file.with_suffix(".new")
        document = {"version_info": str(self._version), "resources": resources}
        written.write_text(json.dumps(document), encoding="utf-8")
        written.replace(file)
        return str(self._version)

    def _clusters(self, revisions: Mapping[str, int]) -> list[dict[str, Any]]:
        region = self._layout.regions[0]
        return [
            {"@type": f"{TYPE}.cluster.v3.Cluster", **edge.cluster(revision, region, [port])}
            for revision, port in revisions.items()
        ]

    def _routes(self, weights: Mapping[str, int]) -> dict[str, Any]:
        made = edge.route_configuration(self._registry.http_rows(), weights)
        for route in made["virtual_hosts"][0]["routes"]:
            if "route" in route:
                route["route"]["timeout"] = TIMEOUT
        return {"@type": f"{TYPE}.route.v3.RouteConfiguration", **made}

    def _healthy(self) -> set[str]:
        """The clusters that have a host whose health check passes."""
        found = self._asked("/clusters?format=json").get("cluster_statuses", [])
        return {
            each["name"]
            for each in found
            if any(
                host["health_status"].get("eds_health_status") == "HEALTHY"
                and not host["health_status"].get("failed_active_health_check")
                for host in each.get("host_statuses", [])
            )
        }

    def _served_version(self) -> str:
        found = self._asked(f"/config_dump?resource={quote('dynamic_route_configs')}").get("configs", [])
        return str(found[0].get("version_info", "")) if found else ""

    def _asked(self, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection(HOST, self._layout.ports["edge-admin"], timeout=5)
        try:
            connection.request("GET", path)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()
