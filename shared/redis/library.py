"""redis-py, imported without OpenTelemetry's metrics.

redis-py imports their API and SDK, for metrics of its own, wherever they are installed; Google's clients have them
installed. Nothing here turns those metrics on, and both would take a sixth of a cold start.
"""

import sys
from functools import cache
from typing import Any, Final

TELEMETRY: Final = ("opentelemetry.metrics", "opentelemetry.sdk.metrics")


@cache
def redis_library() -> Any:
    """The module `redis`, imported on first use."""
    modules: dict[str, Any] = sys.modules
    absent = [name for name in TELEMETRY if name not in modules]
    for name in absent:
        modules[name] = None  # an import of it fails with ModuleNotFoundError, which redis-py expects
    try:
        import redis
    finally:
        for name in absent:
            del modules[name]
    return redis
