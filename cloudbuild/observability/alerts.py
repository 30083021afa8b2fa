"""The alerts: what is wrong, how soon it is told, and what to do. docs/alerts.md is made of this table.

An objective is watched by its burn rate: how many times faster than allowed its budget of errors is used up. A page is
for what uses up 2 % of a month's budget in an hour, or 5 % in six; a ticket for 10 % in three days. A second, shorter
window has it end soon after its cause. (Google, The Site Reliability Workbook, chapter 5)
"""

from dataclasses import dataclass
from typing import Final, Literal

from cloudbuild.observability.queries import AVAILABILITY, EVENTS, ORDERS, Indicator

Severity = Literal["page", "ticket"]

Tested = Literal["for real", "for real, long", "by promtool"]
"""How an alert is tested: `make acceptance`, or a test that takes minutes, causes its condition on a running stack; or
promtool alone fires it, by the series that its cause would make, where that takes hours. It fires all others too."""


@dataclass(frozen=True)
class Alert:
    """An alert.

    query: PromQL with `$name` for what is recorded (queries.py); it is there where its result is.
    minutes: how long that has to last. summary: what is wrong. cause: what makes it fire, in the tests too.
    remedy: what to do. older_than_seconds: the age that the query's result has to exceed, if that is an age.
    tested: how it is tested. local: whether it is about scraping, which there is on the local stack only.
    """

    name: str
    severity: Severity
    query: str
    minutes: int
    summary: str
    cause: str
    remedy: str
    older_than_seconds: int = 0
    tested: Tested = "for real"
    local: bool = False

    @property
    def condition(self) -> str:
        """PromQL, with `$name` as in the query, that has a result where the alert is."""
        return f"{self.query} > {self.older_than_seconds}" if self.older_than_seconds else self.query


REMEMBERED: Final = "[1d]"
"""For how long a time that a process has last exported counts once the process, or what it measures, is gone."""


def _burns(name: str, indicator: Indicator, what: str, cause: str, remedy: str) -> tuple[Alert, ...]:
    budget = 1 - indicator.objective

    def query(factor: float, long: str, short: str) -> str:
        above = f"{factor * budget:.6g}"
        return f"${indicator.key}_{long} > {above} and ${indicator.key}_{short} > {above}"

    fast = f"({query(14.4, '1h', '5m')}) or ({query(6, '6h', '30m')})"
    return (
        Alert(f"{name}BurnsFast", "page", fast, 2, f"{what}: the month's budget is used up in days.", cause, remedy),
        Alert(
            f"{name}BurnsSlowly",
            "ticket",
            query(1, "3d", "6h"),
            60,
            f"{what}: the month's budget does not last.",
            f"{cause}, of few requests for long",
            remedy,
        ),
    )


