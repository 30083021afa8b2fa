"""Logs as one JSON object per line, in the fields that Cloud Logging understands."""

import logging
import sys
from datetime import UTC, datetime

import msgspec

from shared.telemetry.context import trace_context


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """A record as one line."""
        entry = {
            "severity": record.levelname,
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": trace_context().request_id,
        }
        if request := getattr(record, "http_request", None):
            entry["httpRequest"] = request
        if record.exc_info:
            entry["stack_trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry).decode()


def configure() -> None:
    """Send every log of this process to standard error, as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
