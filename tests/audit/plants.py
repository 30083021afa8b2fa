"""Violations to plant, at least one per invariant of the whole system, with the rights of a database's owner.

Names in braces are those of sample_data.py: an order by its state, and its `_hold`, `_claim` and `_rsv0`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.isolated_services import SERVICES


@dataclass(frozen=True)
class PlantedViolation:
    """A violation of an invariant, and the SQL that causes it.

    subject: what the audit reports. beside: other invariants that it inevitably violates too, with their subjects.
    Several subjects are separated by commas.
    """

    invariant: str
    subject: str
    sql: str
    beside: dict[str, str] = field(default_factory=dict)

    @property
    def service(self) -> str:
        """The service whose data is changed."""
        return self.invariant.split(" ", maxsplit=1)[0]


@dataclass(frozen=True)
class PlantedElsewhere(PlantedViolation):
    """A violation in another service's data than that of the detecting one."""

    within: str = ""

    @property
    def service(self) -> str:
        return self.within


def transfer(name: str, kind: str, legs: Sequence[tuple[str, int]], order: str = "", currency: str = "USDC") -> str:
    """A transfer between system accounts, with its event."""
    postings = ", ".join(
        f'{{{{"account": "{account}", "currency": "{currency}", "amount": "{amount}"}}}}' for account, amount in legs
    )
    order_id = f"'{order}'" if order else "NULL"
    made = [
        "INSERT INTO transfers (id, kind, reference, order_id, created_at) "
        f"VALUES ('{name}', '{kind}', '', {order_id}, now())",
        *(
            "INSERT INTO entries (account, transfer_id, currency, amount, created_at) "
            f"SELECT '{account}', id, '{currency}', {amount}, created_at FROM transfers WHERE id = '{name}'"
            for account, amount in legs
        ),
        event(name, "transfer.posted", f'{{{{"kind": "{kind}", "reference": "{order}", "postings": [{postings}]}}}}'),
    ]
    return ";\n".join(made)


def event(stream: str, kind: str, data: str = "{{}}", version: str = "1") -> str:
    """Append an event to a stream."""
    return (
        "INSERT INTO events (stream, version, id, type, data, metadata, recorded_at) "
        f"VALUES ('{stream}', {version}, 'evt_made_up', '{kind}', '{data}', '{{{{}}}}', now())"
    )


def ago(table: str, column: str, which: str, age: str = "2 hours") -> str:
    """Move a time far into the past."""
    return f"UPDATE {table} SET {column} = now() - interval '{age}' WHERE {which}"


def data(stream: str, path: str, value: str, kind: str = "order.placed") -> str:
    """Change a value in an event's data."""
    return (
        f"UPDATE events SET data = jsonb_set(data, '{{{{{path}}}}}', '{value}') "
        f"WHERE stream = '{stream}' AND type = '{kind}'"
    )


def arrival(version: int, age: str = "0", inbox: int | None = None) -> str:
    """Money from eu that is not credited. inbox: the version up to which the inbox says that it has arrived."""
    arrived = (
        "INSERT INTO transit_arrivals (giver, version, transfer_id, kind, currency, amount, from_wallet_id, "
        "from_user_id, to_wallet_id, to_user_id, order_id, reference, status, received_at) "
        f"VALUES ('eu', {version}, 'trf_x', 'transfer', 'USDC', 5, '', '', 'wal_x', '', '', '', 'uncredited', "
        f"now() - interval '{age}')"
    )
    applied = f"INSERT INTO inbox (consumer, stream, version) VALUES ('receive_transit', 'trn_eu_us', {inbox})"
    return arrived if inbox is None else f"{arrived};\n{applied}"


STUCK: Final = (
    "INSERT INTO sendings (chain_id, sender, nonce, purpose, subject, to_, data, gas, status) "
    "VALUES (5, 'a sender', 0, 'test', 'stuck', '', '', 1, 'pending');\n"
    "INSERT INTO signed_transactions (hash, chain_id, sender, nonce, raw, max_fee, max_tip, signed_at) "
    "VALUES ('0x0', 5, 'a sender', 0, '', 1, 1, now() - interval '2 hours')"
)

