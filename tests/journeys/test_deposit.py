"""Money comes in from the chain: watched, confirmed, credited once, whatever becomes of blocks and processes."""

from collections.abc import Callable

import pytest

from emulators import contracts
from emulators.buyer import Person, fresh_key
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
    chain.until(lambda: books.money(person.wallet_id, currency) == (amount, 0), f"the wallet has {amount}", mining=True)


def test_a_deposit_address_is_the_wallets_own(depositor: Person, anyone: Callable[[], Person]) -> None:
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
    """Blocks go that held a credited deposit, deeper than its confirmations: it is taken back."""
    key = keccak(depositor.wallet_id.encode())
    address_of(depositor)
    sent = chain.send(contracts.VAULT, encoded("deposit(bytes32)", key), value=1000)
    receipt = chain.client.receipt(sent)
    assert receipt is not None
    credited(books, chain, depositor, 1000, "ETH")
    chain.reorganise(chain.client.head() - receipt.block_number + 1)
    chain.mine(CONFIRMATIONS + 2)
    credited(books, chain, depositor, 0, "ETH")
    assert [deposit["status"] for deposit in deposits_of(books, depositor)] == ["reversed"]
    kinds = [entry["kind"] for entry in depositor.get(f"/v1/wallets/{depositor.wallet_id}/entries")["items"]]
    assert kinds == ["reversal", "deposit"]


def test_what_was_spent_of_a_deposit_taken_back_is_the_houses_loss(
    depositor: Person, anyone: Callable[[], Person], chain: LocalChain, books: Books, audit: Callable[[], list[str]]
) -> None:
    """The wallet gives back what it has left, and nobody else's balance moves."""
    address_of(depositor)
    deposit = encoded("deposit(bytes32)", keccak(depositor.wallet_id.encode()))
    receipt = chain.client.receipt(chain.send(contracts.VAULT, deposit, value=1000))
    assert receipt is not None
    credited(books, chain, depositor, 1000, "ETH")
    other = anyone()
    terms = {"from_wallet_id": depositor.wallet_id, "to_wallet_id": other.wallet_id, "currency": "ETH", "amount": "600"}
    depositor.post("/v1/transfers", terms, fresh_key())
    chain.reorganise(chain.client.head() - receipt.block_number + 1)
    chain.mine(CONFIRMATIONS + 2)
    credited(books, chain, depositor, 0, "ETH")
    assert books.money(other.wallet_id, "ETH") == (600, 0)
    sql = """
        SELECT e.account, e.amount FROM entries e JOIN transfers t ON t.id = e.transfer_id
        JOIN deposits d ON d.transfer_id = t.reference
        WHERE t.kind = 'reversal' AND d.wallet_id = :id ORDER BY e.amount"""
    found = [(row["account"], row["amount"]) for row in books.rows("wallet", sql, id=depositor.wallet_id)]
    assert found == [("losses", -600), (depositor.wallet_id, -400), ("external", 1000)]
    assert audit() == []


@pytest.mark.long
def test_a_collection_that_a_reorganisation_undoes_is_made_again(
    depositor: Person, chain: LocalChain, books: Books
) -> None:
    """The transfer stands and its collection goes: the balance comes back to what arrived, no more and no less."""
    chain.mint(address_of(depositor), 650)
    credited(books, chain, depositor, 650)
    sql = "SELECT block_number FROM deposits WHERE wallet_id = :id"
    [block] = books.rows("wallet", sql, id=depositor.wallet_id)
    chain.reorganise(chain.client.head() - block["block_number"] + 1)
    again = "SELECT doubted FROM deposits WHERE wallet_id = :id AND block_hash <> ALL(:old::text[]) AND NOT doubted"
    old = [row["block_hash"] for row in books.rows("wallet", "SELECT block_hash FROM deposits")]
    chain.until(lambda: bool(books.rows("wallet", again, id=depositor.wallet_id, old=old)), "it is found again")
    credited(books, chain, depositor, 650)
    assert [deposit["status"] for deposit in deposits_of(books, depositor)] == ["credited"]


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
