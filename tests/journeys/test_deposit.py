"""Money comes in from the chain: watched, confirmed, credited once, whatever becomes of blocks and processes."""

from collections.abc import Callable

import pytest

from emulators import contracts
from emulators.buyer import Person
from emulators.stack import Stack
from shared.adapters.abi import encoded
from shared.adapters.ethereum import keccak
from tests.books import Books
from tests.chain import LocalChain

CONFIRMATIONS = contracts.CONFIRMATIONS


@pytest.fixture
def depositor(anyone: Callable[[], Person]) -> Person:
    """Somebody new, whose wallet is empty."""
    return anyone()


def address_of(person: Person) -> str:
    answer = person.get(f"/v1/wallets/{person.wallet_id}/deposit-address")
    return str(answer["address"])


def deposits_of(books: Books, person: Person) -> list[dict[str, object]]:
    sql = "SELECT id, status, amount, currency FROM deposits WHERE wallet_id = :id ORDER BY id"
    return books.rows("wallet", sql, id=person.wallet_id)


def credited(books: Books, chain: LocalChain, person: Person, amount: int, currency: str = "USDC") -> None:
    """Wait until a wallet has exactly so much."""
    chain.until(lambda: books.money(person.wallet_id, currency) == (amount, 0), f"the wallet has {amount}")


def test_a_deposit_address_is_the_wallets_own(depositor: Person, anyone: Callable[[], Person], settings: object) -> None:
    """It is the same each time, another's wallet has another, and another's wallet is not shown."""
    answer = depositor.get(f"/v1/wallets/{depositor.wallet_id}/deposit-address")
    assert answer == depositor.get(f"/v1/wallets/{depositor.wallet_id}/deposit-address")
    assert (answer["chain_id"], answer["currencies"]) == (contracts.CHAIN_ID, ["ETH", "USDC"])
    other = anyone()
    assert address_of(other) != answer["address"]
    assert other.request("GET", f"/v1/wallets/{depositor.wallet_id}/deposit-address").status_code == 404


@pytest.mark.parametrize("currency", ["ETH", "USDC"])
def test_what_arrives_is_credited_once(depositor: Person, chain: LocalChain, books: Books, currency: str) -> None:
    """A plain transfer to the address, ether or token, becomes the wallet's balance, with its posting and its fact."""
    address = address_of(depositor)
    if currency == "ETH":
        chain.send(address, value=12_345)
    else:
        chain.mint(address, 12_345)
    credited(books, chain, depositor, 12_345, currency)
    [deposit] = deposits_of(books, depositor)
    [fact] = books.stream("wallet", str(deposit["id"]))
    assert (fact.type, fact.data["amount"], fact.data["currency"]) == ("deposit.credited", "12345", currency)
    [entry] = depositor.get(f"/v1/wallets/{depositor.wallet_id}/entries")["items"]
    assert (entry["kind"], entry["amount"], entry["reference"]) == ("deposit", "12345", deposit["id"])


def test_a_deposit_by_call_is_credited(depositor: Person, chain: LocalChain, books: Books) -> None:
    """A contract that calls the vault with the wallet's key needs no transfer to the address."""
    address_of(depositor)
    key = keccak(depositor.wallet_id.encode())
    chain.send(contracts.VAULT, encoded("deposit(bytes32)", key), value=77)
    credited(books, chain, depositor, 77, "ETH")


def test_two_deposits_in_one_transaction_are_two(depositor: Person, chain: LocalChain, books: Books) -> None:
    """Each event of a transaction counts by itself."""
    first = address_of(depositor)
    chain.mint(first, 5)
    chain.send(first, value=6)
    credited(books, chain, depositor, 5)
    credited(books, chain, depositor, 6, "ETH")
    assert len(deposits_of(books, depositor)) == 2


def test_a_deep_reorganisation_takes_a_deposit_back(depositor: Person, chain: LocalChain, books: Books) -> None:
    """Blocks go that held a credited deposit: it is taken back, and what was spent of it is the house's loss."""
    key = keccak(depositor.wallet_id.encode())
    address_of(depositor)
    sent = chain.send(contracts.VAULT, encoded("deposit(bytes32)", key), value=1000)
    receipt = chain.client.receipt(sent)
    assert receipt is not None
    credited(books, chain, depositor, 1000, "ETH")
    depositor_has = books.money(depositor.wallet_id, "ETH")
    assert depositor_has == (1000, 0)
    chain.reorganise(chain.client.head() - receipt.block_number + 1)
    chain.mine(CONFIRMATIONS + 2)
    credited(books, chain, depositor, 0, "ETH")
    assert [deposit["status"] for deposit in deposits_of(books, depositor)] == ["reversed"]
    kinds = [entry["kind"] for entry in depositor.get(f"/v1/wallets/{depositor.wallet_id}/entries")["items"]]
    assert kinds == ["reversal", "deposit"]


def test_a_shallow_reorganisation_credits_nothing_twice(depositor: Person, chain: LocalChain, books: Books) -> None:
    """A block that goes before it has its confirmations never counted; the transaction that comes again counts once."""
    key = keccak(depositor.wallet_id.encode())
    address_of(depositor)
    deposit = encoded("deposit(bytes32)", key)
    chain.send(contracts.VAULT, deposit, value=500)
    chain.reorganise(1)
    chain.send(contracts.VAULT, deposit, value=300)
    chain.mine(CONFIRMATIONS)
    credited(books, chain, depositor, 300, "ETH")
    assert [deposit["status"] for deposit in deposits_of(books, depositor)] == ["credited"]


def test_a_node_restart_loses_nothing(depositor: Person, stack: Stack, chain: LocalChain, books: Books) -> None:
    """The node ends between a transfer and its confirmations, and comes back with what it had: credited once."""
    chain.mint(address_of(depositor), 4321)
    stack.stop("chain")
    stack.start("chain")
    credited(books, chain, depositor, 4321)
    assert len(deposits_of(books, depositor)) == 1