EVERYWHERE: Final = [
    plant
    for service in SERVICES
    for plant in (
        PlantedViolation(f"{service} streams_have_no_gaps", "gap", event("gap", "test.made_up", version="2")),
        PlantedViolation(
            f"{service} no_event_failed_for_good",
            "a_consumer a_stream",
            "INSERT INTO parked (consumer, stream, version, prior, reason, event, parked_at) "
            "VALUES ('a_consumer', 'a_stream', 1, 0, 'failed', '{{}}', now())",
        ),
        PlantedViolation(
            f"{service} no_event_waits_for_long",
            "a_consumer a_stream",
            "INSERT INTO parked (consumer, stream, version, prior, reason, event, parked_at) "
            "VALUES ('a_consumer', 'a_stream', 1, 0, 'gap', '{{}}', now() - interval '6 minutes')",
        ),
        PlantedViolation(
            f"{service} no_item_fails_for_long",
            "a_job an_item",
            "INSERT INTO job_failures (job, item, attempts, next_try_at, detail, first_failed_at) "
            "VALUES ('a_job', 'an_item', 9, now(), 'no reason', now() - interval '2 hours')",
        ),
    )
]

ORDER: Final = [
    PlantedViolation(
        "order orders_follow_their_events",
        "{matured}",
        "UPDATE orders SET stage = 'promised' WHERE id = '{matured}'",
        beside={"order nobody_is_forgotten": "{matured}"},
    ),
    PlantedViolation(
        "order orders_follow_their_events", "{paid}", "UPDATE orders SET status = 'confirmed' WHERE id = '{paid}'"
    ),
    PlantedViolation(
        "order orders_follow_their_events", "{paid}", "UPDATE orders SET total = total + 1 WHERE id = '{paid}'"
    ),
    PlantedViolation("order orders_follow_their_events", "{pending}", "DELETE FROM orders WHERE id = '{pending}'"),
    PlantedViolation(
        "order orders_have_one_outcome",
        "{cancelled}",
        event("{cancelled}", "order.expired", version="3"),
        {"order orders_follow_their_events": "{cancelled}"},
    ),
    PlantedViolation(
        "order money_has_one_end",
        "{refunded}",
        event("{refunded}", "order.matured", '{{"payouts": []}}', "6"),
        {
            "order orders_follow_their_events": "{refunded}",
            "order totals_are_of_their_items": "{refunded}",
            "wallet money_went_where_its_order_says": "{refunded}",
            "claiming claims_are_as_their_orders_say": "{refunded}",
        },
    ),
    PlantedViolation("order nobody_is_forgotten", "{paid}", "UPDATE orders SET due_at = NULL WHERE id = '{paid}'"),
    PlantedViolation("order facts_of_an_order_agree", "{paid}", data("{paid}", "user_id", '"usr_us_x"', "order.paid")),
    PlantedViolation(
        "order facts_of_an_order_agree",
        "{claimed}",
        data("{claimed}", "fee_bps", "9999", "order.claimed"),
    ),
    PlantedViolation(
        "order totals_are_of_their_items",
        "{matured}",
        data("{matured}", "payouts,0,wallet_id", '"{stranger}"', "order.matured"),
    ),
    PlantedViolation(
        "order orders_do_not_wait",
        "{confirmed}",
        ago("orders", "updated_at", "id = '{confirmed}'", "30 days")
        + ";\nUPDATE events SET recorded_at = (SELECT updated_at FROM orders WHERE id = '{confirmed}') "
        "WHERE stream = '{confirmed}' AND version = 2",
    ),
    PlantedViolation("order orders_do_not_wait", "{pending}", ago("orders", "expires_at", "id = '{pending}'")),
]

ACCOUNT: Final = "wallet_id = '{stranger}' AND currency = 'USDC'"


def standing(order: str, amount: int) -> str:
    """A consistent hold in the stranger's wallet."""
    return (
        "INSERT INTO holds (id, order_id, wallet_id, user_id, currency, amount, expires_at, status, firm, version, "
        "placed_at) VALUES ('hld_us_made_up', "
        f"'{order}', '{{stranger}}', '{{stranger_user}}', 'USDC', {amount}, now(), 'placed', true, 1, now());\n"
        f"UPDATE accounts SET held = held + {amount}, version = version + 1 WHERE {ACCOUNT}"
    )


