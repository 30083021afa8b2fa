"""A vault and a treasury for isolated services, on the chain of the stack; the test itself is their scheduler."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from emulators.stack.parts.contracts import DEPLOYER, USDC
from functions.wallet.adapters.work import Work
from functions.wallet.custody_views import WithdrawalView
from functions.wallet.get_deposit_address import GetDepositAddress
from functions.wallet.requests import CreateWithdrawal
from shared.chain import artefacts
from shared.chain.abi import encoded
from shared.chain.ethereum import checksum_address, keccak
from shared.chain.signers import FileSigner
from shared.config import Settings
from shared.money import Amount
from tests.chain import LocalChain
from tests.isolated_services import IsolatedServices, IsolatedUser

ETHER = 10**18
FUNDS = 10**9
PAYER_ROLE = keccak(b"PAYER_ROLE")
ADMIN, STRANGER = 0, 3
"""Accounts of anvil's: the vault's administrator, and one that nobody knows."""


class Crash(BaseException):
    """The process dies here."""


class Custody:
    """The chain's side of isolated services."""

    def __init__(self, isolated: IsolatedServices, chain: LocalChain, signer: FileSigner) -> None:
        self.isolated = isolated
        self.chain = chain
        self.signer = signer
        # One key is one order of nonces: the stack's own treasury must not draw from it.
        isolated.resources._opened["signer treasury"] = signer

    def work(self) -> Work:
        """The wallet service's work, outside of any transaction."""
        return Work(self.isolated.resources, "wallet")

    def deposit_address(self, somebody: IsolatedUser) -> str:
        request = GetDepositAddress(somebody.wallet_id)
        return str(self.isolated.run("get_deposit_address", request=request, caller=somebody.caller).address)

    def withdraw(self, somebody: IsolatedUser, to: str, amount: int = 1000) -> WithdrawalView:
        request = CreateWithdrawal(somebody.wallet_id, "USDC", Amount(amount), to)
        made: WithdrawalView = self.isolated.run("create_withdrawal", request=request, caller=somebody.caller)
        return made

    def settle(self) -> None:
        """Send, confirm and track all withdrawals."""
        self.isolated.run("send_withdrawals")
        self.isolated.run("track_withdrawals")
        self.chain.mine(self.isolated.settings.chain_confirmations + 1)
        self.isolated.run("track_withdrawals")

    def watch(self) -> None:
        """Confirm all deposits, and read the whole chain."""
        self.chain.mine(self.isolated.settings.chain_confirmations + 1)
        while self.isolated.run("watch_deposits")["blocks"]:
            pass

    @property
    def vault(self) -> str:
        """The address of the vault."""
        return self.isolated.settings.vault_contract

    def payer(self, address: str, *, may: bool) -> None:
        """Allow an address to pay out of the vault, or disallow it."""
        change = f"{'grant' if may else 'revoke'}Role(bytes32,address)"
        self.chain.send(self.vault, encoded(change, PAYER_ROLE, address), sender=ADMIN)

    def pay_elsewhere(self, withdrawal: WithdrawalView) -> str:
        """Have a payer unknown to the ledger pay a withdrawal. Returns the transaction's hash."""
        self.payer(self.chain.accounts[STRANGER], may=True)
        values = (keccak(withdrawal.id.encode()), USDC, withdrawal.to_address, withdrawal.amount)
        data = encoded("pay(bytes32,address,address,uint256)", *values)
        return self.chain.send(self.vault, data, sender=STRANGER)

    def status(self, withdrawal: WithdrawalView) -> str:
        [row] = self.isolated.probe.rows("wallet", "SELECT status FROM withdrawals WHERE id = :id", id=withdrawal.id)
        return str(row["status"])

    def nonces(self, withdrawal: WithdrawalView) -> list[tuple[int, bool]]:
        """The transactions that were signed for a withdrawal, the cheapest first: nonce, and whether it was sent."""
        sql = """
            SELECT t.nonce, t.broadcast FROM signed_transactions t
            JOIN sendings s ON (s.chain_id, s.sender, s.nonce) = (t.chain_id, t.sender, t.nonce)
            WHERE s.subject = :id ORDER BY t.max_fee"""
        rows = self.isolated.probe.rows("wallet", sql, id=withdrawal.id)
        return [(row["nonce"], row["broadcast"]) for row in rows]


def an_address() -> str:
    """An address that nobody has used."""
    return checksum_address("0x" + secrets.token_hex(20))


@contextmanager
def custody_of(settings: Settings, password: str, chain: LocalChain) -> Iterator[Custody]:
    """Isolated services with a vault and a treasury of their own, both funded."""
    signer = FileSigner(secrets.token_bytes(32))
    code = artefacts.load()["Vault"].creation(DEPLOYER, signer.address)
    call = {"from": DEPLOYER, "data": "0x" + code.hex()}
    sent = chain.client.request("eth_sendTransaction", call)
    chain.until(lambda: chain.client.receipt(sent) is not None, "the vault is there")
    receipt = chain.client.request("eth_getTransactionReceipt", sent)
    vault, start = checksum_address(receipt["contractAddress"]), int(receipt["blockNumber"], 16)
    chain.mint(vault, FUNDS)
    chain.send(signer.address, value=ETHER)
    own = replace(settings, vault_contract=vault, chain_start_block=start)
    with IsolatedServices(own, password) as isolated:
        yield Custody(isolated, chain, signer)


@contextmanager
def crash(owner: type, method: str, *, after: bool) -> Iterator[None]:
    """Die before or after a method does what it does."""
    real = getattr(owner, method)

    def dying(*arguments: Any, **named: Any) -> Any:
        if after:
            real(*arguments, **named)
        raise Crash

    with patch.object(owner, method, dying):
        yield


__all__ = ["FUNDS", "USDC", "Crash", "Custody", "an_address", "crash", "custody_of"]