ALERTS: Final = (
    *_burns(
        "Availability",
        AVAILABILITY,
        "More than 0.01 % of requests are answered with 5xx",
        "a database or service is down",
        "`make status`, `/ready` and the dashboard of operations say which dependency; a release comes back by itself.",
    ),
    *_burns(
        "OrderLatency",
        ORDERS,
        "More than 1 % of orders take longer than a second",
        "a dependency of create_order is slow",
        "The panels Dependencies and Pools; `make trace` of a slow order says what it waited for.",
    ),
    *_burns(
        "EventsLate",
        EVENTS,
        "More than 0.1 % of events are handled later than after 5 s",
        "a consumer or relay is behind",
        "The panels Outbox and Events; scale the consumers of the service, or find what they wait for.",
    ),
    Alert(
        "MoneyInvariantViolated",
        "page",
        'min by (location, invariant) (meridian_invariant_holds{service="wallet"}) == 0',
        0,
        "An invariant of the ledger does not hold: {{ $labels.invariant }}.",
        "a row of the ledger was changed by hand",
        "Stop withdrawals (the pollers of wallet), run `make audit`, and compare the seals: see docs/operations.md.",
    ),
    Alert(
        "InvariantViolated",
        "page",
        'min by (location, service, invariant) (meridian_invariant_holds{service!="wallet"}) == 0',
        0,
        "An invariant of {{ $labels.service }} does not hold: {{ $labels.invariant }}.",
        "a row was changed by hand, or an effect was lost",
        "`make audit` names what violates it.",
    ),
    Alert(
        "InvariantsUnchecked",
        "ticket",
        "time() - max by (location, service)"
        f" (max_over_time(meridian_invariants_checked_timestamp_seconds{REMEMBERED}))",
        5,
        "The invariants of {{ $labels.service }} were not checked for an hour.",
        "its database does not answer, or its relay does not run",
        "The log of the service's relay says why.",
        older_than_seconds=3600,
    ),
    Alert(
        "EventsParked",
        "page",
        'max by (location, consumer) (meridian_parked_events{reason="failed"}) > 0',
        1,
        "{{ $labels.consumer }} has parked events that it fails at.",
        "the effect of an event raises",
        "Its log has the error; afterwards `make redrive ARGS={{ $labels.consumer }}`.",
    ),
    Alert(
        "OutboxStuck",
        "page",
        "max by (location, job) (meridian_unsent_oldest_seconds)",
        2,
        "Events of {{ $labels.job }} wait to be published.",
        "the event bus does not accept, or no relay leads",
        "The relay's log; the breaker of the bus.",
        older_than_seconds=60,
    ),
    Alert(
        "ReplicationLags",
        "page",
        "max by (location, consumer, cell) (meridian_replication_lag_seconds)",
        5,
        "{{ $labels.consumer }} lacks events of the cell {{ $labels.cell }}.",
        "regions are cut off from one another, or one is dead",
        "`/ready` of both regions; nothing is lost meanwhile.",
        older_than_seconds=60,
        tested="for real, long",
    ),
    Alert(
        "JobItemsFail",
        "ticket",
        "max by (location, operation) (meridian_failing_oldest_seconds)",
        5,
        "{{ $labels.operation }} has failed at an item for an hour.",
        "an item of a job raises",
        "`make audit` names it; the job's log has the error.",
        older_than_seconds=3600,
    ),
    Alert(
        "PollingStalls",
        "page",
        "time() - max by (location, operation)"
        f" (max_over_time(meridian_last_success_timestamp_seconds{REMEMBERED}) > 0)",
        2,
        "{{ $labels.operation }} has not succeeded for five minutes.",
        "a chain's node is down, the row raises, or its process does not run",
        "Its log; the breaker of the chain.",
        older_than_seconds=300,
    ),
    Alert(
        "DependencyDown",
        "page",
        'max by (location, dependency) (meridian_breaker_state{state="open"}) == 1',
        1,
        "{{ $labels.dependency }} fails or hangs: its breaker is open.",
        "a dependency is killed",
        "«When something is down» in docs/operations.md says what works meanwhile.",
    ),
    Alert(
        "PoolExhausted",
        "ticket",
        "max by (location, dependency) (meridian_breaker_under_way / meridian_breaker_places) >= 1",
        10,
        "All places of {{ $labels.dependency }} are taken.",
        "calls take longer than they arrive",
        "The panel Pools; a longer queue only hides it.",
    ),
    Alert(
        "LimitsUnshared",
        "ticket",
        "sum by (location) (rate(meridian_rate_limit_fallbacks_total[5m])) > 0",
        5,
        "Instances count requests by themselves: Redis does not answer.",
        "Redis is down",
        "Sign-in and first vouchers are 503 meanwhile.",
    ),
    Alert(
        "SenderLacksGas",
        "page",
        "min by (location, sender) (meridian_sender_balance_wei) < 5e16",
        5,
        "The {{ $labels.sender }} has less than 0.05 ETH for gas.",
        "the key's address is emptied",
        "Fund the address: see «Keys and secrets» in docs/operations.md.",
    ),
    Alert(
        "DeliveriesFail",
        "ticket",
        'sum by (location) (rate(meridian_delivery_duration_seconds_count{outcome="failed"}[30m]))'
        " / sum by (location) (rate(meridian_delivery_duration_seconds_count[30m])) > 0.5",
        30,
        "Most deliveries to webhooks fail.",
        "the network to the outside is down",
        "Whether it is all webhooks or a large one: the log of poller-notification.",
    ),
    Alert(
        "ProcessDown",
        "page",
        f"up == 0 and max_over_time(up{REMEMBERED}) > 0",  # a standby's processes do not run before it is promoted
        1,
        "{{ $labels.job }} does not answer.",
        "a process is killed",
        "`make status`; its log.",
        local=True,
    ),
)
"""Every alert, the objectives first."""

BY_NAME: Final = {each.name: each for each in ALERTS}
