"""Receipts: verifiable offline with the published keys, and taken for nothing else."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from msgspec.structs import replace

from emulators.demo.api_user import ApiUser
from functions.claiming.get_receipt import GetReceipt
from shared import ids
from shared.auth.keys import PUBLIC, key_ring
from shared.auth.rotation import LEAD, SLACK, rotate
from shared.auth.tokens import LIFE
from shared.config import Settings
from shared.errors import NotFound
from shared.money import Amount
from shared.runtime.tokens import verify
from tests.functions.claiming.conftest import Bought
from tests.isolated_services import IsolatedServices
from tests.problems import absent, refused, with_token
from tests.races import all_at_once

Buy = Callable[..., Bought]


def receipt_of(bought: Bought) -> str:
    request = GetReceipt(ids.sibling(bought.order.id, "clm"))
    return str(bought.isolated.run("get_receipt", request=request, caller=bought.buyer.caller).receipt)


def checked(receipt: str, jwks: dict[str, Any]) -> dict[str, Any]:
    """What a receipt says, by the published keys alone, as anybody reads it with PyJWT."""
    header = jwt.get_unverified_header(receipt)
    assert (set(header), header["alg"], header["typ"]) == ({"alg", "typ", "kid"}, "RS256", "receipt+jwt")
    key = jwt.PyJWKSet.from_dict(jwks)[header["kid"]]
    said: dict[str, Any] = jwt.decode(receipt, key, algorithms=["RS256"], options={"require": ["iss", "iat"]})
    return said


@pytest.fixture
def claimed(
    buyer: ApiUser, on_sale: Callable[..., dict[str, Any]], paid_order: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    """A claim of two units."""
    order = paid_order(buyer, on_sale(), 2)
    claim: dict[str, Any] = buyer.post("/v1/claims", {"order_id": order["id"]})
    return claim


def test_a_receipt_says_what_was_bought_and_handed_out(
    buyer: ApiUser, merchant: ApiUser, claimed: dict[str, Any], settings: Settings
) -> None:
    """Order, payment, claim and the voucher's digest, signed with a key of the JWKS."""
    answer = buyer.get(f"/v1/claims/{claimed['id']}/receipt")
    assert set(answer) == {"receipt"}
    said = checked(answer["receipt"], buyer.get("/.well-known/jwks.json"))
    order = buyer.get(f"/v1/orders/{claimed['order_id']}")
    assert said["iss"] == settings.public_url
    assert 0 <= datetime.now(UTC).timestamp() - said["iat"] < 60
    assert said["sub"] == buyer.user_id
    (item,) = order["items"]
    assert said["order"] == {
        "id": order["id"],
        "merchant_id": merchant.user_id,
        "items": [{"id": item["id"], "supply_id": item["supply_id"], "quantity": 2}],
        "currency": "USDC",
        "total": "2000",
    }
    paid_at = said["payment"].pop("paid_at")
    assert said["payment"] == {
        "wallet_id": buyer.wallet_id,
        "address": buyer.address,
        "hold_id": ids.sibling(order["id"], "hld"),
    }
    assert datetime.fromisoformat(paid_at) <= datetime.fromisoformat(claimed["claimed_at"])
    claim = {name: claimed[name] for name in ("id", "recipient", "claimed_at", "status")}
    assert {**said["claim"], "claimed_at": datetime.fromisoformat(said["claim"]["claimed_at"])} == {
        **claim,
        "claimed_at": datetime.fromisoformat(claim["claimed_at"]),
    }
    assert said["voucher"] == {"digest": claimed["voucher"]["digest"]}


def test_a_receipt_is_no_access_token_and_a_token_no_receipt(
    buyer: ApiUser, claimed: dict[str, Any], settings: Settings
) -> None:
    """A receipt is refused as an access token, which has another typ."""
    receipt = buyer.get(f"/v1/claims/{claimed['id']}/receipt")["receipt"]
    refused(with_token(buyer, receipt).request("GET", "/v1/me"), 401, "UNAUTHENTICATED")
    assert verify(settings, buyer.access_token, datetime.now(UTC)).user_id == buyer.user_id
    assert jwt.get_unverified_header(buyer.access_token)["typ"] != "receipt+jwt"
    with pytest.raises(AssertionError):
        checked(buyer.access_token, buyer.get("/.well-known/jwks.json"))


