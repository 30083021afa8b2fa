"""Consumers whose inboxes exist somewhere: their names, services and types are frozen.

    python -m shared.consumers check     list changes of the registry's event rows against the landed ones
    python -m shared.consumers renew     record this checkout's event rows as landed (`make landed` checks first)

What a consumer has applied of a stream is one version, and events say which version of the stream it handled before.
Both only mean something as long as its types are the same, in every release that runs at once. So an effect gets a
further type as a row of its own, and a projection as a new edition with a name, an inbox and a comparison of its own.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from shared.registry import Registry, load

LOCK: Final = Path(__file__).parent.parent / "functions" / "consumers.lock.json"


def described(registry: Registry) -> dict[str, dict[str, Any]]:
    """What is frozen of each event row."""
    return {row.name: {"service": row.service, "event": sorted(row.event or ())} for row in registry.event_rows()}


def changes(landed: dict[str, dict[str, Any]], registry: Registry) -> list[str]:
    """The event rows that have landed and are no longer as they were."""
    now = described(registry)
    return [
        f"{name}: {'it is gone' if name not in now else 'its service or types have changed'}; add a row of another name"
        for name, frozen in landed.items()
        if now.get(name) != frozen
    ]


def read() -> dict[str, dict[str, Any]]:
    """The event rows that have landed."""
    landed: dict[str, dict[str, Any]] = json.loads(LOCK.read_text(encoding="utf-8"))
    return landed


def main(arguments: list[str]) -> int:
    """The command line."""
    if arguments[:1] == ["renew"]:
        LOCK.write_text(json.dumps(described(load()), indent=1) + "\n", encoding="utf-8")
        return 0
    found = changes(read(), load())
    sys.stdout.writelines(f"{each}\n" for each in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
