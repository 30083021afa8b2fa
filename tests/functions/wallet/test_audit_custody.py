"""Proof of custody: chain and ledger agree, and any difference is found."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
from msgspec import structs

from emulators.demo.api_user import ApiUser
from emulators.stack.parts.contracts import DEPLOYER, USDC
from emulators.stack.secrets import read as secret
from emulators.stack.stack import Stack
from functions.wallet.adapters.custody import PostgresDeposits, PostgresWithdrawals
from functions.wallet.adapters.work import Work
from functions.wallet.audit_custody import audit_custody
from functions.wallet.domain.custody import Withdrawal
from functions.wallet.domain.ledger import Posting, Transfer
from functions.wallet.domain.proof import BOOKED, CANCELLED, COVERED, INVARIANTS, OWED, PAID, REQUESTED
from shared import ids
from shared.chain.abi import encoded
from shared.chain.ethereum import keccak
from shared.chain.node import ChainClient, NodeRefused
from shared.config import read
from shared.contracts.gen.wallet_pb2 import AuditCustodyRequest, AuditCustodyResponse
from shared.resources import Resources
from shared.rpc.channel import RpcChannel
from tests.chain import LocalChain
from tests.functions.wallet.custody import ETHER, Custody, an_address, custody_of
from tests.isolated_services import IsolatedUser

ENTRY = """
    INSERT INTO entries (transfer_id, account, currency, amount, balance_after, created_at)
    SELECT :id, a.name, 'ETH', a.amount, CASE WHEN starts_with(a.name, 'wal_') THEN a.amount END, now()
    FROM (SELECT :account::text AS name, :amount::numeric AS amount) a"""
ACCOUNT = "INSERT INTO accounts VALUES (:id, 'ETH', :amount, 0, 1)"


@pytest.fixture(scope="module")
def spoilt(stack: Stack, chain: LocalChain) -> Iterator[Custody]:
    """A vault and isolated services that no other test needs intact."""
    with custody_of(read(stack.environment), secret(stack.layout.secrets, "postgres.password"), chain) as running:
        yield running


def audited(custody: Custody, at: datetime | None = None) -> AuditCustodyResponse:
    answer: AuditCustodyResponse = custody.isolated.run("audit_custody", request=AuditCustodyRequest(at=at))
    return answer


def broken(custody: Custody) -> set[tuple[str, str]]:
    """The violations, after the whole chain was read."""
    custody.watch()
    answer = audited(custody)
    assert set(answer.checked) == set(INVARIANTS)
    return {(violation.invariant, violation.subject) for violation in answer.violations}


def deposit(custody: Custody, somebody: IsolatedUser, value: int) -> str:
    """Deposit ether for a wallet, straight into the vault. Returns the transaction's hash."""
    custody.deposit_address(somebody)
    call = encoded("deposit(bytes32)", keccak(somebody.wallet_id.encode()))
    return custody.chain.send(vault_of(custody), call, value=value)


def made_at(custody: Custody) -> datetime:
    """The time of the latest block."""
    block = custody.chain.client.block()
    assert block is not None
    return datetime.fromtimestamp(block.made_at, UTC)


def vault_of(custody: Custody) -> str:
    return custody.isolated.settings.vault_contract


def test_all_is_well_whatever_honest_people_do(custody: Custody) -> None:
    """Deposits of every kind, known or not, withdrawals in every state, the platform's money: nothing is found."""
    somebody = custody.isolated.new_user(USDC=5000)
    address = custody.deposit_address(somebody)
    deposit(custody, somebody, 1000)
    custody.chain.mint(address, 700)
    custody.isolated.run("collect_deposits")
    custody.chain.send(vault_of(custody), encoded("deposit(bytes32)", secrets.token_bytes(32)), value=55)
    custody.chain.send(vault_of(custody), encoded("fund()"), value=99)
    custody.chain.mint(vault_of(custody), 33)
    assert broken(custody) == set()
    mined = custody.withdraw(somebody, an_address(), 11)
    custody.settle()
    assert custody.status(mined) == "mined"
    assert broken(custody) == set()
    custody.withdraw(somebody, an_address(), 12)
    custody.isolated.run("send_withdrawals")
    assert broken(custody) == set()  # it is on the chain, and not captured
    custody.settle()
    assert custody.isolated.violations() == []


