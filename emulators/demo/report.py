"""The report of a sale, read back from the APIs and databases rather than counted by the clients of the demo."""

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from emulators.demo.sale import SaleResult
from emulators.waiting import until
from functions.main import bind
from shared.postgres.queries import queries
from shared.registry import load
from shared.resources import Resources

SQL: Final = queries(Path(__file__).parent / "report.sql")

REPORTED_SECONDS: Final = 30.0
"""Within which a supply's home shows what other cells have sold."""


class RegionReport(msgspec.Struct, kw_only=True):
    """What one of several regions has done of a sale."""

    orders_confirmed: int
    orders_refused: int
    sold: int
    paid: int
    claimed: int


class Report(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A sale in figures. Money is in atomic units; `ledger_sum` is per currency, and each must be "0".

    regions: the figures of each, where there are several.
    """

    units: int
    buyers: int
    orders_confirmed: int
    orders_refused: int
    sold: int
    oversold: int
    paid: int
    claimed: int
    double_claims: int
    vouchers_verified: int
    ledger_sum: dict[str, str]
    violations: list[str]
    seconds: float
    orders_per_second: float
    order_p50_ms: float
    order_p99_ms: float
    regions: dict[str, RegionReport] = {}

    @property
    def failures(self) -> list[str]:
        """What went wrong; empty for a correct sale."""
        broken = [f"oversold by {self.oversold}"] if self.oversold else []
        broken += [f"{self.double_claims} claims were handed out twice"] if self.double_claims else []
        broken += [f"the ledger is off by {n} {currency}" for currency, n in self.ledger_sum.items() if n != "0"]
        broken += [f"{self.paid - self.claimed} paid orders are unclaimed"] if self.paid != self.claimed else []
        return broken + self.violations


def read_back(result: SaleResult, sites: Mapping[str, Resources]) -> Report:
    """Read a sale's figures from the APIs, the databases and the services' own audits.

    sites: the Resources of each site of the stack, by its name.
    """
    merchant_ids = [merchant.user_id for merchant in result.merchants]
    ordered = _of_each(sites, "order", "order_figures", merchant_ids=merchant_ids)
    claimed = _of_each(sites, "claiming", "claim_figures", order_ids=list(result.order_ids))
    sales = _of_each(sites, "supply", "sold_units", supply_ids=result.supply_ids)
    regions = {name: _region(ordered[name], claimed[name], sales[name]) for name in sites} if len(sites) > 1 else {}
    orders, claims, sold = _summed(ordered), _summed(claimed), _summed(sales)["sold"]
    supplies = _supplies(result, sold)
    units = sum(supply["quantity"] for supply in supplies)
    percentiles = statistics.quantiles(result.order_seconds, n=100)
    violations = [line for resources in sites.values() for line in violations_of(audit(resources))]
    violations += _across(supplies, sold, orders, claims, result)
    return Report(
        units=units,
        buyers=len(result.buyers),
        orders_confirmed=orders["confirmed"],
        orders_refused=orders["refused"],
        sold=sum(supply["sold"] for supply in supplies),
        oversold=max(0, sold - units),
        paid=orders["paid"],
        claimed=claims["claimed"],
        double_claims=claims["handed_out_twice"] + len(result.voucher_mismatches),
        vouchers_verified=result.vouchers_verified,
        ledger_sum=_ledger_sum(sites.values()),
        violations=violations,
        seconds=round(result.seconds, 1),
        orders_per_second=round(len(result.order_seconds) / result.ordering_seconds, 1),
        order_p50_ms=round(percentiles[49] * 1000, 1),
        order_p99_ms=round(percentiles[98] * 1000, 1),
        regions=regions,
    )


def _supplies(result: SaleResult, sold: int) -> list[Any]:
    """The supplies as they are shown; other cells report their sales to a supply's home, which takes a moment."""

    def look() -> list[Any]:
        return [result.buyers[0].get(f"/v1/supplies/{supply_id}") for supply_id in result.supply_ids]

    try:
        return until(look, lambda seen: sum(supply["sold"] for supply in seen) == sold, REPORTED_SECONDS)
    except TimeoutError:
        return look()


def _region(orders: Any, claims: Any, sales: Any) -> RegionReport:
    return RegionReport(
        orders_confirmed=orders["confirmed"],
        orders_refused=orders["refused"],
        sold=sales["sold"],
        paid=orders["paid"],
        claimed=claims["claimed"],
    )


def audit(resources: Resources) -> Any:
    """The response of the audit operation for all services: `checked`, `violations`, `unchecked`."""
    bound = bind(load().rows["audit"], parts=resources)
    return bound.run(request=bound.request_type())


def violations_of(response: Any) -> list[str]:
    """The violations of an audit response, a line each."""
    return [f"{each.invariant}: {each.subject}: {each.detail}" for each in response.violations]


def _across(supplies: Iterable[Any], sold: int, orders: Any, claims: Any, result: SaleResult) -> list[str]:
    """Violations across services, which none of them can detect by itself."""
    displayed = sum(supply["sold"] for supply in supplies)
    checks = {
        f"{displayed} units are shown as sold, {sold} were committed": displayed == sold,
        f"{orders['paid_units']} units are paid for, {sold} were committed": orders["paid_units"] == sold,
        f"{orders['open']} orders have no outcome": orders["open"] == 0,
        f"{sum(s['reserved'] for s in supplies)} units are still reserved": not any(s["reserved"] for s in supplies),
        f"{claims['claimed']} orders are claimed, {orders['claimed']} of them recorded": claims["claimed"]
        == orders["claimed"],
        f"{len(result.order_ids)} orders were answered, {orders['all']} exist": len(result.order_ids) == orders["all"],
    }
    return [problem for problem, holds in checks.items() if not holds]


def show(report: Report, console: Console, path: Path) -> None:
    """Print a report, and save it as JSON."""
    path.write_text(json.dumps(msgspec.to_builtins(report), indent=2) + "\n", encoding="utf-8")
    table = Table(title="The sample sale", title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in (
        ("on sale", f"{report.units} units, wanted by {report.buyers} buyers"),
        ("orders", f"{report.orders_confirmed} confirmed, {report.orders_refused} refused"),
        ("sold", f"{report.sold} of {report.units}, {report.oversold} oversold"),
        ("paid", f"{report.paid}"),
        ("claimed", f"{report.claimed}, {report.double_claims} twice, {report.vouchers_verified} vouchers verified"),
        ("ledger", ", ".join(f"{currency} sums to {total}" for currency, total in report.ledger_sum.items())),
        (
            "speed",
            f"{report.orders_per_second} orders/s, {report.order_p50_ms} ms median, {report.order_p99_ms} ms p99",
        ),
        ("time", f"{report.seconds} s"),
        *(
            (name, f"{each.orders_confirmed} orders confirmed, {each.orders_refused} refused, {each.sold} units sold")
            for name, each in report.regions.items()
        ),
    ):
        table.add_row(name, value)
    console.print()
    console.print(table)
    for failure in report.failures:
        console.print(f"[red]{failure}[/red]")
    verdict = "[red]The sale broke an invariant.[/red]" if report.failures else "[green]Every invariant holds.[/green]"
    console.print(f"{verdict} The figures are in {path}.", soft_wrap=True)


def _all(resources: Resources, service: str, name: str, **parameters: Any) -> list[dict[str, Any]]:
    with resources.database(service).transaction() as transaction:
        return list(getattr(SQL, name)(transaction, **parameters))


def _of_each(sites: Mapping[str, Resources], service: str, name: str, **parameters: Any) -> dict[str, dict[str, Any]]:
    """The only row of a query, by site."""
    return {site: _all(resources, service, name, **parameters)[0] for site, resources in sites.items()}


def _summed(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    total: Counter[str] = Counter()
    for row in rows.values():
        total.update(row)
    return dict(total)


def _ledger_sum(sites: Iterable[Resources]) -> dict[str, str]:
    """What the entries of each currency come to, in all cells together."""
    rows = [row for resources in sites for row in _all(resources, "wallet", "ledger_sum")]
    return {
        currency: str(sum(row["total"] for row in rows if row["currency"] == currency))
        for currency in sorted({row["currency"] for row in rows})
    }
