"""py-spy's samples of a process: recorded, and attributed to layers.

A sample is a stack of frames, the outermost first, and counts only threads that run. It is attributed to the layer of
its innermost frame that belongs to one: the standard library's work is its caller's.
"""

import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from emulators.stack.environment import ROOT

PY_SPY: Final = ROOT / ".venv-bench" / "bin" / "py-spy"
SAMPLES_A_SECOND: Final = 200
START_SECONDS: Final = 20

FRAME: Final = re.compile(r"\(([^()]*?):\d+\)$")

OTHER: Final = "other"

LAYERS: Final[Mapping[str, tuple[str, ...]]] = {
    "domain": ("functions/*/domain/",),
    "redis": ("/redis/", "shared/redis/", "/hiredis/"),
    "postgres": ("shared/postgres/", "/pg8000/", "shared/idempotency.py", "/aiosql/"),
    "outbox": ("shared/outbox/", "shared/bus/", "/google/cloud/pubsub", "/google/pubsub"),
    "firestore": ("shared/firestore/", "/google/cloud/firestore", "/google/api_core/", "functions/identity/"),
    "rpc": ("shared/rpc/", "/grpc/", "shared/contracts/gen/", "/google/protobuf/"),
    "auth": ("shared/auth/", "/jwt/", "/cryptography/", "shared/runtime/tokens.py"),
    "telemetry": ("shared/telemetry/", "/prometheus_client/", "/logging/"),
    "resilience": ("shared/resilience/",),
    "operation": ("functions/",),
    "runtime": ("shared/",),
    "framework": ("/flask/", "/werkzeug/", "/functions_framework/", "/granian/", "emulators/stack/", "/gunicorn/"),
}
"""Parts of a file's path, by layer; the first layer that has one of them wins. An * is a folder of any name."""

PATTERNS: Final = {
    layer: re.compile("|".join(re.escape(part).replace(r"\*", "[^/]+") for part in parts))
    for layer, parts in LAYERS.items()
}


class NoPermission(Exception):
    """py-spy cannot read the process; the message is one sentence for whoever runs it."""


def layer_of(stack: str) -> str:
    """The layer of a sample in py-spy's raw format: frames as `name (file:line)`, separated by semicolons."""
    for frame in reversed(stack.split(";")):
        file = FRAME.search(frame)
        path = file[1] if file else frame
        path = path.removeprefix(f"{ROOT}/") if "site-packages" not in path else path.partition("site-packages")[2]
        for layer, pattern in PATTERNS.items():
            if pattern.search(path):
                return layer
    return OTHER


def by_layer(raw: str) -> dict[str, float]:
    """The share of samples of each layer, the largest first."""
    counted: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        if stack and count.isdigit():
            counted[layer_of(stack)] += int(count)
    total = counted.total() or 1
    return {layer: count / total for layer, count in counted.most_common()}


class Recording:
    """py-spy, which records a process until it is stopped. form: raw or flamegraph (an SVG)."""

    def __init__(self, pid: int, form: str, file: Path) -> None:
        """Start it. Raises NoPermission."""
        if not PY_SPY.exists():
            raise NoPermission(f"There is no {PY_SPY}: `make profile` installs it, so there are no layers.")
        self._file = file
        file.unlink(missing_ok=True)
        # Only what holds the interpreter's lock: a thread that waits for a socket costs no CPU.
        options = ["--gil", "--format", form, "--rate", str(SAMPLES_A_SECOND), "--full-filenames", "--nonblocking"]
        self._process = subprocess.Popen(
            [PY_SPY, "record", *options, "--pid", str(pid), "--output", file],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            _, errors = self._process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            return  # it records
        raise refusal(errors)

    def stop(self) -> Path:
        """Stop it as Ctrl-C does; returns its file. Raises NoPermission."""
        self._process.send_signal(2)
        try:
            _, errors = self._process.communicate(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            _, errors = self._process.communicate()
        if not self._file.exists():
            raise refusal(errors)
        return self._file


def refusal(errors: str) -> NoPermission:
    """What py-spy has printed, as one sentence."""
    if re.search(r"permission denied|operation not permitted|elevated permissions|as root", errors, re.IGNORECASE):
        return NoPermission(
            "py-spy may not read the hosts, so there are no layers and no flame graph:"
            " run `make profile` as root, or allow it with `sysctl kernel.yama.ptrace_scope=0`."
        )
    return NoPermission(f"py-spy did not record, so there are no layers: {' '.join(errors.split()) or 'no output'}")
