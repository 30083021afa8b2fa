"""Deposits from the chain are credited exactly once, across reorganisations and restarts."""

from collections.abc import Callable

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack.parts import contracts
from emulators.stack.stack import Stack
from shared.chain.abi import encoded
from shared.chain.ethereum import keccak
from tests.chain import LocalChain
from tests.database_probe import DatabaseProbe

CONFIRMATIONS = contracts.CONFIRMATIONS


@pytest.fixture
def depositor(anyone: Callable[[], ApiUser]) -> ApiUser:
    """A new user with an empty wallet."""
    return anyone()


def address_of(person: ApiUser) -> str:
    answer = person.get(f"/v1/wallets/{person.wallet_id}/deposit-address")
    return str(answer["address"])


def deposits_of(probe: DatabaseProbe, person: ApiUser) -> list[dict[str, object]]:
    sql = "SELECT id, status, amount, currency FROM deposits WHERE wallet_id = :id ORDER BY id"
    return probe.rows("wallet", sql, id=person.wallet_id)


def credited(probe: DatabaseProbe, chain: LocalChain, person: ApiUser, amount: int, currency: str = "USDC") -> None:
    """Wait until a wallet's balance is exactly this."""
    chain.until(lambda: probe.money(person.wallet_id, currency) == (amount, 0), f"the wallet has {amount}", mining=True)


def test_a_deposit_address_is_the_wallets_own(depositor: ApiUser, anyone: Callable[[], ApiUser]) -> None:
    """It is stable, differs between wallets, and is not shown for another user's wallet."""
    answer = depositor.get(f"/v1/wallets/{depositor.wallet_id}/deposit-address")
    assert answer == depositor.get(f"/v1/wallets/{depositor.wallet_id}/deposit-address")
    assert (answer["chain_id"], answer["currencies"]) == (contracts.CHAIN_ID, ["ETH", "USDC"])
    other = anyone()
    assert address_of(other) != answer["address"]
    assert other.request("GET", f"/v1/wallets/{depositor.wallet_id}/deposit-address").status_code == 404


@pytest.mark.parametrize("currency", ["ETH", "USDC"])
def test_what_arrives_is_credited_once(
    depositor: ApiUser, chain: LocalChain, probe: DatabaseProbe, currency: str
) -> None:
    """A plain transfer of ether or tokens to the address is credited, with its posting and its event."""
    address = address_of(depositor)
    if currency == "ETH":
        chain.send(address, value=12_345)
    else:
        chain.mint(address, 12_345)
    credited(probe, chain, depositor, 12_345, currency)
    [deposit] = deposits_of(probe, depositor)
    [fact] = probe.stream("wallet", str(deposit["id"]))
    assert (fact.type, fact.data["amount"], fact.data["currency"]) == ("deposit.credited", "12345", currency)
    [entry] = depositor.get(f"/v1/wallets/{depositor.wallet_id}/entries")["items"]
    assert (entry["kind"], entry["amount"], entry["reference"]) == ("deposit", "12345", deposit["id"])


def test_a_deposit_by_call_is_credited(depositor: ApiUser, chain: LocalChain, probe: DatabaseProbe) -> None:
    """A contract that calls the vault with the wallet's key needs no transfer to the address."""
    address_of(depositor)
    key = keccak(depositor.wallet_id.encode())
    chain.send(contracts.VAULT, encoded("deposit(bytes32)", key), value=77)
    credited(probe, chain, depositor, 77, "ETH")


def test_two_deposits_in_one_transaction_are_two(depositor: ApiUser, chain: LocalChain, probe: DatabaseProbe) -> None:
    """Each event of a transaction counts by itself."""
    first = address_of(depositor)
    chain.mint(first, 5)
    chain.send(first, value=6)
    credited(probe, chain, depositor, 5)
    credited(probe, chain, depositor, 6, "ETH")
    assert len(deposits_of(probe, depositor)) == 2


def test_a_deep_reorganisation_takes_a_deposit_back(
    depositor: ApiUser, chain: LocalChain, probe: DatabaseProbe
) -> None:
    """A reorganisation deeper than the confirmations drops a credited deposit: it is reversed."""
    key = keccak(depositor.wallet_id.encode())
    address_of(depositor)
    sent = chain.send(contracts.VAULT, encoded("deposit(bytes32)", key), value=1000)
    receipt = chain.client.receipt(sent)
    assert receipt is not None
    credited(probe, chain, depositor, 1000, "ETH")
    chain.reorganise(chain.client.head() - receipt.block_number + 1)
    chain.mine(CONFIRMATIONS + 2)
    credited(probe, chain, depositor, 0, "ETH")
    assert [deposit["status"] for deposit in deposits_of(probe, depositor)] == ["reversed"]
    kinds = [entry["kind"] for entry in depositor.get(f"/v1/wallets/{depositor.wallet_id}/entries")["items"]]
    assert kinds == ["reversal", "deposit"]