WALLET: Final = [
    PlantedViolation(
        "wallet transfers_sum_to_zero",
        "trf_x",
        transfer("trf_x", "adjustment", [("fees", 4), ("transit", -5)]),
        {"wallet money_sums_to_zero": "USDC"},
    ),
    PlantedViolation(
        "wallet money_sums_to_zero",
        "ETH",
        transfer("trf_x", "adjustment", [("fees", 4), ("transit", -5)], currency="ETH"),
        {"wallet transfers_sum_to_zero": "trf_x"},
    ),
    PlantedViolation("wallet transfers_have_two_postings", "trf_x", transfer("trf_x", "adjustment", [])),
    PlantedViolation(
        "wallet balances_never_were_negative",
        "{stranger}",
        "UPDATE entries SET balance_after = -1 WHERE account = '{stranger}'",
        {"wallet balances_follow_each_other": "{stranger}"},
    ),
    PlantedViolation(
        "wallet balances_follow_each_other",
        "{stranger}",
        "UPDATE entries SET balance_after = balance_after + 1 WHERE account = '{stranger}'",
    ),
    PlantedViolation(
        "wallet holds_were_covered",
        "{stranger}",
        "ALTER TABLE accounts DROP CONSTRAINT accounts_covered;\n" + standing("", 1000),
    ),
    PlantedViolation(
        "wallet holds_end_once",
        "{cancelled_hold}",
        event("{cancelled_hold}", "hold.captured", version="3"),
    ),
    PlantedViolation(
        "wallet seals_hold",
        "seal 1",
        "UPDATE transfers SET created_at = created_at - interval '1 s' "
        "WHERE id IN (SELECT transfer_id FROM entries WHERE account = '{sealed}');\n"
        "UPDATE entries SET created_at = created_at - interval '1 s' "
        "WHERE transfer_id IN (SELECT transfer_id FROM entries WHERE account = '{sealed}')",
    ),
    PlantedViolation(
        "wallet balances_are_their_entries", "{stranger}", f"UPDATE accounts SET posted = posted + 1 WHERE {ACCOUNT}"
    ),
    PlantedViolation(
        "wallet held_is_the_sum_of_holds", "{stranger}", f"UPDATE accounts SET held = held + 1 WHERE {ACCOUNT}"
    ),
    PlantedViolation(
        "wallet versions_count_changes", "{stranger}", f"UPDATE accounts SET version = version + 1 WHERE {ACCOUNT}"
    ),
    PlantedViolation(
        "wallet captures_are_escrowed",
        "{claimed}",
        "UPDATE holds SET captured = captured - 1 WHERE id = '{claimed_hold}'",
        {"wallet holds_are_of_their_orders": "{claimed}"},
    ),
    PlantedViolation(
        "wallet escrow_is_what_is_unsettled",
        "escrow",
        transfer("trf_x", "adjustment", [("escrow", 5), ("transit", -5)]),
    ),
    PlantedViolation(
        "wallet refunds_go_back_where_they_came_from",
        "{matured}",
        transfer("trf_x", "refund", [("fees", 5), ("transit", -5)], "{matured}"),
        {"wallet transfers_are_as_their_orders_say": "{matured}"},
    ),
    PlantedViolation(
        "wallet transit_is_what_was_sent_and_received",
        "transit:eu",
        transfer("trf_x", "transfer", [("fees", 5), ("transit:eu", -5)]),
    ),
    # The amounts agree, but no settlement or transfer moved them.
    PlantedViolation(
        "wallet transit_has_its_transfers",
        "trf_x",
        transfer("trf_x", "adjustment", [("transit", -5), ("transit:eu", 5)])
        + ";\n"
        + event(
            "trn_us_eu",
            "transit.sent",
            '{{"receiver": "eu", "transfer_id": "trf_x", "kind": "transfer", "currency": "USDC", "amount": "5"}}',
        ),
    ),
    PlantedViolation("wallet arrivals_have_no_gaps", "eu", arrival(version=2)),
    PlantedViolation("wallet arrivals_have_no_gaps", "eu", arrival(version=1, inbox=2)),
    PlantedViolation("wallet arrivals_do_not_wait", "eu 1", arrival(version=1, age="2 hours", inbox=1)),
    PlantedViolation(
        "wallet outside_moves_are_known",
        "trf_x",
        transfer("trf_x", "gift", [("external", -5), ("losses", 5)]),
        {"wallet outside_is_what_came_and_went": "USDC"},
    ),
    PlantedViolation(
        "wallet outside_is_what_came_and_went",
        "USDC",
        "INSERT INTO deposits (id, chain_id, transaction_hash, position, block_number, block_hash, wallet_key, "
        "wallet_id, user_id, currency, amount, status, transfer_id, version, updated_at) "
        "VALUES ('dep_x', 5, '0x0', 0, 1, '0x0', '', '{stranger}', '', 'USDC', 7, 'credited', '', 1, now())",
    ),
    PlantedViolation(
        "wallet entries_have_their_transfers",
        "trf_x",
        transfer("trf_x", "adjustment", [("fees", 5), ("transit", -5)])
        + ";\nUPDATE entries SET created_at = created_at - interval '1 s' WHERE account = 'transit'",
    ),
    PlantedViolation(
        "wallet transfers_are_what_was_told",
        "trf_x",
        transfer("trf_x", "adjustment", [("fees", 5), ("transit", -5)])
        + ";\nUPDATE transfers SET reference = 'another' WHERE id = 'trf_x'",
    ),
    PlantedViolation(
        "wallet transfers_are_what_was_told",
        "trf_x",
        transfer("trf_x", "adjustment", [("fees", 5), ("transit", -5)])
        + ";\nDELETE FROM events WHERE stream = 'trf_x'",
    ),
    PlantedViolation(
        "wallet settlements_are_of_settled_escrows",
        "{paid}",
        transfer("trf_x", "settlement", [("fees", 5), ("transit", -5)], "{paid}"),
        {"wallet transfers_are_as_their_orders_say": "{paid}"},
    ),
    PlantedViolation(
        "wallet holds_are_named_after_their_orders",
        "hld_us_made_up",
        "INSERT INTO holds (id, order_id, status, version, placed_at, ended_at) "
        "VALUES ('hld_us_made_up', '{paid}', 'released', 1, now(), now())",
    ),
    PlantedViolation(
        "wallet closed_wallets_are_empty",
        "{stranger}",
        "ALTER TABLE wallets DISABLE TRIGGER wallet_closes_empty;\n"
        "UPDATE wallets SET status = 'closed', is_default = false WHERE id = '{stranger}'",
    ),
    PlantedViolation(
        "wallet house_accounts_keep_their_floors",
        "fees",
        transfer("trf_x", "adjustment", [("fees", -(10**6)), ("transit", 10**6)]),
    ),
    PlantedViolation(
        "wallet house_accounts_keep_their_floors",
        "losses",
        transfer("trf_x", "adjustment", [("losses", -1), ("transit", 1)]),
    ),
    PlantedViolation(
        "wallet house_accounts_keep_their_floors",
        "escrow",
        transfer("trf_x", "adjustment", [("escrow", -(10**6)), ("transit", 10**6)]),
        {"wallet escrow_is_what_is_unsettled": "escrow"},
    ),
    PlantedViolation(
        "wallet the_faucet_only_gives",
        "faucet",
        transfer("trf_x", "adjustment", [("faucet", 10**12), ("transit", -(10**12))]),
    ),
    PlantedViolation(
        "wallet roll_ups_are_their_entries",
        "fees",
        "INSERT INTO house_balances AS b VALUES ('fees', 'USDC', 5) "
        "ON CONFLICT (account, currency) DO UPDATE SET balance = b.balance + 5",
    ),
    PlantedViolation(
        "wallet withdrawals_are_set_aside",
        "{requested}",
        "UPDATE withdrawals SET wallet_id = '{stranger}' WHERE id = '{requested}'",
    ),
    PlantedViolation(
        "wallet holds_do_not_wait", "{confirmed_hold}", ago("holds", "next_check_at", "id = '{confirmed_hold}'")
    ),
    PlantedViolation(
        "wallet withdrawals_do_not_wait", "{requested}", ago("withdrawals", "updated_at", "id = '{requested}'")
    ),
    PlantedViolation("wallet transactions_do_not_wait", "stuck", STUCK),
    PlantedViolation(
        "wallet entries_are_sealed",
        "trf_x",
        transfer("trf_x", "adjustment", [("fees", 5), ("transit", -5)])
        + ";\n"
        + ago("entries", "created_at", "transfer_id = 'trf_x'")
        + ";\n"
        + "UPDATE transfers SET created_at = (SELECT min(created_at) FROM entries WHERE transfer_id = 'trf_x') "
        "WHERE id = 'trf_x'",
    ),
]