def test_an_altered_receipt_is_none(buyer: ApiUser, claimed: dict[str, Any]) -> None:
    """One digit of what it says is enough."""
    receipt = buyer.get(f"/v1/claims/{claimed['id']}/receipt")["receipt"]
    header, body, signature = receipt.split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=="))
    said["order"]["total"] = "2001"
    forged = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()
    with pytest.raises(jwt.InvalidSignatureError):
        checked(f"{header}.{forged}.{signature}", buyer.get("/.well-known/jwks.json"))


def test_a_receipt_is_repeated_to_the_byte(buy: Buy) -> None:
    """Fifty at once, and later ones; another one is given when the claim has another state, and then that stays."""
    bought = buy(1, 2)
    bought.claim()
    first = set(all_at_once([lambda: receipt_of(bought)] * 50))
    assert len(first) == 1
    assert receipt_of(bought) in first
    sql = "UPDATE claims SET status = :status WHERE order_id = :id RETURNING id"
    bought.isolated.probe.rows("claiming", sql, status="failed", id=bought.order.id)
    second = receipt_of(bought)
    assert second not in first
    assert jwt.decode(second, options={"verify_signature": False})["claim"]["status"] == "failed"
    assert receipt_of(bought) == second
    bought.isolated.probe.rows("claiming", sql, status="claimed", id=bought.order.id)
    assert receipt_of(bought) in first


def test_a_receipt_outlives_its_key(
    isolated: IsolatedServices, buy: Buy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once nobody can check it any more, the same is signed with a key that is published."""
    bought = buy()
    bought.claim()
    for name in (PUBLIC, "jwt_private_keys.json"):
        (tmp_path / name).write_bytes(isolated.settings.secret(name))
    own = replace(isolated.settings, secrets_dir=tmp_path)
    monkeypatch.setattr(isolated.resources, "settings", own)
    first = receipt_of(bought)
    rotate(tmp_path, datetime.now(UTC))
    assert receipt_of(bought) == first
    with isolated.later(LEAD + LIFE + SLACK):
        second = receipt_of(bought)
        assert second != first
        assert receipt_of(bought) == second
        now = datetime.now(UTC) + LEAD + LIFE + SLACK
        assert jwt.get_unverified_header(second)["kid"] in {key.kid for key in key_ring(own).published(now)}


def test_a_free_drop_has_a_receipt(isolated: IsolatedServices) -> None:
    """Nothing was paid, so there is no hold."""
    somebody = isolated.new_user()
    supply = isolated.sell(isolated.new_user(), unit_price=Amount(0))
    bought = Bought(isolated, somebody, isolated.confirm(isolated.place(somebody, (supply, 1))))
    bought.claim()
    said = jwt.decode(receipt_of(bought), options={"verify_signature": False})
    assert (said["order"]["total"], said["payment"]["hold_id"]) == ("0", "")


def test_what_has_no_voucher_has_no_receipt(buy: Buy) -> None:
    """An open claim is not shown, so neither is this."""
    bought = buy()
    bought.isolated.deliver("open_claim", bought.order.id)
    with pytest.raises(NotFound):
        receipt_of(bought)


def test_it_is_for_the_claims_owner(
    buyer: ApiUser, merchant: ApiUser, claimed: dict[str, Any], guarded: Callable[..., None]
) -> None:
    """Anybody else's, an unknown and a malformed id are answered alike."""
    wanted = [claimed["id"], ids.new("clm", "us"), "nonsense", claimed["order_id"]]
    absent(*(merchant.request("GET", f"/v1/claims/{claim_id}/receipt") for claim_id in wanted))
    refused(buyer.request("GET", f"/v1/claims/{claimed['id']}/receipt?x=1"), 400, "VALIDATION_FAILED", "x")
    guarded("get_receipt", f"/v1/claims/{claimed['id']}/receipt")
