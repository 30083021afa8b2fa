"""Withdrawals to the chain: held, signed, stored, sent and mined exactly once, whatever crashes in between."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack import secrets
from emulators.stack.parts import contracts
from emulators.stack.stack import Stack
from shared.chain.ethereum import address_of, checksum_address
from tests.chain import LONG_ANSWER_BYTES, LocalChain
from tests.conftest import FUNDS
from tests.database_probe import DatabaseProbe
from tests.problems import refused
from tests.solidity import creation_code


@pytest.fixture
def elsewhere() -> str:
    """An unused address."""
    return checksum_address("0x" + fresh_key()[-40:].encode().hex()[-40:])


def withdraw(person: ApiUser, to: str, amount: int = 1000, currency: str = "USDC", **other: Any) -> dict[str, Any]:
    body = {"wallet_id": person.wallet_id, "currency": currency, "amount": str(amount), "to_address": to, **other}
    made: dict[str, Any] = person.post("/v1/withdrawals", body, fresh_key())
    return made


def ended(person: ApiUser, chain: LocalChain, withdrawal: dict[str, Any], status: str = "mined") -> dict[str, Any]:
    path = f"/v1/withdrawals/{withdrawal['id']}"
    chain.until(lambda: person.get(path)["status"] == status, f"it is {status}", mining=True)
    found: dict[str, Any] = person.get(path)
    return found


def story(probe: DatabaseProbe, withdrawal: dict[str, Any]) -> list[str]:
    return [event.type for event in probe.stream("wallet", withdrawal["id"])]


@pytest.mark.parametrize("currency", ["ETH", "USDC"])
def test_a_withdrawal_arrives(
    buyer: ApiUser,
    chain: LocalChain,
    probe: DatabaseProbe,
    elsewhere: str,
    currency: str,
    audit: Callable[[], list[str]],
) -> None:
    """The amount is held at once, arrives exactly, and leaves the ledger by one transfer."""
    withdrawal = withdraw(buyer, elsewhere, 1000, currency)
    assert withdrawal["status"] == "requested"
    assert "transaction" not in withdrawal
    assert probe.money(buyer.wallet_id, currency)[1] in (0, 1000)
    mined = ended(buyer, chain, withdrawal)
    assert mined["transaction"]["chain_id"] == contracts.CHAIN_ID
    receipt = chain.client.receipt(mined["transaction"]["hash"])
    assert receipt is not None
    assert receipt.succeeded
    assert (chain.ether if currency == "ETH" else chain.usdc)(elsewhere) == 1000
    assert probe.money(buyer.wallet_id, currency) == (FUNDS - 1000, 0)
    assert story(probe, withdrawal) == ["withdrawal.requested", "withdrawal.sent", "withdrawal.mined"]
    assert audit() == []


def test_the_same_key_withdraws_once(buyer: ApiUser, chain: LocalChain, probe: DatabaseProbe, elsewhere: str) -> None:
    """A repeated request returns the same withdrawal, and holds once."""
    body = {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": "5", "to_address": elsewhere}
    key = fresh_key()
    first, again = (buyer.post("/v1/withdrawals", body, key) for _ in range(2))
    assert first == again
    ended(buyer, chain, first)
    assert probe.money(buyer.wallet_id) == (FUNDS - 5, 0)


def test_what_the_chain_refuses_is_given_back(buyer: ApiUser, chain: LocalChain, probe: DatabaseProbe) -> None:
    """Ether to a contract that accepts none: failed, with the reason, and the money is available again."""
    withdrawal = withdraw(buyer, chain.create(creation_code("Reverting")), 10, "ETH")
    failed = ended(buyer, chain, withdrawal, "failed")
    assert failed["failure"] == "The contract refuses it."
    assert probe.money(buyer.wallet_id, "ETH") == (FUNDS, 0)
    assert story(probe, withdrawal) == ["withdrawal.requested", "withdrawal.failed"]


def test_an_address_may_be_in_one_case(buyer: ApiUser, elsewhere: str) -> None:
    """An all-lowercase address has no checksum to be wrong; the response has it."""
    assert withdraw(buyer, elsewhere.lower(), 1)["to_address"] == elsewhere


MALFORMED = [
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
]


def test_refuses_what_is_malformed(
    buyer: ApiUser, probe: DatabaseProbe, elsewhere: str, subtests: pytest.Subtests
) -> None:
    """Garbage, a wrong checksum, the zero address, an invalid amount, a currency not on this chain: 400."""
    for field, value in MALFORMED:
        with subtests.test(field=field, value=value):
            body = {
                "wallet_id": buyer.wallet_id,
                "currency": "USDC",
                "amount": "1",
                "to_address": elsewhere,
                field: value,
            }
            answer = buyer.request("POST", "/v1/withdrawals", body, fresh_key())
            assert answer.status_code == 400
            assert answer.json()["code"] == "VALIDATION_FAILED"
            assert probe.money(buyer.wallet_id) == (FUNDS, 0)


def test_refuses_the_platforms_own_addresses(buyer: ApiUser, stack: Stack, probe: DatabaseProbe) -> None:
    """A withdrawal to the vault, a token or claim contract, or the treasury would be lost: 400."""
    treasury = address_of(bytes.fromhex(secrets.read(stack.layout.secrets, "treasury_key")))
    for house in (contracts.VAULT, contracts.USDC, contracts.CLAIMS, treasury, contracts.VAULT.lower()):
        for currency in ("USDC", "ETH"):
            body = {"wallet_id": buyer.wallet_id, "currency": currency, "amount": "9", "to_address": house}
            answer = buyer.request("POST", "/v1/withdrawals", body, fresh_key())
            refused(answer, 400, "VALIDATION_FAILED", "to_address")
    assert probe.money(buyer.wallet_id) == probe.money(buyer.wallet_id, "ETH") == (FUNDS, 0)


def test_an_answer_of_megabytes_stops_nobody(
    buyer: ApiUser, anyone: Callable[[], ApiUser], chain: LocalChain, elsewhere: str
) -> None:
    """Ether to a contract that returns 3 MiB: that one fails, and later ones are paid."""
    poisoned = withdraw(buyer, chain.create(creation_code("LongAnswer", LONG_ANSWER_BYTES, False)), 10, "ETH")
    good = withdraw(buyer, elsewhere, 11, "ETH")
    ended(buyer, chain, good)
    assert ended(buyer, chain, poisoned, "failed")["failure"] == "The contract refuses it."
    assert chain.ether(elsewhere) == 11


def test_everybody_may_see_the_terms(edge: httpx.Client) -> None:
    """The currencies for deposits and withdrawals, their addresses and fees, without a token."""
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


def test_refuses_more_than_there_is(buyer: ApiUser, probe: DatabaseProbe, elsewhere: str) -> None:
    """Above the balance, or in a currency without one: 409, and nothing is held."""
    for currency, amount in (("USDC", FUNDS + 1), ("USDC", 2**256 - 1)):
        body = {"wallet_id": buyer.wallet_id, "currency": currency, "amount": str(amount), "to_address": elsewhere}
        answer = buyer.request("POST", "/v1/withdrawals", body, fresh_key())
        assert (answer.status_code, answer.json()["code"]) == (409, "INSUFFICIENT_FUNDS")
    assert probe.money(buyer.wallet_id) == (FUNDS, 0)


def test_another_ones_wallet_is_unknown(buyer: ApiUser, anyone: Callable[[], ApiUser], elsewhere: str) -> None:
    """From another user's wallet, and for another's withdrawal: 404, as for a non-existent or malformed id."""
    stranger = anyone()
    body = {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": "1", "to_address": elsewhere}
    assert stranger.request("POST", "/v1/withdrawals", body, fresh_key()).status_code == 404
    withdrawal = withdraw(buyer, elsewhere, 1)
    for identifier in (withdrawal["id"], withdrawal["id"][:-1] + "0", "wdr_1", "' OR 1=1"):
        assert stranger.request("GET", f"/v1/withdrawals/{identifier}").status_code == 404


def test_a_withdrawal_survives_a_node_restart(
    buyer: ApiUser, stack: Stack, chain: LocalChain, probe: DatabaseProbe, elsewhere: str
) -> None:
    """The node is down when it is requested: it is sent once the node is back, and only once."""
    stack.stop("chain")
    try:
        withdrawal = withdraw(buyer, elsewhere, 42)
    finally:
        stack.start("chain")
    ended(buyer, chain, withdrawal)
    assert chain.usdc(elsewhere) == 42


def test_withdrawals_survive_a_reorganisation(
    buyer: ApiUser, chain: LocalChain, probe: DatabaseProbe, elsewhere: str
) -> None:
    """The block with the payment is dropped: the same transaction is broadcast again, and pays once."""
    withdrawal = withdraw(buyer, elsewhere, 7)
    hash_ = ended(buyer, chain, withdrawal)["transaction"]["hash"]
    receipt = chain.client.receipt(hash_)
    assert receipt is not None
    chain.reorganise(chain.client.head() - receipt.block_number + 1)
    chain.until(lambda: chain.client.receipt(hash_) is not None, "the payment is mined again")
    assert chain.usdc(elsewhere) == 7
    assert probe.money(buyer.wallet_id) == (FUNDS - 7, 0)
