"""One vault for several cells: each books its own deposits, sends with its own key; custody is the sum over them."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from emulators.stack.secrets import read as secret
from emulators.stack.stack import Stack
from functions.wallet.adapters.vault import ChainVault
from functions.wallet.deposit_attribution import ask_again
from functions.wallet.domain.proof import INVARIANTS
from shared.chain.abi import encoded
from shared.chain.ethereum import keccak
from shared.chain.signers import FileSigner
from shared.config import read
from shared.contracts.gen.wallet_pb2 import AuditCustodyRequest, AuditCustodyResponse
from shared.resources import Resources
from shared.variables import ConfigurationError
from tests.chain import LocalChain
from tests.functions.wallet.custody import ETHER, Custody, an_address, custody_of
from tests.isolated_services import IsolatedServices, IsolatedUser


@dataclass(frozen=True)
class Cells:
    """The cells us, which books what nobody knows, and eu; with one vault."""

    us: Custody
    eu: Custody

    def deposit(self, wallet_id: str, value: int) -> None:
        """Deposit ether for a wallet, straight into the vault."""
        self.us.chain.send(self.us.vault, encoded("deposit(bytes32)", keccak(wallet_id.encode())), value=value)

    def watch(self) -> None:
        """Both cells read the whole chain."""
        self.us.watch()
        self.eu.watch()
        self.us.isolated.run("watch_deposits")  # which asks again for what it could not know

    def violations(self) -> list[str]:
        """What the audit of custody finds."""
        answer: AuditCustodyResponse = self.us.isolated.run("audit_custody", request=AuditCustodyRequest())
        assert list(answer.unchecked) == []
        assert set(answer.checked) == set(INVARIANTS)
        return [f"{each.invariant} {each.subject} {each.detail}" for each in answer.violations]


def booked(custody: Custody) -> list[tuple[str, str, int]]:
    """The deposits that a cell has booked: wallet (empty for none), status, amount."""
    rows = custody.isolated.probe.rows("wallet", "SELECT wallet_id, status, amount FROM deposits ORDER BY id")
    return [(row["wallet_id"] or "", row["status"], row["amount"]) for row in rows]


def depositor(custody: Custody) -> IsolatedUser:
    """A user whose deposit address is registered."""
    somebody = custody.isolated.new_user()
    custody.deposit_address(somebody)
    return somebody


@pytest.fixture
def cells(stack: Stack, chain: LocalChain) -> Iterator[Cells]:
    """Two cells with a vault of their own."""
    environment, password = read(stack.environment), secret(stack.layout.secrets, "postgres.password")
    with custody_of(environment, password, chain) as us:
        ours = us.isolated.settings
        there: dict[str, Any] = {"vault_contract": ours.vault_contract, "chain_start_block": ours.chain_start_block}
        settings = replace(environment, cell="eu", region="europe-west1", **there)
        with IsolatedServices(settings, password) as isolated:
            signer = FileSigner(secrets.token_bytes(32))
            us.payer(signer.address, may=True)
            chain.send(signer.address, value=ETHER)
            us.isolated.meet(isolated)
            isolated.meet(us.isolated)
            yield Cells(us, Custody(isolated, chain, signer))


def test_each_cell_books_its_own_deposits(cells: Cells) -> None:
    """What is nobody's is booked once, by one cell; the audit finds that both cells' payments were asked for."""
    here, there = depositor(cells.us), depositor(cells.eu)
    cells.deposit(here.wallet_id, 1000)
    cells.deposit(there.wallet_id, 2000)
    cells.deposit("nobody", 55)
    cells.watch()
    assert booked(cells.us) == [(here.wallet_id, "credited", 1000), ("", "unattributed", 55)]
    assert booked(cells.eu) == [(there.wallet_id, "credited", 2000)]
    assert cells.violations() == []
    paying = [
        (cell, cell.withdraw(cell.isolated.new_user(USDC=5000), an_address(), 11)) for cell in (cells.us, cells.eu)
    ]
    for cell, _ in paying:
        cell.settle()
    assert [cell.status(withdrawal) for cell, withdrawal in paying] == ["mined", "mined"]
    cells.watch()
    assert cells.violations() == []
    empty: AuditCustodyResponse = cells.eu.isolated.run("audit_custody", request=AuditCustodyRequest())
    assert not (empty.checked or empty.unchecked or empty.violations)


def test_a_payment_that_no_cell_has_asked_for_is_found(cells: Cells) -> None:
    """And so is a deposit that its cell has lost."""
    there = depositor(cells.eu)
    cells.deposit(there.wallet_id, 2000)
    withdrawal = cells.eu.withdraw(cells.eu.isolated.new_user(USDC=5000), an_address(), 11)
    cells.eu.settle()
    cells.watch()
    assert cells.violations() == []
    cells.eu.isolated.tamper("wallet", "UPDATE withdrawals SET amount = 12 WHERE id = :id", id=withdrawal.id)
    assert any("vault_payments_were_asked_for" in each for each in cells.violations())
    cells.eu.isolated.tamper("wallet", "UPDATE withdrawals SET amount = 11 WHERE id = :id", id=withdrawal.id)
    cells.eu.isolated.tamper("wallet", "UPDATE deposits SET amount = 1999 WHERE amount = 2000")
    assert any("vault_deposits_are_booked ETH 2000 ETH came, 1999" in each for each in cells.violations())


def test_a_cell_that_cannot_be_asked_delays_nobody(cells: Cells) -> None:
    """Its deposits are booked unattributed meanwhile, and left to it as soon as it says that they are its own."""
    here, there = depositor(cells.us), depositor(cells.eu)
    cells.deposit(here.wallet_id, 1000)
    cells.deposit(there.wallet_id, 2000)
    with cells.us.isolated.apart("eu"):
        cells.us.watch()
        assert booked(cells.us) == [(here.wallet_id, "credited", 1000), ("", "unattributed", 2000)]
        answer: AuditCustodyResponse = cells.us.isolated.run("audit_custody", request=AuditCustodyRequest())
        assert list(answer.unchecked) == list(INVARIANTS)
    cells.watch()
    assert booked(cells.us) == [(here.wallet_id, "credited", 1000)]
    assert booked(cells.eu) == [(there.wallet_id, "credited", 2000)]
    assert cells.violations() == []


def test_an_address_that_is_registered_late_gets_its_deposit(cells: Cells) -> None:
    """Both have read the block by then: the cell that knows the address takes the deposit on, the other drops it."""
    there = cells.eu.isolated.new_user()
    cells.deposit(there.wallet_id, 2000)
    cells.watch()
    assert (booked(cells.us), booked(cells.eu)) == ([("", "unattributed", 2000)], [])
    cells.eu.deposit_address(there)
    cells.watch()
    cells.eu.isolated.run("watch_deposits")
    assert (booked(cells.us), booked(cells.eu)) == ([], [(there.wallet_id, "credited", 2000)])
    assert cells.eu.isolated.probe.money(there.wallet_id, "ETH") == (2000, 0)
    assert cells.violations() == []


def test_a_deposit_that_no_block_here_has_is_not_taken_on(cells: Cells) -> None:
    """A cell trusts its own node about the chain: what another one tells of a fork stays there."""
    there = cells.eu.isolated.new_user()
    cells.deposit(there.wallet_id, 2000)
    cells.watch()
    cells.eu.deposit_address(there)
    with patch.object(ChainVault, "place", lambda *_: None):
        work: Any = cells.us.work()
        ask_again(work)
    assert (booked(cells.us), booked(cells.eu)) == ([("", "unattributed", 2000)], [])


def test_a_cell_beside_others_needs_a_key_of_its_own(cells: Cells) -> None:
    """Two cells with one key would take each other's nonces: without its own a cell sends nothing."""
    resources = Resources(cells.eu.isolated.settings)
    with pytest.raises(ConfigurationError, match="treasury_eu_europe-west1_key"):
        resources.signer("treasury")


def test_what_a_former_region_has_sent_ends_too(cells: Cells) -> None:
    """Another region serves the cell, with a key of its own: what is in flight is followed, and new ones are sent."""
    custody, to = cells.eu, an_address()
    somebody = custody.isolated.new_user(USDC=5000)
    before = custody.withdraw(somebody, to, 11)
    custody.isolated.run("send_withdrawals")
    fresh = FileSigner(secrets.token_bytes(32))
    custody.payer(fresh.address, may=True)
    custody.chain.send(fresh.address, value=ETHER)
    custody.isolated.resources._opened["signer treasury"] = fresh
    after = custody.withdraw(somebody, to, 12)
    custody.settle()
    assert [custody.status(each) for each in (before, after)] == ["mined", "mined"]
    assert [nonce for nonce, _ in custody.nonces(after)] == [0]
    assert custody.isolated.probe.money(somebody.wallet_id)[1] == 0