CUSTODY: Final = [
    PlantedViolation(
        "wallet vault_deposits_are_booked",
        "ETH",
        "INSERT INTO deposits (id, chain_id, transaction_hash, position, block_number, block_hash, wallet_key, "
        "user_id, currency, amount, status, transfer_id, version, updated_at) "
        "VALUES ('dep_x', {chain}, '0x0', 0, 0, '0x0', '', '', 'ETH', 7, 'unattributed', '', 1, now())",
        {"wallet vault_holds_what_is_kept": "ETH"},
    ),
    PlantedViolation(
        "wallet vault_holds_what_is_kept",
        "USDC",
        "INSERT INTO deposits (id, chain_id, transaction_hash, position, block_number, block_hash, wallet_key, "
        "user_id, currency, amount, status, transfer_id, version, updated_at) "
        "VALUES ('dep_x', {chain}, '0x0', 0, 0, '0x0', '', '', 'USDC', 12, 'unattributed', '', 1, now())",
        {"wallet vault_deposits_are_booked": "USDC"},
    ),
    PlantedViolation(
        "wallet vault_payments_were_asked_for",
        "{mined}",
        "UPDATE withdrawals SET status = 'failed' WHERE id = '{mined}'",
        {
            "wallet withdrawals_are_set_aside": "{mined}",
            "wallet outside_is_what_came_and_went": "USDC",
            "wallet failed_withdrawals_were_cancelled": "{mined}",
        },
    ),
    PlantedViolation(
        "wallet failed_withdrawals_were_cancelled",
        "{requested}",
        "UPDATE withdrawals SET status = 'failed' WHERE id = '{requested}'",
        {"wallet withdrawals_are_set_aside": "{requested}"},
    ),
    PlantedViolation(
        "wallet mined_withdrawals_were_paid",
        "{requested}",
        "UPDATE withdrawals SET status = 'mined' WHERE id = '{requested}'",
        {
            "wallet withdrawals_are_set_aside": "{requested}",
            "wallet outside_is_what_came_and_went": "USDC",
        },
    ),
    # The house's own account runs far below zero: what came of it is owed, and nobody brought it.
    PlantedViolation(
        "wallet vault_holds_what_is_owed",
        "USDC",
        transfer("trf_x", "adjustment", [("fees", -(10**12)), ("transit", 10**12)]),
        {"wallet house_accounts_keep_their_floors": "fees"},
    ),
]

