"""Spans are recorded of sampled traces, and of failures; they are exported in OpenTelemetry's form."""

from collections.abc import Iterator
from pathlib import Path

import flask
import msgspec
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.config import Settings, read
from shared.runtime.responses.respond import respond
from shared.telemetry import spans
from shared.telemetry.context import attributing, bind, context_of, trace_context
from shared.telemetry.span_export import CloudSink, FileSink, SpanExport, StoredSpan
from shared.telemetry.spans import FinishedSpan, Span, SpanQueue, begin_trace, behind_edge
from tests.shared.test_config import LEAST

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def queue() -> Iterator[SpanQueue]:
    """Where this process's spans go meanwhile: one of two traces that begin here is sampled, or as a test says."""
    made = SpanQueue(sampled_per_mille=1000)
    spans.record_into(made)
    yield made
    spans.record_into(None)


def test_spans_are_under_one_another(queue: SpanQueue) -> None:
    """What a span calls is under it; an exception marks it; afterwards the context is as before."""
    bind("request-1", f"00-{TRACE}-{PARENT}-01")
    with pytest.raises(ValueError, match="x"), Span("outer", "server") as outer:
        outer.note("answer", 42)
        with Span("inner", "client"):
            called = trace_context().traceparent
        raise ValueError("x")
    inner, outer_span = queue.take()
    assert (inner.name, inner.parent_id, inner.failed) == ("inner", outer_span.span_id, False)
    assert (outer_span.name, outer_span.parent_id, outer_span.failed) == ("outer", PARENT, True)
    assert called == f"00-{TRACE}-{inner.span_id}-01"
    assert outer_span.attributes == {"answer": 42}
    assert inner.end >= inner.start > 0
    assert trace_context().traceparent == f"00-{TRACE}-{PARENT}-01"


def test_a_trace_begins_where_none_is(queue: SpanQueue) -> None:
    """By the share that is set; its first span has no parent. One that is given goes on by its caller's decision."""
    for per_mille, sampled in ((1000, True), (0, False)):
        queue.sampled_per_mille = per_mille
        bind("request-1")
        begin_trace()
        assert trace_context().sampled is sampled
        with Span("first"):
            pass
        assert [span.parent_id for span in queue.take()] == ([""] if sampled else [])
    bind("request-1", f"00-{TRACE}-{PARENT}-00")
    begin_trace()
    with Span("unsampled") as span:
        span.failed = True
    assert queue.take() == []
    span.record_alone()
    (alone,) = queue.take()
    assert (alone.name, alone.trace_id, alone.parent_id, alone.failed) == ("unsampled", TRACE, PARENT, True)


def test_a_stranger_has_no_say_in_what_is_sampled(queue: SpanQueue, subtests: pytest.Subtests) -> None:
    """Only in the trace's id. Services decide for what they cause, and everybody does on the local stack."""
    cloud = read({**LEAST, "TRACES": "cloud"})
    local = read({**LEAST, "MERIDIAN_ENVIRONMENT": "local", "TRACES": "cloud"})

    def recorded(settings: Settings, flag: str, *, begins: bool = True, service: bool = False) -> bool:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-{flag}"}
        with flask.Flask("test").test_request_context("/", headers=headers) as context:
            respond(
                *(context.request, settings, lambda _: flask.Response(), "test"),
                begins_trace=begins,
                from_service=service,
            )
        assert trace_context().trace_id == TRACE
        found = queue.take()
        assert {(span.trace_id, span.parent_id) for span in found} <= {(TRACE, PARENT)}
        return bool(found)

    for share in (0, 1000):
        queue.sampled_per_mille = share
        for flag in ("00", "01"):
            with subtests.test(share=share, flag=flag):
                assert recorded(cloud, flag) is bool(share)
                assert not recorded(cloud, flag, begins=False)
                for begins in (True, False):
                    assert recorded(cloud, flag, begins=begins, service=True) is (flag == "01")
                    assert recorded(local, flag, begins=begins) is (flag == "01")


def test_nothing_is_recorded_where_nothing_is_traced() -> None:
    """No trace begins; what comes goes on untouched."""
    bind("request-1")
    begin_trace()
    assert trace_context().traceparent == ""
    bind("request-1", f"00-{TRACE}-{PARENT}-01")
    with Span("none"):
        assert trace_context().traceparent == f"00-{TRACE}-{PARENT}-01"


def test_an_edge_is_above_what_it_calls(queue: SpanQueue) -> None:
    """It began when its header says, unless that cannot be."""
    bind("request-1", f"00-{TRACE}-{PARENT}-01")
    for header in (None, "yesterday", "1" * 10 + ".000"):
        with behind_edge(header), Span("function", "server"):
            pass
        taken = {span.name: span for span in queue.take()}
        assert ("edge" in taken) is (header == "1" * 10 + ".000")
    assert taken["function"].parent_id == taken["edge"].span_id
    assert taken["edge"].start > 1_700_000_000_000_000_000, "not in the year 2005"


def test_each_entity_of_a_batch_has_its_own_context() -> None:
    """Whoever leads: what the batch records of it carries the trail of the call that named it."""
    leader = bind("leader")
    other = bind("other", f"00-{TRACE}-{PARENT}-01")
    bind("leader")
    with attributing({"hld_us_2": other}):
        assert context_of("hld_us_2") == other
        assert context_of("clm_us_2") == other, "a sibling"
        assert context_of("hld_us_1").request_id == leader.request_id
    assert context_of("hld_us_2").request_id == leader.request_id


FINISHED = FinishedSpan("create_order", "server", TRACE, PARENT, "", 10, 20, failed=True, attributes={"a": "b"})


def test_a_file_has_a_line_for_each(tmp_path: Path) -> None:
    """What is left when the process ends is there too."""
    queue = SpanQueue(1000)
    export = SpanExport(queue, FileSink(tmp_path, "functions"))
    export.start()
    queue.add(FINISHED)
    export.finish(10)
    (path,) = tmp_path.iterdir()
    assert [msgspec.json.decode(line, type=StoredSpan) for line in path.read_bytes().splitlines()] == [
        StoredSpan("functions", FINISHED)
    ]


def test_the_cloud_gets_opentelemetrys_spans() -> None:
    """Their ids, kind, status, times, attributes, and which service and region they are of."""
    exporter = InMemorySpanExporter()
    CloudSink(read({**LEAST, "K_SERVICE": "create-order"}), exporter)([FINISHED])
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    assert (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}", span.parent) == (TRACE, PARENT, None)
    assert (span.name, span.kind.name, span.status.status_code.name) == ("create_order", "SERVER", "ERROR")
    assert (span.start_time, span.end_time, dict(span.attributes or {})) == (10, 20, {"a": "b"})
    assert span.resource.attributes["service.name"] == "create-order"
    assert span.resource.attributes["cloud.region"] == "europe-west1"