def test_what_was_spent_of_a_deposit_taken_back_is_the_houses_loss(
    depositor: ApiUser,
    anyone: Callable[[], ApiUser],
    chain: LocalChain,
    probe: DatabaseProbe,
    audit: Callable[[], list[str]],
) -> None:
    """The wallet gives back what it has left, and no other user's balance changes."""
    address_of(depositor)
    deposit = encoded("deposit(bytes32)", keccak(depositor.wallet_id.encode()))
    receipt = chain.client.receipt(chain.send(contracts.VAULT, deposit, value=1000))
    assert receipt is not None
    credited(probe, chain, depositor, 1000, "ETH")
    other = anyone()
    terms = {"from_wallet_id": depositor.wallet_id, "to_wallet_id": other.wallet_id, "currency": "ETH", "amount": "600"}
    depositor.post("/v1/transfers", terms, fresh_key())
    chain.reorganise(chain.client.head() - receipt.block_number + 1)
    chain.mine(CONFIRMATIONS + 2)
    credited(probe, chain, depositor, 0, "ETH")
    assert probe.money(other.wallet_id, "ETH") == (600, 0)
    sql = """
        SELECT e.account, e.amount FROM entries e JOIN transfers t ON t.id = e.transfer_id
        JOIN deposits d ON d.transfer_id = t.reference
        WHERE t.kind = 'reversal' AND d.wallet_id = :id ORDER BY e.amount"""
    found = [(row["account"], row["amount"]) for row in probe.rows("wallet", sql, id=depositor.wallet_id)]
    assert found == [("losses", -600), (depositor.wallet_id, -400), ("external", 1000)]
    assert audit() == []


@pytest.mark.long
def test_a_collection_that_a_reorganisation_undoes_is_made_again(
    depositor: ApiUser, chain: LocalChain, probe: DatabaseProbe
) -> None:
    """The transfer remains and its collection is dropped: the balance returns to exactly what arrived."""
    chain.mint(address_of(depositor), 650)
    credited(probe, chain, depositor, 650)
    sql = "SELECT block_number FROM deposits WHERE wallet_id = :id"
    [block] = probe.rows("wallet", sql, id=depositor.wallet_id)
    chain.reorganise(chain.client.head() - block["block_number"] + 1)
    again = "SELECT doubted FROM deposits WHERE wallet_id = :id AND block_hash <> ALL(:old::text[]) AND NOT doubted"
    old = [row["block_hash"] for row in probe.rows("wallet", "SELECT block_hash FROM deposits")]
    chain.until(lambda: bool(probe.rows("wallet", again, id=depositor.wallet_id, old=old)), "it is found again")
    credited(probe, chain, depositor, 650)
    assert [deposit["status"] for deposit in deposits_of(probe, depositor)] == ["credited"]


def test_a_shallow_reorganisation_credits_nothing_twice(
    depositor: ApiUser, chain: LocalChain, probe: DatabaseProbe
) -> None:
    """A block dropped before its confirmations never counted; the transaction, mined again, counts once."""
    key = keccak(depositor.wallet_id.encode())
    address_of(depositor)
    deposit = encoded("deposit(bytes32)", key)
    chain.send(contracts.VAULT, deposit, value=500)
    chain.reorganise(1)
    chain.send(contracts.VAULT, deposit, value=300)
    chain.mine(CONFIRMATIONS)
    credited(probe, chain, depositor, 300, "ETH")
    assert [deposit["status"] for deposit in deposits_of(probe, depositor)] == ["credited"]


def test_a_node_restart_loses_nothing(
    depositor: ApiUser, stack: Stack, chain: LocalChain, probe: DatabaseProbe
) -> None:
    """The node restarts between a transfer and its confirmations, with its state: credited once."""
    chain.mint(address_of(depositor), 4321)
    stack.stop("chain")
    stack.start("chain")
    credited(probe, chain, depositor, 4321)
    assert len(deposits_of(probe, depositor)) == 1