WALLET_ORDERS: Final = [
    PlantedElsewhere(
        "wallet paid_orders_were_captured",
        "{confirmed}",
        event("{confirmed}", "order.paid", version="3"),
        {
            "order orders_follow_their_events": "{confirmed}",
            "supply paid_orders_are_sold": "{confirmed}",
            "claiming paid_orders_have_one_claim": "{confirmed}",
        },
        within="order",
    ),
    # A hold of 1 for an order of 2,000; another's wallet; one for no order.
    PlantedViolation(
        "wallet holds_are_of_their_orders",
        "{confirmed}",
        "UPDATE holds SET amount = 1 WHERE id = '{confirmed_hold}';\n"
        "UPDATE accounts SET held = held - 1999 WHERE wallet_id = '{buyer}' AND currency = 'USDC'",
    ),
    PlantedViolation(
        "wallet holds_are_of_their_orders",
        "{confirmed}",
        "UPDATE holds SET wallet_id = '{sealed}' WHERE id = '{confirmed_hold}'",
        {
            "wallet holds_were_covered": "{sealed}",
            "wallet held_is_the_sum_of_holds": "{buyer}, {sealed}",
            "wallet versions_count_changes": "{buyer}, {sealed}",
        },
    ),
    PlantedViolation(
        "wallet holds_are_of_their_orders",
        "ord_us_made_up",
        standing("ord_us_made_up", 10),
    ),
    # The firm hold of an order that was cancelled.
    PlantedViolation(
        "wallet holds_end_with_their_orders",
        "{cancelled}",
        "UPDATE holds SET status = 'placed', firm = true, ended_at = NULL WHERE id = '{cancelled_hold}';\n"
        "UPDATE accounts SET held = held + 2000, version = version - 1 "
        "WHERE wallet_id = '{buyer}' AND currency = 'USDC'",
    ),
    PlantedViolation(
        "wallet escrows_are_of_their_orders",
        "{claimed}",
        "UPDATE escrows SET amount = amount + 1 WHERE order_id = '{claimed}'",
        {"wallet captures_are_escrowed": "{claimed}"},
    ),
    PlantedViolation(
        "wallet money_went_where_its_order_says",
        "{matured}",
        "UPDATE escrows SET status = 'captured' WHERE order_id = '{matured}'",
        {
            "wallet settlements_are_of_settled_escrows": "{matured}",
            "wallet escrow_is_what_is_unsettled": "escrow",
        },
    ),
    # A settlement to a stranger, and at a fee of 99.99 %, each with everything else in order.
    PlantedViolation(
        "wallet transfers_are_as_their_orders_say",
        "{matured}",
        "UPDATE entries SET account = 'losses', balance_after = NULL WHERE account = '{merchant}' AND transfer_id = "
        "(SELECT id FROM transfers WHERE kind = 'settlement' AND order_id = '{matured}');\n"
        "UPDATE accounts SET posted = (SELECT sum(amount) FROM entries WHERE account = '{merchant}'), "
        "version = version - 1 WHERE wallet_id = '{merchant}';\n"
        "UPDATE entries e SET balance_after = (SELECT sum(b.amount) FROM entries b WHERE b.account = e.account "
        "AND b.position <= e.position) WHERE account = '{merchant}';\n"
        "UPDATE events v SET data = jsonb_set(data, '{{postings}}', (SELECT jsonb_agg(jsonb_build_object("
        "'account', e.account, 'currency', e.currency, 'amount', e.amount::text)) FROM entries e "
        "WHERE e.transfer_id = v.stream)) WHERE type = 'transfer.posted' AND data ->> 'reference' = '{matured}'",
    ),
    PlantedViolation(
        "wallet transfers_are_as_their_orders_say",
        "{matured}",
        "UPDATE entries SET amount = CASE account WHEN 'fees' THEN 2499 ELSE 1 END WHERE account <> 'escrow' "
        "AND transfer_id = (SELECT id FROM transfers WHERE kind = 'settlement' AND order_id = '{matured}');\n"
        "UPDATE accounts SET posted = (SELECT sum(amount) FROM entries WHERE account = '{merchant}') "
        "WHERE wallet_id = '{merchant}';\n"
        "UPDATE entries e SET balance_after = (SELECT sum(b.amount) FROM entries b WHERE b.account = e.account "
        "AND b.position <= e.position) WHERE account = '{merchant}';\n"
        "UPDATE events v SET data = jsonb_set(data, '{{postings}}', (SELECT jsonb_agg(jsonb_build_object("
        "'account', e.account, 'currency', e.currency, 'amount', e.amount::text)) FROM entries e "
        "WHERE e.transfer_id = v.stream)) WHERE type = 'transfer.posted' AND data ->> 'reference' = '{matured}'",
    ),
    PlantedViolation(
        "wallet payouts_are_their_merchants",
        "{pending}, {confirmed}, {cancelled}, {paid}, {claimed}, {matured}, {refunded}",
        "UPDATE wallets SET user_id = 'usr_us_x', is_default = false WHERE id = '{merchant}'",
    ),
]

