"""The vault: each deposit emits one event, each payment happens once, and only the treasury pays."""

from dataclasses import dataclass

import pytest

from shared.chain.abi import topic
from shared.chain.ethereum import keccak
from tests.chain import LONG_ANSWER_BYTES
from tests.evm import GAS, Evm, Refused, error
from tests.solidity import creation_code

ETHER = "0x" + "0" * 40
WALLET, OTHER = keccak(b"wal_1"), keccak(b"wal_2")
PAYMENT = keccak(b"wdr_1")
RECIPIENT = "0x00000000000000000000000000000000000B0B01"
DEPOSITED = topic("Deposited(bytes32,address,uint256)")
PAYER = 1


@dataclass(frozen=True)
class Bank:
    """The vault and a token on a chain of their own."""

    evm: Evm
    vault: str
    usdc: str

    def address(self, wallet: bytes) -> str:
        found: str = self.evm.ask(self.vault, ["address"], "depositAddress(bytes32)", wallet)
        return found

    def collect(self, asset: str, *wallets: bytes, sender: int = 7) -> list[tuple[bytes, int]]:
        """Collect, as anybody may; returns the deposits in its events: (wallet, amount)."""
        logs = self.evm.send(self.vault, "collect(bytes32[],address)", list(wallets), asset, sender=sender)
        found = [(log["topics"], log["data"]) for log in logs if log["address"].lower() == self.vault.lower()]
        return [(raw(topics[1]), int.from_bytes(raw(data))) for topics, data in found if raw(topics[0]) == DEPOSITED]

    def tokens(self, owner: str) -> int:
        found: int = self.evm.ask(self.usdc, ["uint256"], "balanceOf(address)", owner)
        return found

    def pay(self, asset: str, amount: int, *, to: str = RECIPIENT, sender: int = PAYER, gas: int = GAS) -> None:
        values = (PAYMENT, asset, to, amount)
        self.evm.send(self.vault, "pay(bytes32,address,address,uint256)", *values, sender=sender, gas=gas)


def raw(value: object) -> bytes:
    return value if isinstance(value, bytes) else bytes.fromhex(str(value)[2:])


@pytest.fixture
def bank() -> Bank:
    evm = Evm()
    vault = evm.create("Vault", evm.accounts[0], evm.accounts[PAYER])
    return Bank(evm, vault, evm.create("LocalUsdc"))


def test_collects_ether_from_a_deposit_address(bank: Bank) -> None:
    """Ether that arrived before and after the forwarder was deployed is collected with one event each."""
    bank.evm.pay(bank.address(WALLET), 500)
    assert bank.collect(ETHER, WALLET) == [(WALLET, 500)]
    bank.evm.pay(bank.address(WALLET), 7)
    assert bank.collect(ETHER, WALLET, OTHER) == [(WALLET, 7)]
    assert bank.collect(ETHER, WALLET) == []
    assert bank.evm.balance(bank.vault) == 507


def test_collects_tokens_from_deposit_addresses(bank: Bank) -> None:
    """Tokens of several wallets are collected at once, with an event each."""
    for wallet, amount in ((WALLET, 300), (OTHER, 20)):
        bank.evm.send(bank.usdc, "mint(address,uint256)", bank.address(wallet), amount)
    assert bank.collect(bank.usdc, WALLET, OTHER) == [(WALLET, 300), (OTHER, 20)]
    assert bank.tokens(bank.vault) == 320


def test_tells_what_was_not_collected(bank: Bank) -> None:
    """One call returns where there is something to collect."""
    bank.evm.pay(bank.address(OTHER), 9)
    found = bank.evm.ask(bank.vault, ["uint256[]"], "uncollected(bytes32[],address)", [WALLET, OTHER], ETHER)
    assert list(found) == [0, 9]


def test_a_deposit_address_gives_at_the_vaults_word_alone(bank: Bank) -> None:
    """Nobody else can move its funds, which would reach the vault without an event."""
    bank.evm.pay(bank.address(WALLET), 5)
    bank.collect(ETHER, WALLET)
    bank.evm.send(bank.usdc, "mint(address,uint256)", bank.address(WALLET), 40)
    with pytest.raises(Refused) as refused:
        bank.evm.send(bank.address(WALLET), "forward(address)", bank.usdc, sender=4)
    assert refused.value.selector == error("NotTheVault()")
    assert bank.collect(bank.usdc, WALLET) == [(WALLET, 40)]


def test_takes_deposits_by_call(bank: Bank) -> None:
    """A contract that can call deposits without the address."""
    logs = bank.evm.send(bank.vault, "deposit(bytes32)", WALLET, value=11)
    assert [raw(log["topics"][1]) for log in logs] == [WALLET]
    bank.evm.send(bank.usdc, "mint(address,uint256)", bank.evm.accounts[2], 8)
    bank.evm.send(bank.usdc, "approve(address,uint256)", bank.vault, 8, sender=2)
    bank.evm.send(bank.vault, "depositToken(bytes32,address,uint256)", OTHER, bank.usdc, 8, sender=2)
    assert (bank.evm.balance(bank.vault), bank.tokens(bank.vault)) == (11, 8)


def test_refuses_ether_that_belongs_to_nobody(bank: Bank) -> None:
    """A plain transfer to the vault itself names no wallet, so it does not happen."""
    with pytest.raises(Refused):
        bank.evm.pay(bank.vault, 5)


