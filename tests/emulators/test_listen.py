"""`make listen`: what happens to one's supplies and orders is printed as it is delivered."""

import signal
import subprocess
import sys
from typing import IO

import httpx

from emulators.stack.stack import Stack
from shared.client.python.meridian_client import Meridian, iterate
from tests.architecture.codebase import ROOT


def line_with(words: str, output: IO[str]) -> str:
    """The next line that contains some words. Fails at the end of the output."""
    for line in output:
        if words in line:
            return line
    raise AssertionError(f"nothing says {words}")


def test_deliveries_are_printed(stack: Stack) -> None:
    """Verified ones only, until Ctrl-C, which deletes the webhook."""
    command = [sys.executable, "-m", "emulators.demo.listen", "merchant", "--data", "--state", str(stack.layout.state)]
    with (
        Meridian(stack.edge_url).log_in_locally("merchant") as merchant,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1) as listening,
    ):
        assert listening.stdout is not None
        try:
            url = line_with("delivers", listening.stdout).split(" to ")[1].partition(",")[0]
            assert httpx.post(url, json={"type": "order.paid"}).status_code == 401
            line_with("refused", listening.stdout)
            (hook,) = [each for each in iterate(merchant.list_webhooks) if each.url == url]
            supply = merchant.create_supply(title="Print", currency="USDC", unit_price="1", quantity=1)
            line_with(f"supply.created       {supply.id} v1", listening.stdout)
            line_with('"title": "Print"', listening.stdout)
        finally:
            listening.send_signal(signal.SIGINT)
        assert listening.wait(30) == 0
        assert hook.id not in [each.id for each in iterate(merchant.list_webhooks)]