SUPPLY: Final = [
    PlantedViolation(
        "supply stock_adds_up",
        "{supply} {cell}",
        "ALTER TABLE stock DROP CONSTRAINT stock_adds_up;\n"
        "UPDATE stock SET quantity = quantity + 1 WHERE supply_id = '{supply}'",
    ),
    PlantedViolation(
        "supply stock_is_its_reservations",
        "{supply} {cell}",
        "UPDATE stock SET available = available - 1, sold = sold + 1 WHERE supply_id = '{supply}'",
    ),
    PlantedViolation(
        "supply phases_are_their_reservations",
        "{supply} {cell} early",
        "INSERT INTO phase_stock VALUES ('{supply}', '{cell}', 'early', 1)",
    ),
    PlantedViolation(
        "supply nothing_is_oversold",
        "{supply}",
        "UPDATE stock SET quantity = 1, available = 0, reserved = 0, sold = 1 WHERE supply_id = '{supply}'",
        {"supply stock_is_its_reservations": "{supply} {cell}"},
    ),
    PlantedViolation(
        "supply buyers_keep_to_limits", "{paid_rsv0}", "UPDATE reservations SET user_limit = 1 WHERE id = '{paid_rsv0}'"
    ),
    PlantedViolation(
        "supply phases_keep_to_caps",
        "{paid_rsv0}",
        "UPDATE reservations SET phase = 'early', phase_cap = 1 WHERE id = '{paid_rsv0}';\n"
        "INSERT INTO phase_stock VALUES ('{supply}', '{cell}', 'early', 2)",
    ),
    PlantedViolation(
        "supply quotas_are_what_moved",
        "{supply} {cell}",
        "UPDATE stock SET moved = moved + 1 WHERE supply_id = '{supply}'",
    ),
    PlantedViolation(
        "supply rights_are_what_moved",
        "{supply} early",
        "INSERT INTO phase_stock VALUES ('{supply}', '{cell}', 'early', 0, 1)",
    ),
    PlantedViolation(
        "supply grants_are_events",
        "{supply} eu",
        "INSERT INTO quota_streams (supply_id, peer, given) VALUES ('{supply}', 'eu', 1)",
    ),
    PlantedViolation(
        "supply grants_are_credited_in_turn",
        "{supply} eu",
        "INSERT INTO quota_streams (supply_id, peer, received) VALUES ('{supply}', 'eu', 1);\n"
        "INSERT INTO inbox (consumer, stream, version) VALUES ('credit_units', 'quo_eu_{cell}_{supply}', 2)",
    ),
    PlantedViolation(
        "supply archived_supplies_are_at_rest",
        "{supply}",
        "UPDATE supplies SET status = 'archived' WHERE id = '{supply}'",
    ),
    PlantedViolation(
        "supply reservations_do_not_wait",
        "{confirmed_rsv0}",
        ago("reservations", "next_check_at", "id = '{confirmed_rsv0}'"),
    ),
    PlantedViolation(
        "supply paid_orders_are_sold",
        "{paid}",
        "UPDATE reservations SET status = 'reserved', ended_at = NULL WHERE id = '{paid_rsv0}';\n"
        "UPDATE stock SET reserved = reserved + 2, sold = sold - 2 WHERE supply_id = '{supply}'",
    ),
    # 1 reserved for 2 that were ordered; for another buyer; for no order.
    PlantedViolation(
        "supply reservations_are_of_their_orders",
        "{confirmed}",
        "UPDATE reservations SET quantity = 1 WHERE id = '{confirmed_rsv0}';\n"
        "UPDATE stock SET reserved = reserved - 1, available = available + 1 WHERE supply_id = '{supply}'",
    ),
    PlantedViolation(
        "supply reservations_are_of_their_orders",
        "{paid}",
        "UPDATE reservations SET user_id = '{stranger_user}' WHERE id = '{paid_rsv0}'",
    ),
    PlantedViolation(
        "supply reservations_are_of_their_orders",
        "ord_us_made_up",
        "INSERT INTO reservations (id, order_id, supply_id, cell, user_id, quantity, expires_at, next_check_at, "
        "status, firm, version, made_at) VALUES ('rsv_us_made_up', 'ord_us_made_up', '{supply}', '{cell}', "
        "'usr_us_x', 3, now(), now(), 'reserved', true, 1, now());\n"
        "UPDATE stock SET reserved = reserved + 3, available = available - 3 WHERE supply_id = '{supply}'",
    ),
    # The firm stock of an order that was cancelled.
    PlantedViolation(
        "supply reservations_end_with_their_orders",
        "{cancelled}",
        "UPDATE reservations SET status = 'reserved', firm = true, ended_at = NULL WHERE id = '{cancelled_rsv0}';\n"
        "UPDATE stock SET reserved = reserved + 2, available = available - 2 WHERE supply_id = '{supply}'",
    ),
    PlantedViolation(
        "supply orders_are_of_what_is_sold",
        "{paid}, {claimed}, {matured}, {refunded}",
        "UPDATE supplies SET merchant_id = 'usr_us_x' WHERE id = '{other}'",
    ),
]