def test_what_is_not_confirmed_counts_nowhere(custody: Custody) -> None:
    """A deposit that was not read yet is on neither side."""
    somebody = custody.isolated.new_user()
    assert broken(custody) == set()
    deposit(custody, somebody, 1000)
    assert list(audited(custody).violations) == []


def test_a_reorganisation_is_no_breach(custody: Custody) -> None:
    """Before it was noticed nothing can be checked; after that, both sides have dropped the same deposit."""
    somebody = custody.isolated.new_user()
    receipt = custody.chain.client.receipt(deposit(custody, somebody, 1000))
    assert receipt is not None
    assert broken(custody) == set()
    custody.chain.reorganise(custody.chain.client.head() - receipt.block_number + 1)
    assert set(audited(custody).unchecked) == set(INVARIANTS)
    assert broken(custody) == set()
    assert custody.isolated.probe.money(somebody.wallet_id, "ETH") == (0, 0)
    assert custody.isolated.violations() == []


def test_a_theft_is_found(spoilt: Custody) -> None:
    """Ether that vanishes and tokens that leave without a payment are found, and the past was in order."""
    custody = spoilt
    custody.chain.send(vault_of(custody), encoded("fund()"), value=ETHER)
    assert broken(custody) == set()
    client, vault, before = custody.chain.client, vault_of(custody), made_at(custody)
    custody.chain.until(lambda: made_at(custody) > before, "its time has passed", mining=True)
    had = custody.chain.ether(vault)
    client.request("anvil_impersonateAccount", vault)
    call = {"from": vault, "to": USDC, "data": "0x" + encoded("transfer(address,uint256)", DEPLOYER, 5).hex()}
    stolen = client.request("eth_sendTransaction", {**call, "gas": hex(10**6), "gasPrice": hex(10**11)})
    custody.chain.until(lambda: client.receipt(stolen) is not None, "it is stolen")
    client.request("anvil_stopImpersonatingAccount", vault)
    client.request("anvil_setBalance", vault, hex(had - ETHER // 2))
    assert broken(custody) == {(COVERED, "ETH"), (COVERED, "USDC")}
    assert list(audited(custody, before).violations) == []
    client.request("anvil_setBalance", vault, hex(had))
    assert broken(custody) == {(COVERED, "USDC")}


def test_money_that_nobody_brought_is_found(spoilt: Custody) -> None:
    """A posting from outside without a deposit is a violation of the ledger's own audit."""
    somebody = spoilt.isolated.new_user()
    with spoilt.work().transaction() as work:
        legs = (Posting("external", "ETH", -9), Posting(somebody.wallet_id, "ETH", 9))
        made = Transfer(work.new_id("trf"), "deposit", legs, work.now())
        work.ledger.post(made, {somebody.wallet_id: somebody.user_id})
    found = spoilt.isolated.violations()
    assert {each.split(":")[0] for each in found} == {"outside_moves_are_known", "outside_is_what_came_and_went"}
    assert any(made.id in each for each in found)


def test_a_payment_that_nobody_asked_for_is_found(spoilt: Custody) -> None:
    """The treasury's key is used behind the ledger's back: the payment is for no withdrawal, or one that failed."""
    work = spoilt.work()
    stray = Withdrawal("wdr_us_x", "", "", "USDC", 3, an_address(), work.vault.chain_id, "", work.now(), work.now())
    treasury = work.treasury
    signed = treasury.sign(treasury.payment(stray), treasury.next_nonce(), treasury.fees(), work.now())
    treasury.broadcast(signed)
    spoilt.chain.until(lambda: spoilt.chain.client.receipt(signed.hash) is not None, "it is paid")
    assert (REQUESTED, "0x" + keccak(b"wdr_us_x").hex()) in broken(spoilt)
    with patch.object(PostgresWithdrawals, "all", lambda _: [replace(stray, status="failed")]):
        assert (REQUESTED, "wdr_us_x") in broken(spoilt)
    with patch.object(PostgresWithdrawals, "all", lambda _: [stray]):
        assert REQUESTED not in {invariant for invariant, _ in broken(spoilt)}


def test_a_vault_that_has_less_than_it_owes_is_found(spoilt: Custody) -> None:
    """A system account runs below zero, and the proceeds leave the vault: each payment was requested, each
    sum is in order, and what depositors have is not there.
    """
    isolated, depositor, thief = spoilt.isolated, spoilt.isolated.new_user(), spoilt.isolated.new_user()
    spoilt.chain.send(vault_of(spoilt), encoded("fund()"), value=ETHER)
    deposit(spoilt, depositor, 1000)
    assert OWED not in {invariant for invariant, _ in broken(spoilt)}
    before = datetime.now(UTC)
    with isolated.superuser("wallet") as connection:  # by hand: the database itself refuses it
        made = ids.new("trf", "us")
        connection.run("INSERT INTO transfers VALUES (:id, 'adjustment', '', NULL, now())", id=made)
        for account, amount in (("fees", -10 * ETHER), (thief.wallet_id, 10 * ETHER)):
            connection.run(ENTRY, id=made, account=account, amount=amount)
        connection.run(ACCOUNT, id=thief.wallet_id, amount=10 * ETHER)
    answer = audited(spoilt)
    [found] = [breach for breach in answer.violations if breach.invariant == OWED]
    assert found.subject == "ETH"
    assert OWED not in {breach.invariant for breach in audited(spoilt, before).violations}
    assert any("house_accounts_keep_their_floors: fees" in each for each in isolated.violations())


def test_a_withdrawal_that_did_not_end_in_the_vault_is_found(custody: Custody) -> None:
    """The ledger has it as mined and debited, or as failed and given back, but the vault has done nothing with it."""
    work = custody.work()
    withdrawal = Withdrawal(
        "wdr_us_y", "", "", "USDC", 3, an_address(), work.vault.chain_id, "", work.now(), work.now()
    )
    for status, found in (("sent", set()), ("mined", {(PAID, "wdr_us_y")}), ("failed", {(CANCELLED, "wdr_us_y")})):
        with patch.object(PostgresWithdrawals, "all", lambda _, now=status: [replace(withdrawal, status=now)]):
            assert {breach for breach in broken(custody) if breach[0] in {PAID, CANCELLED}} == found


def test_a_deposit_that_is_not_booked_is_found(custody: Custody) -> None:
    """The chain was read past a deposit, and the ledger does not know it."""
    deposit(custody, custody.isolated.new_user(), 1000)
    with patch.object(PostgresDeposits, "booked", lambda *_: {}):
        assert (BOOKED, "ETH") in broken(custody)
    assert (BOOKED, "ETH") not in broken(custody)


def test_what_cannot_be_checked_is_said(custody: Custody) -> None:
    """Without a chain nothing is checked; without the state of the block, the vault's holdings are not."""
    with patch.object(ChainClient, "balance", side_effect=NodeRefused("missing trie node")):
        custody.watch()
        assert list(audited(custody).unchecked) == [COVERED, OWED]
    work: Any = Work(Resources(structs.replace(custody.isolated.settings, chain_urls={})), "wallet")
    assert list(audit_custody(AuditCustodyRequest(), work).unchecked) == list(INVARIANTS)
    assert list(audited(custody, datetime(2000, 1, 1, tzinfo=UTC)).violations) == []


def test_it_is_part_of_the_audit(rpc: Callable[[str, str], RpcChannel], operator: ApiUser) -> None:
    """On the running stack, through the edge and over gRPC, with deposits and withdrawals of others under way."""
    answer = operator.get("/v1/operator/audit")
    names = {f"wallet {name}" for name in INVARIANTS}
    assert names <= {*answer["checked"], *answer["unchecked"]}
    assert not [each for each in answer["violations"] if each["invariant"] in names]
    checked = rpc("wallet", "platform").call("Wallet.AuditCustody", AuditCustodyRequest(), AuditCustodyResponse, 30)
    assert {*checked.checked, *checked.unchecked} == set(INVARIANTS)
