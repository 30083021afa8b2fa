"""Asks a revision through its tag's URL: HTTP as a client does, gRPC for its health, both with Google's ID token."""

from typing import Final
from urllib.parse import urlsplit

import grpc
import urllib3
from google.auth.exceptions import GoogleAuthError
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cloudbuild.rollout.smoke import expected
from cloudbuild.rollout.traffic import GREEN
from cloudbuild.rollout.units import Kind, Unit
from shared.auth.service_identity import IdToken, channel_credentials, google_token
from shared.registry import Registry

SECONDS: Final = 10.0
"""How long a first response may take: a cold start is part of it."""

TAGGED: Final = f"{GREEN}---"
"""What a tag's URL has before the host of its service."""


def ask_function(url: str, unit: Unit, registry: Registry, seconds: float = SECONDS) -> str:
    """Why a function does not respond as its row says; empty if it does."""
    asked = expected(unit, registry)
    if asked is None:
        raise ValueError(f"{unit} is no function")
    try:
        with urllib3.PoolManager(timeout=seconds, retries=False) as pool:
            response = pool.request(asked.method, f"{url}{asked.path}", redirect=False)
    except urllib3.exceptions.HTTPError as error:
        return f"{asked.method} {asked.path}: {type(error).__name__}"
    if response.status in asked.statuses:
        return ""
    return f"{asked.method} {asked.path}: {response.status}"


def ask_rpc_host(channel: grpc.Channel, seconds: float = SECONDS) -> str:
    """Why an RPC host is not healthy; empty if it is (grpc.health.v1)."""
    try:
        request = health_pb2.HealthCheckRequest()
        status = health_pb2_grpc.HealthStub(channel).Check(request, timeout=seconds).status
    except grpc.RpcError as error:
        return f"health: {error.code().name}"
    serving = health_pb2.HealthCheckResponse.SERVING
    return "" if status == serving else f"health: {health_pb2.HealthCheckResponse.ServingStatus.Name(status)}"


class TagProbe:
    """Asks units in the cloud."""

    def __init__(self, registry: Registry) -> None:
        """registry: says what is right."""
        self._registry = registry

    def ask(self, unit: Unit, url: str) -> str:
        """Why the revision at a tag's URL does not respond as it should; empty if it does."""
        if not url:
            return "its tag has no URL: the default URL of the service is disabled"
        if unit.kind is Kind.FUNCTION:
            return ask_function(url, unit, self._registry)
        try:
            with self._channel(url) as channel:
                return ask_rpc_host(channel)
        except GoogleAuthError as error:
            return f"no ID token: {error}"

    def _channel(self, url: str) -> grpc.Channel:
        host = urlsplit(url).netloc

        def token(audience: str) -> IdToken:
            return google_token(audience.replace(TAGGED, "", 1))  # the audience is the service, without the tag

        return grpc.secure_channel(f"{host}:443", channel_credentials(f"{host}:443", token))
