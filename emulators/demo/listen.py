"""Receives the webhooks of one of the local stack's people, verifies and prints them: `make listen`.

    python -m emulators.demo.listen [merchant|buyer|operator] [--events order.paid,...] [--data] [--state DIR]

It makes a webhook by the API, and deletes it when it is ended with Ctrl-C.
"""

import argparse
import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import httpx
from rich.console import Console
from rich.text import Text
from standardwebhooks import Webhook, WebhookVerificationError

from emulators.stack.errors import StackError
from emulators.stack.ports import HOST
from emulators.stack.secrets import PEOPLE
from emulators.stack.stack import Stack
from shared.client.python.meridian_client import ApiError, Meridian
from shared.registry import load

TYPE_WIDTH: Final = 20
console = Console()


class Listener(ThreadingHTTPServer):
    """A webhook's address on this machine, which verifies and prints what comes."""

    daemon_threads = True

    def __init__(self, *, data: bool) -> None:
        """data: whether to print the events' data. It accepts connections at once, and serves them from `listen` on."""
        super().__init__((HOST, 0), _Delivery)
        self.data = data
        self.webhook: Webhook | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def listen(self, secret: str) -> None:
        """Serve from now on. secret: the webhook's; deliveries that came before wait until now."""
        self.webhook = Webhook(secret)
        Thread(target=self.serve_forever, daemon=True).start()


class _Delivery(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        """Verify a delivery and print it: 204, or 401 if it is not signed with the webhook's secret."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        assert self.server.webhook is not None
        try:
            event = self.server.webhook.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError) as error:
            console.print(Text(f"refused: {error}", style="red"))
            self._respond(401)
            return
        console.print(_line(event), soft_wrap=True)
        if self.server.data:
            console.print_json(json.dumps(event["data"]))
        self._respond(204)

    def _respond(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print deliveries only."""


def _line(event: dict[str, Any]) -> Text:
    """A delivery in a line: when, what, of which stream its how manyeth event, and the id that repeats share."""
    version = f"v{event['streamversion']}" if "streamversion" in event else ""
    return Text.assemble(
        f"{event['time']}  ",
        (f"{event['type']:<{TYPE_WIDTH}} ", "bold"),
        f"{event['subject']} {version}  ",
        (event["id"], "dim"),
    )


def listen(api: Meridian, events: list[Any], *, data: bool) -> None:
    """Print a user's deliveries until SIGINT or SIGTERM.

    events: the types, which the API checks. Raises ApiError if there can be no such webhook.
    """
    with Listener(data=data) as listener:
        hook = api.create_webhook(url=listener.url, events=events)
        try:
            listener.listen(hook.secret)
            console.print(
                f"{hook.id} delivers {len(events)} types of events to {listener.url}, signed with\n{hook.secret}.\n"
                "Ctrl-C ends it.",
                highlight=False,
                soft_wrap=True,
            )
            _until_interrupted()
            listener.shutdown()
        finally:
            api.delete_webhook(webhook_id=hook.id)


def _until_interrupted() -> None:
    try:
        signal.pause()
    except KeyboardInterrupt:
        return


def main() -> int:
    """Run the command. Returns 1, with one sentence, if it cannot."""
    types = load().webhook_types()
    parser = argparse.ArgumentParser(prog="python -m emulators.demo.listen", description="Print webhooks.")
    parser.add_argument("person", nargs="?", default="merchant", choices=sorted(PEOPLE))
    parser.add_argument("--state", type=Path, default=Path(".local"), help="the stack's state folder (default: .local)")
    parser.add_argument("--events", default=",".join(types), help="the types of events (default: all)")
    parser.add_argument("--data", action="store_true", help="print the data of the events as well")
    arguments = parser.parse_args()
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # a script ignores SIGINT for what it starts behind it
        signal.signal(number, signal.default_int_handler)
    try:
        with Meridian(Stack(arguments.state).edge_url) as api:
            listen(api.log_in_locally(arguments.person), arguments.events.split(","), data=arguments.data)
    except (StackError, ApiError) as error:
        print(error, file=sys.stderr)
        return 1
    except httpx.HTTPError as error:
        print(f"The stack in {arguments.state} does not answer: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