CLAIMING: Final = [
    PlantedViolation(
        "claiming claims_are_handed_out_once",
        "{paid_claim}",
        event("{paid_claim}", "claim.claimed", version="2"),
        {"claiming claims_are_what_was_told": "{paid_claim}"},
    ),
    PlantedViolation(
        "claiming orders_have_one_claim",
        "{paid}",
        "UPDATE claims SET id = 'clm_us_made_up' WHERE order_id = '{paid}';\n"
        "UPDATE events SET stream = 'clm_us_made_up' WHERE stream = '{paid_claim}'",
    ),
    PlantedViolation(
        "claiming claims_are_what_was_told",
        "{claimed_claim}",
        "UPDATE claims SET status = 'failed' WHERE id = '{claimed_claim}'",
    ),
    PlantedViolation(
        "claiming processed_claims_have_a_transaction",
        "{claimed_claim}",
        "UPDATE claims SET block_number = 1 WHERE id = '{claimed_claim}'",
    ),
    PlantedViolation(
        "claiming vouchers_are_of_what_is_claimed",
        "{paid_claim}",
        "UPDATE claims SET deadline = now() WHERE id = '{paid_claim}'",
    ),
    PlantedViolation(
        "claiming attempts_are_awaited_or_due",
        "{claimed_claim}",
        "UPDATE claims SET status = 'processing', due_at = NULL WHERE id = '{claimed_claim}'",
    ),
    # 100 times what was bought, as it was signed.
    PlantedViolation(
        "claiming vouchers_say_what_is_claimed",
        "{claimed_claim}",
        "UPDATE claims SET voucher = jsonb_set(voucher::jsonb, '{{message,items,0,quantity}}', '\"200\"')::text "
        "WHERE id = '{claimed_claim}'",
    ),
    PlantedViolation(
        "claiming claims_do_not_wait", "{claimed_claim}", ago("claims", "due_at", "id = '{claimed_claim}'")
    ),
    PlantedViolation("claiming transactions_do_not_wait", "stuck", STUCK),
    PlantedViolation(
        "claiming paid_orders_have_one_claim",
        "{paid}",
        "DELETE FROM claims WHERE order_id = '{paid}'",
    ),
    PlantedViolation(
        "claiming claims_are_as_their_orders_say",
        "{refunded}",
        "UPDATE claims SET status = 'open' WHERE id = '{refunded_claim}'",
        {"claiming claims_are_what_was_told": "{refunded_claim}"},
    ),
    # 100 times what was bought; another's.
    PlantedViolation(
        "claiming claims_are_of_their_orders",
        "{paid}",
        "UPDATE claims SET items = jsonb_set(items, '{{0,quantity}}', '200') WHERE id = '{paid_claim}'",
    ),
    PlantedViolation(
        "claiming claims_are_of_their_orders",
        "{paid}",
        "UPDATE claims SET user_id = '{stranger_user}' WHERE id = '{paid_claim}'",
    ),
    PlantedViolation(
        "claiming claims_are_of_their_orders",
        "ord_us_made_up",
        "INSERT INTO claims (id, key, order_id, user_id, address, items, nonce, status, version, opened_at) "
        "VALUES ('clm_us_made_up', 'made up', 'ord_us_made_up', 'usr_us_x', '', '[]', 1, 'open', 1, now());\n"
        + event("clm_us_made_up", "claim.opened"),
    ),
]

