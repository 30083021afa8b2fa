"""Users with externally owned accounts, contract wallets and several wallets, through the edge."""

import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack.stack import Stack
from shared.auth.keys import REREAD
from shared.auth.rotation import rotate
from shared.chain.ethereum import address_of as account_of
from shared.chain.ethereum import personal_digest, sign
from shared.config import Settings
from tests.chain import LocalChain
from tests.contract_wallets import address_of, deploy, fixed_answer, owned_wallet, wrapped
from tests.problems import refused

CHAIN = 31337


@pytest.fixture(scope="module")
def chain(settings: Settings) -> LocalChain:
    """The stack's chain."""
    return LocalChain(settings.chain_urls[CHAIN])


def message_for(edge: httpx.Client, address: str, chain_id: int = CHAIN) -> str:
    """A message with a nonce for an address."""
    answer = edge.post("/v1/auth/nonce", json={"address": address, "chain_id": chain_id})
    return str(answer.json()["message"])


def enter(edge: httpx.Client, message: str, signature: bytes) -> httpx.Response:
    return edge.post("/v1/auth/sign-in", json={"message": message, "signature": "0x" + signature.hex()})


def test_a_contract_wallet_signs_in_before_and_after_it_is_deployed(edge: httpx.Client, chain: LocalChain) -> None:
    """A contract wallet is one user with one wallet, whether it is deployed yet or not."""
    key = secrets.token_bytes(32)
    code = owned_wallet(account_of(key))
    address = address_of(code)
    message = message_for(edge, address)
    refused(enter(edge, message, sign(personal_digest(message.encode()), key)), 401, "SIGNATURE_INVALID")
    message = message_for(edge, address)
    first = enter(edge, message, wrapped(sign(personal_digest(message.encode()), key), code))
    assert first.status_code == 200, first.text
    assert deploy(chain, code) == address
    message = message_for(edge, address)
    second = enter(edge, message, sign(personal_digest(message.encode()), key))
    assert second.json()["user_id"] == first.json()["user_id"]
    token = {"Authorization": f"Bearer {second.json()['access_token']}"}
    assert edge.get("/v1/me", headers=token).json()["address"] == address
    assert edge.get("/v1/wallets", headers=token).json()["items"][0]["address"] == address
    refused(enter(edge, message, sign(personal_digest(message.encode()), key)), 401, "NONCE_USED")


def test_no_contract_signs_for_another(edge: httpx.Client, anyone: Callable[[], ApiUser]) -> None:
    """A contract that accepts every signature signs in as itself only, and as no other account on any chain."""
    victim, yes = anyone(), fixed_answer(bytes.fromhex("1626ba7e").ljust(32, b"\0"))
    for chain_id in (1, CHAIN):
        message = message_for(edge, victim.address, chain_id)
        refused(enter(edge, message, wrapped(b"\1" * 65, yes)), 401, "SIGNATURE_INVALID")
    message = message_for(edge, address_of(yes), 1)
    refused(enter(edge, message, wrapped(b"\1" * 65, yes)), 401, "SIGNATURE_INVALID")
    message = message_for(edge, address_of(yes))
    assert enter(edge, message, wrapped(b"\1" * 65, yes)).status_code == 200


def test_a_further_address_is_linked_once(edge: httpx.Client, anyone: Callable[[], ApiUser]) -> None:
    """A proven address gets a wallet; its key signs in as the user; no other user gets the address."""
    person, other, key = anyone(), anyone(), secrets.token_bytes(32)
    address = account_of(key)

    def body() -> dict[str, str]:
        message = message_for(edge, address)
        return {"name": "second", "message": message, "signature": "0x" + sign(digest(message), key).hex()}

    def digest(message: str) -> bytes:
        return personal_digest(message.encode())

    wallet: dict[str, Any] = person.post("/v1/wallets", body(), key=fresh_key())
    assert (wallet["address"], wallet["user_id"]) == (address, person.user_id)
    message = message_for(edge, address)
    assert enter(edge, message, sign(digest(message), key)).json()["user_id"] == person.user_id
    refused(other.request("POST", "/v1/wallets", body(), fresh_key()), 409, "ADDRESS_TAKEN")
    unsigned = {**body(), "signature": "0x" + "00" * 65}
    refused(other.request("POST", "/v1/wallets", unsigned, fresh_key()), 401, "SIGNATURE_INVALID")


