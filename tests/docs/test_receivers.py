"""The receivers of webhooks in tests/examples, in both languages."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing

import httpx
import pytest

from emulators.demo.api_user import ApiUser
from emulators.waiting import until
from tests.shared.client.test_purchases import EXAMPLES, TSX


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def status_of(url: str, content: bytes, **headers: str) -> int | None:
    """How a receiver answers; None while it does not listen yet."""
    try:
        return httpx.post(url, content=content, headers=headers).status_code
    except httpx.ConnectError:
        return None


@pytest.mark.parametrize(
    "command", [(sys.executable, EXAMPLES / "receiver.py"), (*TSX, EXAMPLES / "receiver.mts")], ids=["py", "mts"]
)
def test_a_receiver_takes_what_meridian_signed(command: tuple[str, ...], anyone: Callable[[], ApiUser]) -> None:
    """And nothing else: not without signature, not with a malformed one; a delivery that comes twice counts once."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    seller = anyone()
    hook = seller.api.create_webhook(url=url, events=["supply.created"])
    environment = {**os.environ, "WEBHOOK_SECRET": hook.secret}
    with subprocess.Popen(
        [*command, str(port)], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as receiver:
        assert receiver.stdout is not None
        try:
            assert until(lambda: status_of(url, b"{}"), lambda status: status is not None) == 401
            signed = {"webhook-id": "e", "webhook-timestamp": "1", "webhook-signature": "v1,!"}
            assert status_of(url, b"\xff", **signed) == 401
            delivery = seller.api.try_webhook(webhook_id=hook.id)
            assert receiver.stdout.readline().split()[0] == "webhook.test"
            seller.api.redeliver(webhook_id=hook.id, delivery_id=delivery.id)
            supply = seller.api.create_supply(title="Print", currency="USDC", unit_price="1", quantity=1)
            assert receiver.stdout.readline().split() == ["supply.created", supply.id]
        finally:
            os.killpg(receiver.pid, signal.SIGKILL)  # tsx runs the script in a process of its own
