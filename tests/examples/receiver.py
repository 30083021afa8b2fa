"""Receives webhooks: receiver.py PORT, with the webhook's secret in WEBHOOK_SECRET. Prints what it receives."""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
handled: set[str] = set()  # keep it in your database, in the transaction that handles the event


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        # The signature covers the bytes as they were sent: verify these, never what was parsed and written again.
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = webhook.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError):  # ValueError: not even well-formed
            self.send_response(401)
            self.end_headers()
            return
        # A delivery may come twice, and out of order: `subject` and `streamversion` say which event came first.
        if event["id"] not in handled:
            handled.add(event["id"])
            print(event["type"], event["subject"], flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Only events are printed."""


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
