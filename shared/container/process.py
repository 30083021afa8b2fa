"""What every process of Meridian does when it starts: its logs, its metrics, its traces."""

import multiprocessing
import os
import time
from functools import partial
from multiprocessing.util import Finalize
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector

from shared.config import Settings
from shared.container.start import settle
from shared.resources import Resources
from shared.telemetry import logs, metrics
from shared.telemetry.span_export import SpanExport, sink
from shared.telemetry.spans import configured, record_into

END_SECONDS: Final = 2.0
"""How long the export of what is left may take when a process ends."""


def initialize(resources: Resources) -> None:
    """Set up this process's logs, metrics and traces."""
    logs.configure(resources.settings)
    metrics.listen(resources.settings, resources.breakers)
    _trace(resources.settings)


_exports: Final[list[SpanExport]] = []


def _trace(settings: Settings) -> None:
    """Record and export spans, if this process traces and does not yet; what is left is exported when it ends."""
    queue = configured(settings)
    if queue is None or _exports:
        return
    _exports.append(SpanExport(queue, sink(settings)))
    record_into(queue)
    _exports[0].start()
    end = partial(_exports[0].finish, END_SECONDS)
    # In a process that was forked by multiprocessing, as functions are, atexit does not run.
    Finalize(None, end, exitpriority=0)


def note_ready(role: str) -> None:
    """Record how long a process took to be ready, which it is now. role: function or worker."""
    if role == "worker":  # a function settles after its first request
        settle()
    parent = multiprocessing.parent_process()  # of a worker that was forked by its server, it began with its server
    pid = parent.pid if parent and parent.pid else os.getpid()
    started = CollectorRegistry()
    ProcessCollector(pid=lambda: pid, registry=started)
    began = started.get_sample_value("process_start_time_seconds")
    if began is not None:  # only Linux tells
        metrics.note_start(role, max(0.0, time.time() - began))