HOOK: Final = (
    "INSERT INTO webhooks (id, user_id, url, events, status, reason, secret, listens_since, created_at, updated_at) "
    "VALUES ('whk_x', 'usr_us_x', 'https://x', '{{order.paid}}', '%s', '%s', '', now(), now(), now());\n"
)
DELIVERY: Final = (
    "INSERT INTO deliveries (webhook_id, id, event_id, event_type, body, due_at, created_at, expires_at) "
    "VALUES ('whk_x', 'dlv_x', 'evt_x', '%s', '', %s, now(), now() + interval '3 days')"
)
ITEM: Final = (
    "INSERT INTO activity (user_id, position, stream, version, event_id, type, data, at, revision) "
    "VALUES ('usr_us_x', %s, 'ord_x', 1, 'evt_x', 'order.paid', '{{}}', now(), %s)"
)

NOTIFICATION: Final = [
    PlantedViolation("notification feeds_have_no_gaps", "usr_us_x", "INSERT INTO feeds VALUES ('usr_us_x', 1)"),
    PlantedViolation("notification items_are_in_a_feed", "usr_us_x", ITEM % (1, "extract(epoch FROM now()) * 1000000")),
    PlantedViolation(
        "notification deliveries_were_asked_for",
        "whk_x",
        HOOK % ("enabled", "") + DELIVERY % ("order.failed", "now()"),
    ),
    PlantedViolation(
        "notification disabled_webhooks_rest",
        "whk_x",
        HOOK % ("disabled", "gone") + DELIVERY % ("order.paid", "now()"),
    ),
    PlantedViolation(
        "notification deliveries_do_not_wait",
        "whk_x",
        HOOK % ("enabled", "") + DELIVERY % ("order.paid", "now() - interval '2 hours'"),
    ),
    PlantedViolation(
        "notification items_do_not_wait",
        "usr_us_x",
        "INSERT INTO feeds VALUES ('usr_us_x', 1);\n" + ITEM % (1, 1),
    ),
]

PLANTS: Final = [*EVERYWHERE, *ORDER, *WALLET, *CUSTODY, *WALLET_ORDERS, *SUPPLY, *CLAIMING, *NOTIFICATION]
