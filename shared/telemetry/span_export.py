"""Where the spans of a process go: into a folder on the local stack, to Cloud Trace in the cloud.

A thread takes what has gathered every second; what is left when the process ends is exported then.
"""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from shared.config import Settings
from shared.telemetry.spans import FinishedSpan, SpanQueue

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

log = logging.getLogger(__name__)

GATHER_SECONDS: Final = 1.0
CLOUD: Final = "cloud"
SUFFIX: Final = ".spans"

Sink = Callable[[Sequence[FinishedSpan]], None]
"""Exports spans; what it raises is logged."""


class StoredSpan(msgspec.Struct, frozen=True):
    """A line of a file of spans: the span, and the process that it is of."""

    process: str
    span: FinishedSpan


class FileSink:
    """Appends spans to a file of this process, a line of JSON each."""

    def __init__(self, folder: Path, process: str) -> None:
        """folder: exists. process: its name."""
        self._process = process
        self._path = folder / f"{process}-{os.getpid()}{SUFFIX}"

    def __call__(self, spans: Sequence[FinishedSpan]) -> None:
        lines = (msgspec.json.encode(StoredSpan(self._process, span)) + b"\n" for span in spans)
        with self._path.open("ab") as file:
            file.writelines(lines)


class CloudSink:
    """Sends spans to Cloud Trace, by OpenTelemetry's SDK and its exporter, which are loaded with the first ones."""

    def __init__(self, settings: Settings, exporter: "SpanExporter | None" = None) -> None:
        """exporter: Cloud Trace's by default."""
        self._settings = settings
        self._given = exporter

    @cached_property
    def _exporter(self) -> "SpanExporter":
        if self._given is not None:
            return self._given
        from opentelemetry.exporter.cloud_trace import CloudTraceSpanExporter

        return CloudTraceSpanExporter(project_id=self._settings.project)  # type: ignore[no-untyped-call]

    @cached_property
    def _resource(self) -> Any:
        from opentelemetry.sdk.resources import Resource

        names = {
            "service.name": self._settings.cloud_run_name or "meridian",
            "service.version": self._settings.cloud_run_revision,
            "cloud.region": self._settings.region,
            "meridian.cell": self._settings.cell,
        }
        return Resource({name: value for name, value in names.items() if value})

    def __call__(self, spans: Sequence[FinishedSpan]) -> None:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
        from opentelemetry.trace.status import Status, StatusCode

        def context(span: FinishedSpan, span_id: str) -> SpanContext:
            flags = TraceFlags(TraceFlags.SAMPLED)
            return SpanContext(int(span.trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=flags)

        self._exporter.export(
            [
                ReadableSpan(
                    name=span.name,
                    context=context(span, span.span_id),
                    parent=context(span, span.parent_id) if span.parent_id else None,
                    resource=self._resource,
                    attributes=dict(span.attributes),
                    kind=SpanKind[span.kind.upper()],
                    status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
                    start_time=span.start,
                    end_time=span.end,
                )
                for span in spans
            ]
        )


def sink(settings: Settings) -> Sink:
    """Where this process's spans go."""
    if settings.traces == CLOUD:
        return CloudSink(settings)
    return FileSink(Path(settings.traces), settings.cloud_run_name or "process")


class SpanExport(threading.Thread):
    """The thread that exports the spans of a process, until `finish`."""

    def __init__(self, queue: SpanQueue, out: Sink) -> None:
        super().__init__(name="spans", daemon=True)
        self._queue = queue
        self._out = out
        self._ended = threading.Event()

    def run(self) -> None:
        """Export what has gathered, again and again."""
        while not self._ended.is_set():
            self._queue.some.wait()
            self._ended.wait(GATHER_SECONDS)
            self._export()

    def _export(self) -> None:
        spans = self._queue.take()
        try:
            if spans:
                self._out(spans)
        except Exception:
            log.exception("%d spans were not exported", len(spans))

    def finish(self, within_seconds: float) -> None:
        """Export what is left, and end."""
        self._ended.set()
        self._queue.some.set()
        self.join(within_seconds)
        self._export()
