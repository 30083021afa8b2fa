"""Every way out of a cell has been thought about: it waits at the gate (shared/cells/gate.py), or says why it need not.

Within a cell nothing waits: its services' databases are on one server, so what a failover undoes it undoes of all.
"""

import ast
from pathlib import Path
from typing import get_args

from shared.cells.words import Kind
from tests.architecture.codebase import ROWS, modules, name_of, tree

HTTP = {row.name: row for row in ROWS if row.http}
RPC = {row.rpc or "": row for row in ROWS if row.rpc}

TOLD_TO_USERS = {
    "a failover may undo what was acknowledged or shown, wholly: nobody else has acted on it": {
        *("list_wallets", "get_wallet", "create_wallet", "rename_wallet", "close_wallet", "get_balances"),
        *("list_entries", "create_transfer", "faucet", "get_withdrawal", "post_transfers", "reverse_transfer"),
        *("create_supply", "get_supply", "list_supplies", "update_supply", "restock_supply", "delete_supply"),
        *("check_eligibility", "create_order", "get_order", "list_orders", "list_order_events", "refund_order"),
        *("cancel_order", "retry_claim", "create_webhook", "list_webhooks", "get_webhook", "delete_webhook"),
        *("enable_webhook", "rotate_secret", "try_webhook", "list_deliveries", "redeliver"),
        *("list_parked", "redrive", "audit", "read_overview", "read_story", "browse_orders"),
        *("browse_wallets", "inspect_wallet", "browse_webhooks", "browse_deliveries", "redeliver_for_owner"),
    },
    "a quote is honoured by the cell that signed it alone, for minutes, at a price that its merchant had set": {
        "quote_order",
    },
    "users, sessions and feeds are in Firestore, which no failover of a cell undoes": {
        *("sign_in", "refresh_session", "create_local_token", "sign_out", "read_me", "read_profile", "grant_roles"),
        *("list_activity", "list_cells"),
    },
    "it rests on nothing that is stored": {
        *("issue_nonce", "read_keys", "list_currencies", "health", "ready", "read_document", "read_docs"),
        *("read_start", "read_shop", "read_console", "read_page_file", "read_metrics"),
    },
}
"""The HTTP rows whose answers do not wait, by why."""

TOLD_TO_CELLS = {
    "Wallet.OpenDefault": "the wallet's id derives from the user's, and the next sign-in opens it again",
    "Wallet.Describe": "money for a wallet that a failover undoes goes to its owner's default wallet",
    "Wallet.TellCustody": "the audit decides nothing, and is repeated",
    "Wallet.SumTransits": "it is asked for versions that the asker has received, which have passed the gate",
    "Supply.SumGrants": "it is asked for versions that the asker has received, which have passed the gate",
    "Events.ListParked": "an operator looks",
    "Operators.Tell": "an operator looks",
    "Events.Redrive": "an operator repeats it",
}
"""The RPCs from other cells whose answers do not wait, and why."""

SENDS = {
    "shared.outbox.relay": "event",
    "shared.chain.sender": "broadcast",
    "functions.notification.adapters.http": "webhook",
    "functions.notification.adapters.feeds": "activity",
    "functions.supply.adapters.peers": "request",
}
"""The modules that let something out themselves, and what."""

OUTSIDE = ("shared.firestore.calls", "shared.http_client", "google.cloud.firestore")
"""What reaches beyond a cell. Its Redis is nobody else's; what is published has passed the relay."""

NEED_NOT_WAIT = {
    "functions.identity.adapters.users": "users have no home in a cell's database",
    "functions.identity.adapters.sessions": "neither have sessions",
    "functions.platform.adapters.streams": "it reads identity's events",
    "shared.auth.sessions": "it only reads",
    "shared.auth.revocations": "it only reads",
    "shared.chain.asset_bindings": "an asset stays its merchant's, with the supply or without",
    "shared.chain.node": "the sender waits before it broadcasts",
    "shared.firestore.cells": "it only reads",
    "shared.firestore.cell_records": "what cells agree on is decided there",
    "shared.outbox.firestore": "its events were committed in Firestore with what they report",
    "shared.resources": "it opens clients",
    "shared.runtime.forwarding.forwarder": "it passes on what a user has sent",
}
"""The modules that use those without waiting at the gate, and why."""


def waits(path: Path) -> set[str]:
    """The kinds for which a module waits at the gate."""
    calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    waiting = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "wait"]
    return {str(call.args[0].value) for call in waiting if call.args and isinstance(call.args[0], ast.Constant)}


def uses(path: Path) -> set[str]:
    """What a module imports of OUTSIDE, but for its types alone."""
    typed = {
        inner
        for node in ast.walk(tree(path))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    imports = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom) and node not in typed]
    return {node.module or "" for node in imports if (node.module or "").startswith(OUTSIDE)}


def asked_of_other_cells() -> set[str]:
    """The RPCs that are called on a channel which was opened for the call: to a cell, or to one of several."""
    found = set()
    for path in modules("functions", "shared"):
        if name_of(path) == "functions.platform.adapters.clients":
            continue  # see the next function
        for node in ast.walk(tree(path)):
            match node:
                case ast.Call(ast.Attribute(ast.Call(), "call"), [ast.Constant(str(rpc)), *_]) if rpc in RPC:
                    found.add(rpc)
    return found


def asked_by_the_platform() -> set[str]:
    """The RPCs that the platform calls in any cell: it asks `_of(consumer, cell)`, and the others in its own."""
    (path,) = [path for path in modules("functions") if name_of(path) == "functions.platform.adapters.clients"]
    found = set()
    for node in ast.walk(tree(path)):
        match node:
            case ast.Call(ast.Attribute(ast.Call(ast.Attribute(attr="_of")), "call"), [ast.Constant(str(rpc)), *_]) if (
                rpc in RPC
            ):
                found.add(rpc)
    return found


def test_every_answer_to_a_user_is_decided() -> None:
    """It waits, or a reason says why not; what is new belongs to neither until somebody has thought about it."""
    reasons = [name for names in TOLD_TO_USERS.values() for name in names]
    gated = {name for name, row in HTTP.items() if row.gate}
    assert len(reasons) == len(set(reasons))
    assert gated.isdisjoint(reasons)
    assert gated | set(reasons) == set(HTTP)


def test_every_answer_to_another_cell_is_decided() -> None:
    """Only RPCs that other cells ask for have a decision: the others stay within the cell."""
    crossing = asked_of_other_cells() | asked_by_the_platform()
    gated = {rpc for rpc, row in RPC.items() if row.gate}
    assert gated.isdisjoint(TOLD_TO_CELLS)
    assert gated | set(TOLD_TO_CELLS) == crossing


def test_what_is_sent_waits_where_it_is_sent() -> None:
    """Each of these modules waits for what it lets out, and no other one does."""
    found = {name_of(path): waits(path) & set(get_args(Kind)) for path in modules("functions", "shared")}
    assert {name: kinds for name, kinds in found.items() if kinds} == {name: {kind} for name, kind in SENDS.items()}


def test_every_module_that_reaches_beyond_the_cell_is_decided() -> None:
    """It waits, or a reason says why not."""
    found = {name_of(path) for path in modules("functions", "shared") if uses(path)}
    own = {name for name in found if name.startswith("shared.http_client")}
    assert found - own - set(SENDS) == set(NEED_NOT_WAIT)
