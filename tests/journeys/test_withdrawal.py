"""Money goes out to the chain: held, signed, stored, sent, mined, once, whatever crashes in between."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from emulators import contracts, secrets
from emulators.buyer import Person, fresh_key
from emulators.stack import Stack
from shared.adapters.ethereum import address_of, checksum_address
from tests.books import Books
from tests.chain import ANSWERS_AT_LENGTH, REFUSES, LocalChain
from tests.conftest import FUNDS
from tests.problems import refused


@pytest.fixture
def elsewhere() -> str:
    """An address that nobody has used."""
    return checksum_address("0x" + fresh_key()[-40:].encode().hex()[-40:])


def withdraw(person: Person, to: str, amount: int = 1000, currency: str = "USDC", **other: Any) -> dict[str, Any]:
    body = {"wallet_id": person.wallet_id, "currency": currency, "amount": str(amount), "to_address": to, **other}
    made: dict[str, Any] = person.post("/v1/withdrawals", body, fresh_key())
    return made


def ended(person: Person, chain: LocalChain, withdrawal: dict[str, Any], status: str = "mined") -> dict[str, Any]:
    path = f"/v1/withdrawals/{withdrawal['id']}"
    chain.until(lambda: person.get(path)["status"] == status, f"it is {status}", mining=True)
    found: dict[str, Any] = person.get(path)
    return found


def story(books: Books, withdrawal: dict[str, Any]) -> list[str]:
    return [event.type for event in books.stream("wallet", withdrawal["id"])]


@pytest.mark.parametrize("currency", ["ETH", "USDC"])
def test_a_withdrawal_arrives(
    buyer: Person, chain: LocalChain, books: Books, elsewhere: str, currency: str, audit: Callable[[], list[str]]
) -> None:
    """The amount is held at once, arrives to the unit, and is out of the ledger by one transfer."""
    withdrawal = withdraw(buyer, elsewhere, 1000, currency)
    assert withdrawal["status"] == "requested"
    assert "transaction" not in withdrawal
    assert books.money(buyer.wallet_id, currency)[1] in (0, 1000)
    mined = ended(buyer, chain, withdrawal)
    assert mined["transaction"]["chain_id"] == contracts.CHAIN_ID
    receipt = chain.client.receipt(mined["transaction"]["hash"])
    assert receipt is not None
    assert receipt.succeeded
    assert (chain.ether if currency == "ETH" else chain.usdc)(elsewhere) == 1000
    assert books.money(buyer.wallet_id, currency) == (FUNDS - 1000, 0)
    assert story(books, withdrawal) == ["withdrawal.requested", "withdrawal.sent", "withdrawal.mined"]
    assert audit() == []


def test_the_same_key_withdraws_once(buyer: Person, chain: LocalChain, books: Books, elsewhere: str) -> None:
    """A repeated request answers the same withdrawal, and holds once."""
    body = {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": "5", "to_address": elsewhere}
    key = fresh_key()
    first, again = (buyer.post("/v1/withdrawals", body, key) for _ in range(2))
    assert first == again
    ended(buyer, chain, first)
    assert books.money(buyer.wallet_id) == (FUNDS - 5, 0)


def test_what_the_chain_refuses_is_given_back(buyer: Person, chain: LocalChain, books: Books) -> None:
    """Ether to a contract that takes none: failed, with the reason, and the money is available again."""
    withdrawal = withdraw(buyer, chain.create(REFUSES), 10, "ETH")
    failed = ended(buyer, chain, withdrawal, "failed")
    assert failed["failure"] == "The contract refuses it."
    assert books.money(buyer.wallet_id, "ETH") == (FUNDS, 0)
    assert story(books, withdrawal) == ["withdrawal.requested", "withdrawal.failed"]


def test_an_address_may_be_in_one_case(buyer: Person, elsewhere: str) -> None:
    """Without a checksum there is none to be wrong; the answer has it."""
    assert withdraw(buyer, elsewhere.lower(), 1)["to_address"] == elsewhere


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("to_address", "0x" + "0" * 40),
        ("to_address", "0x1234"),
        ("to_address", "somewhere"),
        ("to_address", "0x5FbDB2315678afecb367f032d93F642f64180aA3"),
        ("to_address", "5FbDB2315678afecb367f032d93F642f64180aa3"),
        ("amount", "0"),
        ("amount", "-1"),
        ("amount", "1.5"),
        ("amount", 1),
        ("amount", "1e3"),
        ("currency", "MATIC"),
        ("currency", "DOGE"),
        ("more", "1"),
    ],
)
def test_refuses_what_is_malformed(buyer: Person, books: Books, elsewhere: str, field: str, value: object) -> None:
    """Garbage, a wrong checksum, the zero address, an amount that is none, a currency not on this chain: 400."""
    body = {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": "1", "to_address": elsewhere, field: value}
    answer = buyer.request("POST", "/v1/withdrawals", body, fresh_key())
    assert answer.status_code == 400
    assert answer.json()["code"] == "VALIDATION_FAILED"
    assert books.money(buyer.wallet_id) == (FUNDS, 0)


def test_refuses_what_would_come_back_to_ourselves(buyer: Person, stack: Stack, books: Books) -> None:
    """To the vault, a token's or the claim contract, or the treasury it would be mined, and gone: 400."""
    treasury = address_of(bytes.fromhex(secrets.read(stack.layout.secrets, "treasury_key")))
    for house in (contracts.VAULT, contracts.USDC, contracts.CLAIMS, treasury, contracts.VAULT.lower()):
        for currency in ("USDC", "ETH"):
            body = {"wallet_id": buyer.wallet_id, "currency": currency, "amount": "9", "to_address": house}
            answer = buyer.request("POST", "/v1/withdrawals", body, fresh_key())
            refused(answer, 400, "VALIDATION_FAILED", "to_address")
    assert books.money(buyer.wallet_id) == books.money(buyer.wallet_id, "ETH") == (FUNDS, 0)


