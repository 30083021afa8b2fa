"""Watching for deposits through nodes that refuse, lag and truncate: in the end every deposit is credited once."""

import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.wallet.requests import CreateTransfer
from shared.chain.abi import encoded
from shared.chain.core import block_scanner as watching
from shared.chain.ethereum import keccak
from shared.chain.node import ChainClient
from shared.errors import Unavailable
from shared.money import Amount
from tests.faulty_provider import FaultyProvider, faulty_provider
from tests.functions.wallet.custody import Custody
from tests.isolated_services import IsolatedUser


@pytest.fixture
def provider(custody: Custody) -> Iterator[FaultyProvider]:
    """A proxy that the isolated services use instead of the node, once it has read the whole chain."""
    custody.watch()
    opened, name = custody.isolated.resources._opened, f"chain {custody.isolated.settings.custody_chain_id}"
    url = custody.isolated.settings.chain_urls[custody.isolated.settings.custody_chain_id]
    before = opened.get(name)
    with faulty_provider(url) as (behaviour, at):
        opened[name] = ChainClient(at)
        yield behaviour
    if before is not None:
        opened[name] = before
    else:
        del opened[name]


def deposit(custody: Custody, somebody: IsolatedUser, value: int) -> int:
    """Deposit ether for a wallet, straight into the vault. Returns the number of its block."""
    call = encoded("deposit(bytes32)", keccak(somebody.wallet_id.encode()))
    receipt = custody.chain.client.receipt(
        custody.chain.send(custody.isolated.settings.vault_contract, call, value=value)
    )
    assert receipt is not None
    return receipt.block_number


def depositor(custody: Custody) -> IsolatedUser:
    somebody = custody.isolated.new_user()
    custody.deposit_address(somebody)
    return somebody


def has(custody: Custody, somebody: IsolatedUser) -> int:
    return custody.isolated.probe.money(somebody.wallet_id, "ETH")[0]


def reached(custody: Custody) -> int:
    [row] = custody.isolated.probe.rows("wallet", "SELECT number FROM chain_cursors")
    return int(row["number"])


def watch(custody: Custody) -> int:
    """One run of the job. Returns how many blocks it read; a failed run is followed by others."""
    try:
        return int(custody.isolated.run("watch_deposits")["blocks"])
    except Unavailable:
        return 0


@pytest.mark.parametrize(
    "refusal",
    [
        {"code": -32005, "message": "query returned more than 10000 results"},
        {"code": -32602, "message": "eth_getLogs is limited to a 10 block range"},
        {"code": -32000, "message": "block range is too wide"},
        {"code": -32603, "message": "Internal error"},
        "no",
        b"Request Entity Too Large",
    ],
)
def test_a_range_that_is_refused_is_halved(custody: Custody, provider: FaultyProvider, refusal: Any) -> None:
    """Whatever the error says: the range shrinks to what the provider accepts, which is remembered."""
    provider.most_blocks, provider.refusal = 10, refusal
    somebody = depositor(custody)
    deposit(custody, somebody, 700)
    custody.chain.mine(40)
    custody.watch()
    assert has(custody, somebody) == 700
    served = [blocks for blocks in provider.ranges if blocks <= 10]
    refused = [blocks for blocks in provider.ranges if blocks > 10]
    assert sum(served) >= 40
    assert 0 < len(refused) <= 5


def test_a_provider_that_answers_one_block_at_a_time_is_read(custody: Custody, provider: FaultyProvider) -> None:
    """Down to one block; if even that is refused, the receipts prove as much."""
    for most in (1, 0):
        provider.most_blocks = most
        somebody = depositor(custody)
        deposit(custody, somebody, 41)
        custody.watch()
        assert has(custody, somebody) == 41


def test_events_that_a_lagging_node_does_not_know_are_not_missed(custody: Custody, provider: FaultyProvider) -> None:
    """Blocks come from a current node, events from a lagging one: the events it omits are read all the same."""
    provider.lag, provider.lags = 200, lambda _, method: method == "eth_getLogs"
    somebody = depositor(custody)
    deposit(custody, somebody, 1000)
    custody.watch()
    assert has(custody, somebody) == 1000


@pytest.mark.parametrize("knowing", ["eth_blockNumber", "eth_getBlockByNumber"])
def test_the_cursor_stays_before_what_is_not_proven(custody: Custody, provider: FaultyProvider, knowing: str) -> None:
    """Only the head, or only headers, come from a current node: the cursor does not move past a deposit."""
    knows = {"eth_blockNumber", knowing}
    somebody = depositor(custody)
    provider.lag, provider.lags = 200, lambda _, method: method not in knows
    block = deposit(custody, somebody, 1000)
    custody.chain.mine(custody.isolated.settings.chain_confirmations + 3)
    for _ in range(3):
        watch(custody)
        assert reached(custody) < block
    assert has(custody, somebody) == 0
    provider.lag = 0
    custody.watch()
    assert has(custody, somebody) == 1000


@pytest.mark.parametrize("every", [2, 3])
def test_a_balancer_of_nodes_that_lag_is_read_to_its_end(
    custody: Custody, provider: FaultyProvider, every: int
) -> None:
    """Each call, and each part of a batch, goes to another node: no deposit is missed."""
    people = [depositor(custody) for _ in range(3)]
    for amount, somebody in enumerate(people, 1):
        deposit(custody, somebody, amount)
        custody.chain.mine(2)
    provider.lag, provider.lags = 4, lambda number, _: number % every == 0
    for _ in range(30):
        custody.chain.mine()
        watch(custody)
    assert [has(custody, somebody) for somebody in people] == [1, 2, 3]


