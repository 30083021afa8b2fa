"""The ratios by which the system is judged, as PromQL: recorded by Prometheus, spelt out where nothing records.

Managed Service for Prometheus records rules in clusters only. So a rule here is written with `$name` for each recorded
query: with its name for a Prometheus, with its text for the cloud.
"""

from dataclasses import dataclass
from string import Template
from typing import Final

WINDOWS: Final = ("5m", "30m", "1h", "6h", "3d")
"""Over which error ratios are recorded: the long and the short ones of the burn rates."""


@dataclass(frozen=True)
class Recording:
    """A recorded query. key: how rules refer to it. name: of the series, level:metric:operations."""

    key: str
    name: str
    query: str


@dataclass(frozen=True)
class Indicator:
    """A service level indicator: the share of what is bad, over a window.

    key: of its recordings, with the window behind it. objective: the share that is to be good.
    """

    key: str
    name: str
    bad: str
    objective: float

    def recording(self, window: str) -> Recording:
        """The share of what is bad over a window."""
        query = self.bad.replace("[w]", f"[{window}]")
        return Recording(f"{self.key}_{window}", f"meridian:{self.name}:ratio_rate{window}", query)


def _share(bad: str, all_of: str) -> str:
    """The share of rates, by location; nothing where nothing happened, since that is neither good nor bad."""
    return f"sum by (location) (rate({bad}[w])) / (sum by (location) (rate({all_of}[w])) > 0)"


def _slower(metric: str, selector: str, seconds: str) -> str:
    """The share of a histogram's observations that took longer than one of its bounds, a whole number of seconds."""
    # Our exporter writes 1.0, Cloud Monitoring 1.
    within = f'{metric}_bucket{{{selector}le=~"{seconds}([.]0)?"}}'
    everything = f"{metric}_count{{{selector.rstrip(',')}}}"
    return f"1 - sum by (location) (rate({within}[w])) / (sum by (location) (rate({everything}[w])) > 0)"


DURATION: Final = "meridian_operation_duration_seconds"

AVAILABILITY: Final = Indicator(
    "errors",
    "http_errors",
    # A response 5xx that lacks is no error that was not there: without one the share is 0.
    f'(sum by (location) (rate({DURATION}_count{{kind="http",outcome=~"5.."}}[w]))'
    f' or 0 * sum by (location) (rate({DURATION}_count{{kind="http"}}[w])))'
    f' / (sum by (location) (rate({DURATION}_count{{kind="http"}}[w])) > 0)',
    0.9999,
)
ORDERS: Final = Indicator(
    "slow_orders", "slow_orders", _slower(DURATION, 'kind="http",operation="create_order",', "1"), 0.99
)
EVENTS: Final = Indicator("late_events", "late_events", _slower("meridian_event_handled_seconds", "", "5"), 0.999)
INDICATORS: Final = (AVAILABILITY, ORDERS, EVENTS)

RECORDINGS: Final = tuple(each.recording(window) for each in INDICATORS for window in WINDOWS)


def for_prometheus(query: str) -> str:
    """A rule's query for a Prometheus that records."""
    return Template(query).substitute({each.key: each.name for each in RECORDINGS})


def spelt_out(query: str) -> str:
    """A rule's query where nothing is recorded."""
    return Template(query).substitute({each.key: f"({each.query})" for each in RECORDINGS})
