"""Watching redemptions through nodes that refuse, lag and truncate: none is missed, none is undone."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from emulators.stack import secrets
from emulators.stack.stack import Stack
from shared.chain.core import block_scanner as watching
from shared.chain.node import ChainClient
from shared.config import read
from shared.errors import Unavailable
from tests.chain import LocalChain
from tests.faulty_provider import FaultyProvider, faulty_provider
from tests.functions.claiming.redemptions import Redemptions, redemptions_of


@pytest.fixture(scope="module")
def redemptions(stack: Stack, chain: LocalChain) -> Iterator[Redemptions]:
    """Isolated services whose redemptions are watched when the test says so."""
    password = secrets.read(stack.layout.secrets, "postgres.password")
    with redemptions_of(read(stack.environment), password, chain) as running:
        yield running


@contextmanager
def asked_through_a_balancer(redemptions: Redemptions) -> Iterator[FaultyProvider]:
    settings, opened = redemptions.isolated.settings, redemptions.isolated.resources._opened
    name = f"chain {settings.claim_chain_id}"
    before = redemptions.isolated.resources.chain(settings.claim_chain_id)
    with faulty_provider(settings.chain_urls[settings.claim_chain_id]) as (behaviour, at):
        opened[name] = ChainClient(at)
        yield behaviour
    opened[name] = before


def reached(redemptions: Redemptions) -> int:
    [row] = redemptions.isolated.probe.rows("claiming", "SELECT number FROM chain_cursors")
    return int(row["number"])


def watch(redemptions: Redemptions) -> int:
    """One run of the job. Returns how many blocks it read; a failed run is followed by others."""
    try:
        return int(redemptions.isolated.run("watch_redemptions")["blocks"])
    except Unavailable:
        return 0


def test_redemptions_that_a_node_leaves_out_are_heard_of(redemptions: Redemptions) -> None:
    """The events come from a node that lags, or are cut; blocks and receipts from one that has them."""
    several = [redemptions.claimed() for _ in range(3)]
    assert all(redemptions.redeem(each) for each in several)
    redemptions.chain.mine(redemptions.isolated.settings.chain_confirmations)
    watch(redemptions)
    others = [redemptions.claimed() for _ in range(3)]
    assert all(redemptions.redeem(each) for each in others)
    with asked_through_a_balancer(redemptions) as provider:
        provider.most_results, provider.most_blocks = 1, 4
        provider.lag, provider.lags = 100, lambda _, method: method == "eth_getLogs"
        redemptions.chain.mine(redemptions.isolated.settings.chain_confirmations)
        while watch(redemptions):
            pass
    assert [each.view().status for each in (*several, *others)] == ["processed"] * 6
    assert redemptions.isolated.violations() == []


def test_nobody_moves_on_past_what_is_not_proven(redemptions: Redemptions) -> None:
    """Only headers come from a current node: the claim waits until the others have caught up."""
    bought = redemptions.claimed()
    with asked_through_a_balancer(redemptions) as provider:
        provider.lag = 100
        provider.lags = lambda _, method: method not in ("eth_blockNumber", "eth_getBlockByNumber")
        assert redemptions.redeem(bought)
        block = redemptions.chain.client.head()
        redemptions.chain.mine(redemptions.isolated.settings.chain_confirmations + 2)
        watch(redemptions)
        watch(redemptions)
        assert reached(redemptions) < block
        assert bought.view().status != "processed"
        provider.lag = 0
        watch(redemptions)
    assert bought.view().status == "processed"


def test_what_was_undone_is_redeemed_again_only_when_it_was_read_again(
    redemptions: Redemptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reorganised chain is read again step by step: no claim is undone before the cursor has passed it."""
    redemptions.chain.mine(redemptions.isolated.settings.chain_confirmations + 12)
    watch(redemptions)
    redemptions.chain.mine(12)
    bought = redemptions.claimed()
    assert redemptions.redeem(bought)
    block = redemptions.chain.client.head()
    redemptions.chain.mine(redemptions.isolated.settings.chain_confirmations)
    while watch(redemptions):
        pass
    assert bought.view().status == "processed"
    redemptions.chain.reorganise(redemptions.chain.client.head() - block + 10)
    monkeypatch.setattr(watching, "SPAN", 3)
    passed = 0
    while watch(redemptions) or passed < block:
        passed = reached(redemptions)
        assert bought.view().status == ("processed" if passed < block else "processing")