def test_results_that_are_cut_are_not_missed(custody: Custody, provider: FaultyProvider) -> None:
    """A provider returns one event and silently omits the rest; or it does not support receipts of blocks."""
    for unknown in (set[str](), {"eth_getBlockReceipts"}):
        provider.most_results, provider.unknown = 1, unknown
        people = [depositor(custody) for _ in range(3)]
        for amount, somebody in enumerate(people, 1):
            deposit(custody, somebody, amount)
        custody.watch()
        assert [has(custody, somebody) for somebody in people] == [1, 2, 3]


def test_what_was_missed_near_the_end_is_found_again(custody: Custody, provider: FaultyProvider) -> None:
    """The last blocks are read again, and the booked rows do not change."""
    real = provider._one

    def forgetful(question: dict[str, Any]) -> Any:
        answer = real(question)
        if question["method"] == "eth_getLogs":
            answer["result"] = []
        if question["method"] == "eth_getBlockReceipts":
            answer["result"] = [{**receipt, "logs": []} for receipt in answer["result"]]
        return answer

    known, missed = depositor(custody), depositor(custody)
    deposit(custody, known, 5)
    custody.watch()
    provider._one = forgetful  # type: ignore[method-assign]
    block = deposit(custody, missed, 6)
    custody.chain.mine(custody.isolated.settings.chain_confirmations)
    while reached(custody) < block:
        watch(custody)
    assert has(custody, missed) == 0
    rows = "SELECT *, xmin::text FROM deposits WHERE wallet_id = :id"
    before = custody.isolated.probe.rows("wallet", rows, id=known.wallet_id)
    del provider._one
    custody.watch()
    assert (has(custody, missed), has(custody, known)) == (6, 5)
    assert custody.isolated.probe.rows("wallet", rows, id=known.wallet_id) == before


def test_a_block_of_another_fork_is_no_part_of_the_chain(custody: Custody, provider: FaultyProvider) -> None:
    """Headers that are not linked are not one chain: nothing is read by them."""
    real = provider._one
    somebody = depositor(custody)
    block = deposit(custody, somebody, 8)
    custody.chain.mine(custody.isolated.settings.chain_confirmations + 3)

    def forked(question: dict[str, Any]) -> Any:
        answer = real(question)
        if question["method"] == "eth_getBlockByNumber" and question["params"][0] == hex(block + 1):
            answer["result"]["parentHash"] = "0x" + secrets.token_hex(32)
        return answer

    provider._one = forked  # type: ignore[method-assign]
    watch(custody)
    assert reached(custody) < block and has(custody, somebody) == 0
    del provider._one
    custody.watch()
    assert has(custody, somebody) == 8


def status(custody: Custody, somebody: IsolatedUser) -> list[tuple[str, int]]:
    """The deposits for a wallet's key: status and amount."""
    sql = "SELECT status, amount FROM deposits WHERE wallet_key = :key ORDER BY id"
    rows = custody.isolated.probe.rows("wallet", sql, key=keccak(somebody.wallet_id.encode()))
    return [(row["status"], int(row["amount"])) for row in rows]


def test_one_full_wallet_stops_no_other_deposit(custody: Custody) -> None:
    """A deposit that would overflow the balance is credited once there is room; the others at once."""
    full, other = depositor(custody), depositor(custody)
    custody.isolated.fund(full, 2**256 - 1, "ETH")
    deposit(custody, full, 70)
    deposit(custody, other, 80)
    custody.watch()
    assert (has(custody, other), has(custody, full)) == (80, 2**256 - 1)
    assert status(custody, full) == [("unattributed", 70)]
    assert custody.isolated.violations() == []
    request = CreateTransfer(full.wallet_id, other.wallet_id, "ETH", Amount(2**255))
    custody.isolated.run("create_transfer", request=request, caller=full.caller)
    with custody.isolated.later(timedelta(days=1)):
        custody.watch()
    assert (has(custody, full), status(custody, full)) == (2**255 - 1 + 70, [("credited", 70)])
    assert custody.isolated.violations() == []


def test_a_deposit_before_its_address_was_handed_out_is_found_later(custody: Custody) -> None:
    """A deposit for an unregistered key is credited after the registration, once."""
    somebody = custody.isolated.new_user()
    deposit(custody, somebody, 90)
    custody.watch()
    assert (has(custody, somebody), status(custody, somebody)) == (0, [("unattributed", 90)])
    custody.deposit_address(somebody)
    for _ in range(3):
        custody.watch()
        assert (has(custody, somebody), status(custody, somebody)) == (90, [("credited", 90)])
    [row] = custody.isolated.probe.rows(
        "wallet", "SELECT id FROM deposits WHERE wallet_id = :id", id=somebody.wallet_id
    )
    assert [event.type for event in custody.isolated.stream(row["id"])] == ["deposit.credited"]


def test_what_the_chain_has_forgotten_is_taken_back_when_it_was_read_again(
    custody: Custody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reorganised chain is read again step by step: no deposit is reversed before the cursor has passed it."""
    somebody = depositor(custody)
    custody.watch()
    custody.chain.mine(12)
    block = deposit(custody, somebody, 60)
    custody.watch()
    assert has(custody, somebody) == 60
    custody.chain.reorganise(custody.chain.client.head() - block + 10)
    monkeypatch.setattr(watching, "SPAN", 3)
    passed = 0
    while watch(custody) or passed < block:
        passed = reached(custody)
        assert status(custody, somebody) == [("credited" if passed < block else "reversed", 60)]
    assert has(custody, somebody) == 0