def test_pays_once(bank: Bank) -> None:
    """A second transaction for the same withdrawal moves nothing, whatever it says."""
    bank.evm.send(bank.vault, "fund()", value=1000)
    bank.pay(ETHER, 100)
    for amount in (100, 1):
        with pytest.raises(Refused) as refused:
            bank.pay(ETHER, amount)
        assert refused.value.selector == error("AlreadyPaid(bytes32)")
    assert bank.evm.balance(RECIPIENT) == 100


def test_pays_tokens(bank: Bank) -> None:
    """A withdrawal in a token."""
    bank.evm.send(bank.usdc, "mint(address,uint256)", bank.vault, 50)
    bank.pay(bank.usdc, 50)
    assert (bank.tokens(RECIPIENT), bank.tokens(bank.vault)) == (50, 0)


def test_pays_by_the_treasurys_word_alone(bank: Bank) -> None:
    """Nobody else pays, not even the administrator."""
    bank.evm.send(bank.vault, "fund()", value=1000)
    for sender in (0, 5):
        with pytest.raises(Refused) as refused:
            bank.pay(ETHER, 1, sender=sender)
        assert refused.value.selector == error("AccessControlUnauthorizedAccount(address,bytes32)")


def test_pays_no_more_than_it_has(bank: Bank) -> None:
    """A payment that cannot be made is not marked as made."""
    with pytest.raises(Refused):
        bank.pay(ETHER, 1)
    bank.evm.send(bank.vault, "fund()", value=1)
    bank.pay(ETHER, 1)
    assert bank.evm.balance(RECIPIENT) == 1


@pytest.mark.parametrize("size", [0, 32, 10_000])
def test_pays_a_contract_wallet(bank: Bank, size: int) -> None:
    """One that keeps a note of what came has gas enough for it, and may answer what it likes."""
    wallet = bank.evm.deploy(creation_code("RecordingWallet", size))
    bank.evm.send(bank.vault, "fund()", value=10)
    bank.pay(ETHER, 10, to=wallet)
    assert bank.evm.balance(wallet) == 10


@pytest.mark.parametrize(
    "code",
    [
        creation_code("LongAnswer", LONG_ANSWER_BYTES, False),
        creation_code("LongAnswer", LONG_ANSWER_BYTES, True),
        creation_code("EndlessLoop"),
    ],
    ids=["answers 3 MiB", "reverts with 3 MiB", "burns"],
)
def test_a_recipient_costs_no_more_than_its_share(bank: Bank, code: bytes) -> None:
    """Whatever it does or answers, it is refused, within the gas of an ordinary transaction."""
    greedy = bank.evm.deploy(code)
    bank.evm.send(bank.vault, "fund()", value=10)
    with pytest.raises(Refused) as refused:
        bank.pay(ETHER, 10, to=greedy, gas=250_000)
    assert refused.value.selector == error("NotTaken()")
    assert bank.evm.balance(bank.vault) == 10


def test_pays_no_contract_that_refuses(bank: Bank) -> None:
    """Ether to what does not take it stays, and the payment may be made elsewhere."""
    bank.evm.send(bank.vault, "fund()", value=10)
    with pytest.raises(Refused) as refused:
        bank.pay(ETHER, 10, to=bank.usdc)
    assert refused.value.selector == error("NotTaken()")
    assert bank.evm.balance(bank.vault) == 10


def cancel(bank: Bank, *, sender: int = PAYER) -> list[bytes]:
    """Cancel the payment; the topics of its event."""
    [log] = bank.evm.send(bank.vault, "cancel(bytes32)", PAYMENT, sender=sender)
    return [raw(each) for each in log["topics"]]


def test_what_is_cancelled_is_never_paid(bank: Bank) -> None:
    """Whoever signed the payment, and whenever: it reverts, and cancelling again does too."""
    bank.evm.send(bank.usdc, "mint(address,uint256)", bank.vault, 100)
    assert cancel(bank) == [topic("Cancelled(bytes32)"), PAYMENT]
    for again in (lambda: bank.pay(bank.usdc, 100), lambda: cancel(bank)):
        with pytest.raises(Refused) as refused:
            again()
        assert refused.value.selector == error("AlreadyCancelled(bytes32)")
    assert bank.tokens(RECIPIENT) == 0
    assert bank.evm.ask(bank.vault, ["bool"], "cancelled(bytes32)", PAYMENT)


def test_what_is_paid_is_never_cancelled(bank: Bank) -> None:
    """The first of the two decides."""
    bank.evm.send(bank.usdc, "mint(address,uint256)", bank.vault, 100)
    bank.pay(bank.usdc, 100)
    with pytest.raises(Refused) as refused:
        cancel(bank)
    assert refused.value.selector == error("AlreadyPaid(bytes32)")
    assert not bank.evm.ask(bank.vault, ["bool"], "cancelled(bytes32)", PAYMENT)


def test_a_payment_that_was_not_taken_may_be_cancelled(bank: Bank) -> None:
    """A revert leaves it open."""
    with pytest.raises(Refused):
        bank.pay(bank.usdc, 100)
    cancel(bank)


def test_only_the_treasury_cancels(bank: Bank) -> None:
    with pytest.raises(Refused):
        cancel(bank, sender=4)
    assert not bank.evm.ask(bank.vault, ["bool"], "cancelled(bytes32)", PAYMENT)