def test_an_answer_of_megabytes_stops_nobody(
    buyer: Person, anyone: Callable[[], Person], chain: LocalChain, elsewhere: str
) -> None:
    """Ether to a contract that answers with 3 MiB: that one fails, and what comes after it is paid."""
    poisoned = withdraw(buyer, chain.create(ANSWERS_AT_LENGTH), 10, "ETH")
    good = withdraw(buyer, elsewhere, 11, "ETH")
    ended(buyer, chain, good)
    assert ended(buyer, chain, poisoned, "failed")["failure"] == "The contract refuses it."
    assert chain.ether(elsewhere) == 11


def test_everybody_may_see_the_terms(edge: httpx.Client) -> None:
    """Which currencies can be brought and withdrawn, where, and what that costs: without a token."""
    answer = edge.get("/v1/currencies")
    assert answer.status_code == 200
    terms = {"chain_id": contracts.CHAIN_ID, "least_withdrawal": "1", "withdrawal_fee": "0"}
    assert answer.json() == {
        "items": [
            {"currency": "ETH", "decimals": 18, "contract": None, **terms},
            {"currency": "USDC", "decimals": 6, "contract": contracts.USDC, **terms},
        ],
        "next_cursor": None,
    }


def test_refuses_more_than_there_is(buyer: Person, books: Books, elsewhere: str) -> None:
    """Over the balance, or of a currency that was never there: 409, and nothing is held."""
    for currency, amount in (("USDC", FUNDS + 1), ("USDC", 2**256 - 1)):
        body = {"wallet_id": buyer.wallet_id, "currency": currency, "amount": str(amount), "to_address": elsewhere}
        answer = buyer.request("POST", "/v1/withdrawals", body, fresh_key())
        assert (answer.status_code, answer.json()["code"]) == (409, "INSUFFICIENT_FUNDS")
    assert books.money(buyer.wallet_id) == (FUNDS, 0)


def test_another_ones_wallet_is_unknown(buyer: Person, anyone: Callable[[], Person], elsewhere: str) -> None:
    """From another's wallet, and of another's withdrawal: 404, as for one that does not exist or is malformed."""
    stranger = anyone()
    body = {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": "1", "to_address": elsewhere}
    assert stranger.request("POST", "/v1/withdrawals", body, fresh_key()).status_code == 404
    withdrawal = withdraw(buyer, elsewhere, 1)
    for wanted in (withdrawal["id"], withdrawal["id"][:-1] + "0", "wdr_1", "' OR 1=1"):
        assert stranger.request("GET", f"/v1/withdrawals/{wanted}").status_code == 404


def test_a_withdrawal_survives_a_node_restart(
    buyer: Person, stack: Stack, chain: LocalChain, books: Books, elsewhere: str
) -> None:
    """The node is away when it is asked for: it is sent when that is back, once."""
    stack.stop("chain")
    try:
        withdrawal = withdraw(buyer, elsewhere, 42)
    finally:
        stack.start("chain")
    ended(buyer, chain, withdrawal)
    assert chain.usdc(elsewhere) == 42


def test_a_withdrawal_survives_a_reorganisation(buyer: Person, chain: LocalChain, books: Books, elsewhere: str) -> None:
    """The block with the payment goes: the same transaction is handed to the network again, and pays once."""
    withdrawal = withdraw(buyer, elsewhere, 7)
    hash_ = ended(buyer, chain, withdrawal)["transaction"]["hash"]
    receipt = chain.client.receipt(hash_)
    assert receipt is not None
    chain.reorganise(chain.client.head() - receipt.block_number + 1)
    chain.until(lambda: chain.client.receipt(hash_) is not None, "the payment is mined again")
    assert chain.usdc(elsewhere) == 7
    assert books.money(buyer.wallet_id) == (FUNDS - 7, 0)
