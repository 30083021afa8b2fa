"""redis-py, imported without OpenTelemetry's metrics SDK.

redis-py imports that SDK, for metrics of its own, wherever it is installed; Google's clients have it installed. Nothing
here turns those metrics on, and the SDK would take a seventh of a cold start.
"""

import sys
from functools import cache
from typing import Any, Final

TELEMETRY: Final = "opentelemetry.sdk.metrics"


@cache
def redis_library() -> Any:
    """The module `redis`, imported on first use."""
    modules: dict[str, Any] = sys.modules
    absent = TELEMETRY not in modules
    if absent:
        modules[TELEMETRY] = None  # an import of it fails with ModuleNotFoundError, which redis-py expects
    try:
        import redis
    finally:
        if absent:
            del modules[TELEMETRY]
    return redis
