"""What each alert's cause does to the metrics, as promtool's series."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

AT: Final = 'location="us-central1"'
COUNT: Final = "meridian_operation_duration_seconds_count"
BUCKET: Final = "meridian_operation_duration_seconds_bucket"
HOURS: Final = 60
DAYS_APART: Final = 30
"""Minutes between samples over days."""


@dataclass(frozen=True)
class Scene:
    """Series, and the minute by which the alert fires.

    series: by metric with its labels, promtool's notation of their samples.
    quiet: the minute at which it does not fire yet.
    step: how many minutes apart samples are, and evaluations: what takes days needs few.
    """

    series: Mapping[str, str]
    fires: int
    quiet: int = 0
    step: int = 1


def _requests(good: str, bad: str) -> dict[str, str]:
    """Requests by outcome."""
    return {
        f'{COUNT}{{kind="http",operation="get_order",outcome="200",{AT}}}': good,
        f'{COUNT}{{kind="http",operation="get_order",outcome="503",{AT}}}': bad,
    }


def _orders(total: str, within: str) -> dict[str, str]:
    """Orders, and those of them that took at most a second."""
    labels = f'kind="http",operation="create_order",outcome="201",{AT}'
    return {f"{COUNT}{{{labels}}}": total, f'{BUCKET}{{{labels},le="1.0"}}': within}


def _handled(total: str, within: str) -> dict[str, str]:
    """Events, and those of them that were applied within 5 s."""
    labels = f'consumer="capture_hold",{AT}'
    name = "meridian_event_handled_seconds"
    return {f"{name}_count{{{labels}}}": total, f'{name}_bucket{{{labels},le="5.0"}}': within}


SCENES: Final[Mapping[str, Scene]] = {
    # 1 % of errors is 100 times what is allowed: the hour's window is above its factor after minutes.
    "AvailabilityBurnsFast": Scene(_requests("0+990x70", "0+10x70"), fires=60),
    # 0.02 % is twice what is allowed: no page, a ticket.
    "AvailabilityBurnsSlowly": Scene(_requests("0+9998x160", "0+2x160"), 73 * HOURS, 30, DAYS_APART),
    "OrderLatencyBurnsFast": Scene(_orders("0+100x70", "0+50x70"), fires=60),
    "OrderLatencyBurnsSlowly": Scene(_orders("0+100x160", "0+98x160"), 73 * HOURS, 30, DAYS_APART),
    "EventsLateBurnsFast": Scene(_handled("0+100x70", "0+90x70"), fires=60),
    "EventsLateBurnsSlowly": Scene(_handled("0+1000x160", "0+998x160"), 73 * HOURS, 30, DAYS_APART),
    "MoneyInvariantViolated": Scene(
        {f'meridian_invariant_holds{{service="wallet",invariant="money_sums_to_zero",{AT}}}': "1x5 0x20"}, 7, 5
    ),
    "InvariantViolated": Scene(
        {f'meridian_invariant_holds{{service="supply",invariant="stock_adds_up",{AT}}}': "1x5 0x20"}, 7, 5
    ),
    "InvariantsUnchecked": Scene(
        {f'meridian_invariants_checked_timestamp_seconds{{service="wallet",{AT}}}': "0x2 _x200"}, 70, 59
    ),
    "EventsParked": Scene(
        {f'meridian_parked_events{{consumer="capture_hold",reason="failed",{AT}}}': "_x5 1x20"}, 8, 5
    ),
    "OutboxStuck": Scene({f'meridian_unsent_oldest_seconds{{job="relay-order",{AT}}}': "0+60x30"}, 6, 1),
    "ReplicationLags": Scene(
        {f'meridian_replication_lag_seconds{{consumer="replicate_supply",cell="eu",{AT}}}': "0+60x30"}, 10, 2
    ),
    "JobItemsFail": Scene({f'meridian_failing_oldest_seconds{{operation="sweep_holds",{AT}}}': "0+60x100"}, 70, 60),
    "PollingStalls": Scene(
        {f'meridian_last_success_timestamp_seconds{{operation="watch_deposits",{AT}}}': "60x2 _x30"}, 12, 5
    ),
    "DependencyDown": Scene(
        {f'meridian_breaker_state{{dependency="database order",state="open",{AT}}}': "0x5 1x20"}, 8, 5
    ),
    "PoolExhausted": Scene(
        {
            f'meridian_breaker_under_way{{dependency="database order",{AT}}}': "1x5 8x30",
            f'meridian_breaker_places{{dependency="database order",{AT}}}': "8x40",
        },
        18,
        14,
    ),
    "LimitsUnshared": Scene({f"meridian_rate_limit_fallbacks_total{{{AT}}}": "0x5 0+10x30"}, 15, 5),
    "SenderLacksGas": Scene({f'meridian_sender_balance_wei{{sender="relayer",{AT}}}': "1e18x5 1e16x30"}, 14, 9),
    "DeliveriesFail": Scene(
        {
            f'meridian_delivery_duration_seconds_count{{outcome="failed",{AT}}}': "0x5 0+10x90",
            f'meridian_delivery_duration_seconds_count{{outcome="delivered",{AT}}}': "0+1x100",
        },
        60,
        10,
    ),
    "ProcessDown": Scene({f'up{{job="rpc-wallet",{AT}}}': "1x5 0x20"}, 8, 5),
}
"""By alert. Each begins well, or with what does not last yet."""

WELL: Final[Mapping[str, str]] = {
    **_requests("0+1000x160", "0x160"),
    **_orders("0+100x160", "0+100x160"),
    **_handled("0+100x160", "0+100x160"),
    f'meridian_invariant_holds{{service="wallet",invariant="money_sums_to_zero",{AT}}}': "1x160",
    f'meridian_invariants_checked_timestamp_seconds{{service="wallet",{AT}}}': "0+60x160",
    f'meridian_parked_events{{consumer="capture_hold",reason="gap",{AT}}}': "1x160",
    f'meridian_unsent_oldest_seconds{{job="relay-order",{AT}}}': "1x160",
    f'meridian_replication_lag_seconds{{consumer="replicate_supply",cell="eu",{AT}}}': "5x160",
    f'meridian_last_success_timestamp_seconds{{operation="watch_deposits",{AT}}}': "0+60x160",
    f'meridian_breaker_state{{dependency="database order",state="open",{AT}}}': "0x160",
    f'meridian_breaker_under_way{{dependency="database order",{AT}}}': "7x160",
    f'meridian_breaker_places{{dependency="database order",{AT}}}': "8x160",
    f"meridian_rate_limit_fallbacks_total{{{AT}}}": "3x160",
    f'meridian_sender_balance_wei{{sender="relayer",{AT}}}': "1e18x160",
    f'meridian_delivery_duration_seconds_count{{outcome="delivered",{AT}}}': "0+10x160",
    f'meridian_delivery_duration_seconds_count{{outcome="failed",{AT}}}': "0+1x160",
    f'up{{job="rpc-wallet",{AT}}}': "1x160",
    'up{job="rpc-wallet",location="europe-west1",cluster="us"}': "0x160",
}
"""160 samples of a system that is well."""