def test_a_signed_message_opens_one_wallet(edge: httpx.Client, anyone: Callable[[], ApiUser]) -> None:
    """A repeated request gets the same response; with another key, or after a sign-in, its nonce is used."""
    person, key = anyone(), secrets.token_bytes(32)

    def body(message: str) -> dict[str, str]:
        signature = sign(personal_digest(message.encode()), key)
        return {"name": "second", "message": message, "signature": "0x" + signature.hex()}

    first, name = body(message_for(edge, account_of(key))), fresh_key()
    wallet = person.post("/v1/wallets", first, name)
    assert person.post("/v1/wallets", first, name) == wallet
    for other in (first, {**first, "name": "third"}):
        refused(person.request("POST", "/v1/wallets", other, fresh_key()), 401, "NONCE_USED")
    entering = body(message_for(edge, account_of(key)))
    assert enter(edge, entering["message"], bytes.fromhex(entering["signature"][2:])).status_code == 200
    refused(person.request("POST", "/v1/wallets", entering, fresh_key()), 401, "NONCE_USED")
    assert [each["address"] for each in person.get("/v1/wallets")["items"]] == [wallet["address"], person.address]


def test_an_operator_grants_roles(operator: ApiUser, anyone: Callable[[], ApiUser]) -> None:
    """They take effect with the next refresh; only an operator can grant them."""
    person = anyone()
    path = f"/v1/users/{person.user_id}/roles"
    refused(person.request("PUT", path, {"roles": ["operator"]}), 403, "SCOPE_MISSING")
    answer = operator.request("PUT", path, {"roles": ["operator"]})
    assert answer.json() == {"user_id": person.user_id, "roles": ["merchant", "operator"]}
    refused(person.request("PUT", path, {"roles": []}), 403, "SCOPE_MISSING")
    person.access_token = person.post("/v1/auth/refresh", {"refresh_token": person.refresh_token})["access_token"]
    assert person.request("PUT", path, {"roles": []}).json()["roles"] == ["merchant"]
    refused(operator.request("PUT", path, {"roles": ["admin"]}), 400, "VALIDATION_FAILED")
    refused(operator.request("PUT", f"/v1/users/{person.wallet_id}/roles", {"roles": []}), 404, "NOT_FOUND")


@pytest.mark.long
def test_keys_rotate_under_way(stack: Stack, edge: httpx.Client, anyone: Callable[[], ApiUser]) -> None:
    """The signing key rotates while users sign in, refresh and call: nobody is refused, and the new key signs."""
    lead = 1.5 * REREAD
    before = {key["kid"] for key in edge.get("/.well-known/jwks.json").json()["keys"]}
    kid = rotate(stack.layout.secrets, datetime.now(UTC), lead)
    until = time.monotonic() + (lead + REREAD).total_seconds() + 5
    failures: list[BaseException] = []
    signed_by: set[str] = set()

    def go_on() -> None:
        try:
            while time.monotonic() < until and not failures:
                person = anyone()
                for _ in range(3):
                    signed_by.add(jwt.get_unverified_header(person.access_token)["kid"])
                    person.post("/v1/local/faucet", {"wallet_id": person.wallet_id, "currency": "USDC", "amount": "1"})
                    fresh = person.post("/v1/auth/refresh", {"refresh_token": person.refresh_token})
                    person.access_token, person.refresh_token = fresh["access_token"], fresh["refresh_token"]
                    time.sleep(0.2)
        except BaseException as error:  # noqa: BLE001 - the test reports it
            failures.append(error)

    old = anyone()
    threads = [threading.Thread(target=go_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert kid in signed_by and signed_by & before
    assert {key["kid"] for key in edge.get("/.well-known/jwks.json").json()["keys"]} >= {kid, *signed_by}
    assert old.get("/v1/me")["user_id"] == old.user_id, "a token of the old key outlives the change"
