"""The span of range requests: halved on refusal, remembered, and grown again after a while."""

import pytest

from shared.chain.adaptive_range import GROWN_AFTER, AdaptiveRange
from shared.errors import Unavailable
from shared.resilience.not_permitted import CircuitOpen


class Refused(Unavailable):
    """It does not answer that."""

    code = "REFUSED"


def requested_spans(spans: AdaptiveRange, last: int, most: int) -> list[int]:
    """The sizes of the requested spans of a range, against a node that serves at most `most` blocks."""
    sizes = []

    def ask(first: int, end: int) -> range:
        sizes.append(end - first + 1)
        if end - first >= most:
            raise Refused
        return range(first, end + 1)

    assert [number for part in spans.parts(0, last, ask) for number in part] == list(range(last + 1))
    return sizes


def test_it_is_halved_remembered_and_grows() -> None:
    """Each number of a range is asked for once in what is answered."""
    spans = AdaptiveRange(64, Refused)
    assert requested_spans(spans, 19, 5) == [20, 10, 5, 5, 5, 5]
    assert requested_spans(spans, 9, 5) == [5, 5]
    assert requested_spans(spans, 200, 64)[-1] > 5
    requested_spans(spans, 64 * GROWN_AFTER * 8, 64)
    assert spans.width == 64


def test_one_that_is_refused_is_the_answer() -> None:
    """Down to one, and no further."""
    with pytest.raises(Refused):
        requested_spans(AdaptiveRange(64, Refused), 10, 0)


def test_silence_ends_the_asking_and_makes_the_next_smaller() -> None:
    """A timed-out request is not retried at once; a request that was never sent changes nothing."""
    spans = AdaptiveRange(64, Refused)
    for error, width in ((CircuitOpen(), 64), (Unavailable(), 32), (Unavailable(), 16)):
        calls: list[object] = []

        def ask(*span: int, error: Unavailable = error, calls: list[object] = calls) -> None:
            calls.append(span)
            raise error

        with pytest.raises(Unavailable):
            list(spans.parts(0, 1000, ask))
        assert (len(calls), spans.width) == (1, width)
