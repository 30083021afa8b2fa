"""Telling a buyer whether they may buy units of a supply, through the edge."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from shared import ids
from shared.chain.ethereum import keccak
from shared.money import MAXIMUM
from tests.functions.supply.phases import NOBODY, a_list, ago, open_phase, written
from tests.problems import absent, refused

OnSale = Callable[..., dict[str, Any]]


def path(supply: dict[str, Any], **requested: Any) -> str:
    return f"/v1/supplies/{supply['id']}/eligibility" + (f"?{urlencode(requested)}" if requested else "")


def hexed(hashes: list[bytes]) -> str:
    return ",".join("0x" + each.hex() for each in hashes)


def test_an_eligible_buyer_is_shown_as_such(buyer: ApiUser, on_sale: OnSale) -> None:
    """One unit with the default wallet, unless requested otherwise."""
    assert buyer.get(path(on_sale())) == {
        "eligible": True,
        "reasons": [],
        "unit_price": "1000",
        "limit_remaining": None,
        "phase": None,
    }


def test_limits_tell_what_is_left_of_them(buyer: ApiUser, on_sale: OnSale, ordered: Any) -> None:
    """The least of the supply's and the phase's, after what the buyer has; never below nothing."""
    supply = on_sale(per_user_limit=5, phases=[written(open_phase(per_user_limit=3))])
    assert buyer.get(path(supply, quantity=3))["limit_remaining"] == 3
    ordered(buyer, supply, 2)
    seen = buyer.get(path(supply, quantity=2))
    assert (seen["eligible"], seen["reasons"], seen["limit_remaining"]) == (False, ["USER_LIMIT"], 1)


def test_limits_count_over_all_wallets(buyer: ApiUser, on_sale: OnSale, ordered: Any) -> None:
    """Another wallet of the same user does not reset the limit."""
    supply = on_sale(per_user_limit=1)
    ordered(buyer, supply)
    other = buyer.post("/v1/wallets", {"name": "Another"}, key=fresh_key())
    assert buyer.get(path(supply, wallet_id=other["id"]))["reasons"] == ["USER_LIMIT"]
    body = {"wallet_id": other["id"], "items": [{"supply_id": supply["id"], "quantity": 1}]}
    refused(buyer.request("POST", "/v1/orders", body, fresh_key()), 409, "USER_LIMIT")


def test_every_reason_that_applies_is_reported(merchant: ApiUser, buyer: ApiUser, on_sale: OnSale) -> None:
    """Gravest first, all of them."""
    listed = written(open_phase(allowlist_root=NOBODY, per_user_limit=1, unit_price=None, cap=1))
    closed = written(open_phase(ends_at=ago(minutes=1)))
    assert buyer.get(path(on_sale(quantity=1, phases=[listed]), quantity=2))["reasons"] == [
        "NOT_ALLOWED",
        "USER_LIMIT",
        "SOLD_OUT",
    ]
    over = on_sale(quantity=1, per_user_limit=1, phases=[closed])
    assert buyer.get(path(over, quantity=2))["reasons"] == ["NOT_ON_SALE", "USER_LIMIT", "SOLD_OUT"]
    assert buyer.get(path(on_sale(phases=[closed]), quantity=2))["reasons"] == ["NOT_ON_SALE"]
    assert buyer.get(path(on_sale(phases=[{**listed, "allowlist_root": None}]), quantity=1))["reasons"] == []
    capped = on_sale(phases=[written(open_phase(cap=3))])
    assert buyer.get(path(capped, quantity=4))["reasons"] == ["SOLD_OUT"]
    mine = on_sale(status="draft")
    assert merchant.get(path(mine))["reasons"] == ["NOT_ON_SALE"]
    merchant.request("DELETE", f"/v1/supplies/{capped['id']}")
    assert buyer.get(path(capped))["reasons"] == ["NOT_ON_SALE"]


def test_a_proof_is_of_the_wallets_address(buyer: ApiUser, anyone: Callable[[], ApiUser], on_sale: OnSale) -> None:
    """It opens the phase to its owner and to nobody else."""
    root, hashes = a_list(buyer.address)
    supply = on_sale(phases=[written(open_phase("Friends", allowlist_root=root))])
    assert buyer.get(path(supply))["reasons"] == ["NOT_ALLOWED"]
    assert buyer.get(path(supply, proof=hexed(hashes))) == {
        "eligible": True,
        "reasons": [],
        "unit_price": "1000",
        "limit_remaining": None,
        "phase": "Friends",
    }
    for wrong in ("", hexed(hashes * 2), "0x" + "11" * 32):
        assert buyer.get(path(supply, proof=wrong))["reasons"] == ["NOT_ALLOWED"]
    assert anyone().get(path(supply, proof=hexed(hashes)))["reasons"] == ["NOT_ALLOWED"]


def test_a_proof_with_overrides_tells_its_terms(buyer: ApiUser, on_sale: OnSale) -> None:
    """The price and the limit of the leaf; any other is not on the list."""
    root, hashes = a_list(buyer.address, 2, 5)
    supply = on_sale(phases=[written(open_phase(allowlist_root=root, per_user_limit=1))])
    seen = buyer.get(path(supply, proof=hexed(hashes), proof_limit=2, proof_price=5, quantity=2))
    assert (seen["eligible"], seen["unit_price"], seen["limit_remaining"]) == (True, "5", 2)
    for limit, price in ((3, 5), (2, 4), (0, 0), (MAXIMUM, 5)):
        lied = buyer.get(path(supply, proof=hexed(hashes), proof_limit=limit, proof_price=price))
        assert (lied["reasons"], lied["unit_price"]) == (["NOT_ALLOWED"], "1000")


def test_a_list_of_one_has_an_empty_proof(buyer: ApiUser, on_sale: OnSale) -> None:
    """Its root is its leaf; `proof=` is a proof, and no proof is none."""
    root = "0x" + keccak(keccak(bytes.fromhex(buyer.address[2:]).rjust(32, b"\x00"))).hex()
    supply = on_sale(phases=[written(open_phase(allowlist_root=root))])
    assert buyer.get(path(supply, proof=""))["eligible"]
    assert not buyer.get(path(supply))["eligible"]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"quantity": 0}, "quantity"),
    ({"quantity": -1}, "quantity"),
    ({"quantity": 10**9 + 1}, "quantity"),
    ({"quantity": "1.0"}, "quantity"),
    ({"quantity": "x"}, "quantity"),
    ({"proof": "0x"}, "proof"),
    ({"proof": "0x" + "0" * 63}, "proof"),
    ({"proof": "0x" + "0" * 64 + ","}, "proof"),
    ({"proof": "0x" + "0" * 64 + "\n"}, "proof"),
    ({"proof": ",".join(["0x" + "0" * 64] * 65)}, "proof"),
    ({"proof": "", "proof_limit": 1}, "proof_limit"),
    ({"proof": "", "proof_price": 1}, "proof_limit"),
    ({"proof_limit": 1, "proof_price": 1}, "proof_limit"),
    ({"proof": "", "proof_limit": -1, "proof_price": 1}, "proof_limit"),
    ({"proof": "", "proof_limit": 1, "proof_price": MAXIMUM + 1}, "proof_price"),
    ({"address": "0x"}, "address"),
]


def test_bad_parameters_are_named(buyer: ApiUser, on_sale: OnSale, subtests: pytest.Subtests) -> None:
    """Whatever does not fit is 400 with the parameter that is wrong."""
    supply = on_sale()
    for requested, field in BAD:
        with subtests.test(requested=requested):
            refused(buyer.request("GET", path(supply, **requested)), 400, "VALIDATION_FAILED", field)


def test_what_is_not_there_or_not_ones_own_is_404(buyer: ApiUser, merchant: ApiUser, on_sale: OnSale) -> None:
    """A draft of somebody else; a wallet of somebody else, a closed one, and one that never was."""
    wanted = [on_sale(status="draft"), {"id": ids.new("sup", "us")}, {"id": "nonsense"}]
    absent(*(buyer.request("GET", path(supply)) for supply in wanted))
    closed = buyer.post("/v1/wallets", {"name": "Short"}, key=fresh_key())["id"]
    buyer.request("DELETE", f"/v1/wallets/{closed}")
    supply = on_sale()
    wallets = [merchant.wallet_id, ids.new("wal", "us"), "nonsense", "", closed]
    absent(*(buyer.request("GET", path(supply, wallet_id=wallet)) for wallet in wallets))


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None], on_sale: OnSale) -> None:
    """supply:read."""
    guarded("check_eligibility", path(on_sale()))
