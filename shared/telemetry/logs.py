"""Logs as one JSON object per line, in the fields of Cloud Logging: severity, trace, request id, user id.

    LOG_LEVEL=DEBUG    the least severity of Meridian's own messages; libraries, of which some log what they send, stay
                       at INFO

No log has a secret, a token, a signature, or what identifies a person but the id of their account: who logs leaves it
out, and what looks like one of them all the same is blotted out here (`blotted`).
(https://cloud.google.com/logging/docs/structured-logging#structured_logging_special_fields)
"""

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from shared.config import Settings
from shared.telemetry.context import trace_context

OWN: Final = ("shared", "functions", "emulators")
"""The packages whose messages LOG_LEVEL is about."""

BLOT: Final = "[removed]"
SECRET: Final = re.compile(
    r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JWT: access tokens, receipts, Google's identity tokens
    r"|\bwhsec_[A-Za-z0-9+/=]+"  # a webhook's secret
    r"|0x[0-9a-fA-F]{128,}"  # a signature, a signed transaction
    r"|\b[0-9a-fA-F]{64}\b"  # 32 bytes without 0x: keys; hashes are written with it
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"  # the credentials in a URL
    r"|(?i:(?<=bearer )[^\s\"']+)",
)
PERSON: Final = re.compile(r"0x[0-9a-fA-F]{40}\b(?![0-9a-fA-F])")
"""An Ethereum address. What it has bought is public: with its account's id it says who somebody is."""


def blotted(text: str) -> str:
    """A text without what looks like a secret, a token or a signature; of an Ethereum address its first bytes stay."""
    return PERSON.sub(lambda found: f"{found[0][:8]}...", SECRET.sub(BLOT, text))


class CloudFormatter(logging.Formatter):
    """A record as one line of JSON."""

    def __init__(self, project: str) -> None:
        """project: of Google Cloud, in which traces are."""
        super().__init__()
        self._project = project

    def format(self, record: logging.LogRecord) -> str:
        """A record as one line."""
        context = trace_context()
        entry: dict[str, Any] = {
            "severity": record.levelname,
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "logger": record.name,
            "message": blotted(record.getMessage()),
            "request_id": context.request_id,
        }
        if context.user_id:
            entry["user_id"] = context.user_id
        if context.trace_id:
            entry["logging.googleapis.com/trace"] = f"projects/{self._project}/traces/{context.trace_id}"
            entry["logging.googleapis.com/spanId"] = context.span_id
            entry["logging.googleapis.com/trace_sampled"] = context.sampled
        if request := getattr(record, "http_request", None):
            entry["httpRequest"] = request
        if record.exc_info:
            entry["stack_trace"] = blotted(self.formatException(record.exc_info))
        return msgspec.json.encode(entry).decode()


def configure(settings: Settings) -> None:
    """Send every log of this process to standard error, as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(CloudFormatter(settings.project))
    level = logging.getLevelNamesMapping()[settings.log_level]
    logging.basicConfig(level=max(level, logging.INFO), handlers=[handler], force=True)
    for package in OWN:
        logging.getLogger(package).setLevel(level)
