"""Creating a supply."""

from collections.abc import Callable
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from shared import ids
from shared.chain.ethereum import keccak
from shared.config import Settings
from shared.money import MAXIMUM
from tests.database_probe import DatabaseProbe
from tests.problems import absent, refused
from tests.races import all_at_once

SUPPLIES = "/v1/supplies"
CONTRACT = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def terms(**changes: Any) -> dict[str, Any]:
    return {"title": "A thing", "currency": "USDC", "unit_price": "1000", "quantity": 10, **changes}


def asset(**changes: Any) -> dict[str, Any]:
    return {"chain_id": 31337, "contract": CONTRACT, "token_id": "7", **changes}


def create(merchant: ApiUser, **changes: Any) -> Any:
    return merchant.post(SUPPLIES, terms(**changes), key=fresh_key())


def test_what_is_not_said_has_a_default(merchant: ApiUser, settings: Settings) -> None:
    """A draft without limit, paid to the default wallet, whose claims hand out a token of the configured contract."""
    response = merchant.request("POST", SUPPLIES, terms(), fresh_key())
    assert response.status_code == 201
    supply = response.json()
    assert supply == {
        "id": supply["id"],
        "merchant_id": merchant.user_id,
        "payout_wallet_id": merchant.wallet_id,
        "title": "A thing",
        "description": "",
        "currency": "USDC",
        "unit_price": "1000",
        "quantity": 10,
        "available": 10,
        "reserved": 0,
        "sold": 0,
        "per_user_limit": None,
        "phases": [],
        "asset": {
            "chain_id": settings.claim_chain_id,
            "contract": settings.claim_contract,
            "token_id": str(int.from_bytes(keccak(supply["id"].encode()))),
            "standard": "ERC-1155",
        },
        "status": "draft",
        "version": 1,
        "created_at": supply["updated_at"],
        "updated_at": supply["updated_at"],
    }
    assert ids.valid(supply["id"], "sup")
    assert merchant.get(f"{SUPPLIES}/{supply['id']}") == supply


def test_what_is_said_is_kept(merchant: ApiUser, own_asset: dict[str, Any]) -> None:
    """Every field comes back as it was given, up to the largest numbers there are."""
    given = terms(
        title="Überraschung 🎁",
        description="Two\nlines.",
        currency="ETH",
        unit_price=str(MAXIMUM),
        quantity=10**9,
        per_user_limit=10**9,
        payout_wallet_id=merchant.wallet_id,
        asset={**own_asset, "token_id": str(MAXIMUM)},
        status="active",
    )
    supply = merchant.post(SUPPLIES, given, key=fresh_key())
    assert {name: supply[name] for name in given} == given


def test_a_new_supply_is_reported(merchant: ApiUser, probe: DatabaseProbe) -> None:
    """supply.created is the first event of its stream and says on what terms it sells."""
    supply = create(merchant, per_user_limit=3, status="active")
    (event,) = probe.stream("supply", supply["id"])
    assert (event.type, event.version) == ("supply.created", 1)
    terms = event.data.pop("terms")  # for other cells, see test_replicate_supply.py
    assert (terms["version"], terms["published"], terms["stock"]["available"]) == (1, True, 10)
    assert event.data == {
        "supply_id": supply["id"],
        "user_id": merchant.user_id,
        "title": "A thing",
        "currency": "USDC",
        "unit_price": "1000",
        "quantity": 10,
        "status": "active",
        "payout_wallet_id": merchant.wallet_id,
        "per_user_limit": 3,
    }


BAD: dict[str, list[Any]] = {
    "title": ["", "x" * 201, "tab\t", "line\n", "\x7f", 1, None],
    "description": ["x" * 5001, 1, None],
    "currency": ["BTC", "usdc", "", 1, None],
    "unit_price": ["-1", "+1", "1.0", "1e3", "", "01", "\uff11", str(MAXIMUM + 1), 1, 1.0, None],
    "quantity": [0, -1, 10**9 + 1, 1.0, 1.5, "1", True, None, 10**30],
    "per_user_limit": [0, -1, 10**9 + 1, 1.0, "1", True],
    "payout_wallet_id": [1, [], {}],
    "status": ["paused", "archived", "sold_out", "", "Active", 1, None],
    "asset": ["", 1, []],
}


@pytest.mark.parametrize("field", BAD)
def test_a_bad_field_is_named(merchant: ApiUser, field: str, subtests: pytest.Subtests) -> None:
    """Whatever does not fit the contract is 400 with the field that is wrong."""
    for value in BAD[field]:
        with subtests.test(value=value):
            response = merchant.request("POST", SUPPLIES, terms(**{field: value}), fresh_key())
            refused(response, 400, "VALIDATION_FAILED", field)


BAD_ASSETS: list[tuple[str, Any]] = [
    ("chain_id", 0),
    ("chain_id", 2**53),
    ("chain_id", "1"),
    ("contract", "0x"),
    ("contract", CONTRACT[2:]),
    ("contract", CONTRACT[:-1]),
    ("contract", CONTRACT[:-1] + "g"),
    ("contract", CONTRACT.replace("f39F", "f39f")),
    ("token_id", "-1"),
    ("token_id", 7),
    ("token_id", str(MAXIMUM + 1)),
    ("standard", "ERC-20"),
    ("extra", 1),
]


def test_a_bad_asset_is_named(merchant: ApiUser, subtests: pytest.Subtests) -> None:
    """Each part of an asset is checked; mixed case that is not the checksum is a typing error."""
    for field, value in BAD_ASSETS:
        with subtests.test(field=field, value=value):
            response = merchant.request("POST", SUPPLIES, terms(asset=asset(**{field: value})), fresh_key())
            refused(response, 400, "VALIDATION_FAILED", f"asset.{field}")


@pytest.mark.parametrize("missing", ["title", "currency", "unit_price", "quantity"])
def test_what_is_needed_is_named(merchant: ApiUser, missing: str) -> None:
    """A field without default that is not there; and one that nobody knows."""
    body = {name: value for name, value in terms().items() if name != missing}
    refused(merchant.request("POST", SUPPLIES, body, fresh_key()), 400, "VALIDATION_FAILED", missing)
    refused(merchant.request("POST", SUPPLIES, terms(sold=0), fresh_key()), 400, "VALIDATION_FAILED", "sold")


def test_a_contract_is_taken_in_any_honest_case(merchant: ApiUser, own_asset: dict[str, Any]) -> None:
    """All lower or all upper case has no checksum to fail; it is shown with its checksum."""
    at = own_asset["contract"]
    for written in (at.lower(), "0x" + at[2:].upper(), at):
        assert create(merchant, asset={**own_asset, "contract": written})["asset"]["contract"] == at


def test_a_payout_goes_to_a_wallet_of_the_merchant(merchant: ApiUser, buyer: ApiUser) -> None:
    """A foreign, an unknown and a malformed wallet are answered alike."""
    wanted = [buyer.wallet_id, ids.new("wal", "us"), "nonsense", ""]
    absent(
        *(merchant.request("POST", SUPPLIES, terms(payout_wallet_id=wallet_id), fresh_key()) for wallet_id in wanted)
    )


def test_a_repeat_answers_the_same_supply(merchant: ApiUser) -> None:
    """Same key, same request: same status and body, marked as a replay, and one supply."""
    key = fresh_key()
    first, again = (merchant.request("POST", SUPPLIES, terms(), key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


def test_the_order_of_members_does_not_matter(merchant: ApiUser) -> None:
    """The same request is the same however its members are arranged."""
    key = fresh_key()
    first = merchant.post(SUPPLIES, terms(), key=key)
    assert merchant.post(SUPPLIES, dict(reversed(terms().items())), key=key) == first


def test_a_key_belongs_to_one_request(merchant: ApiUser) -> None:
    """Another body under the same key is 422, and the supply stays as it was."""
    key = fresh_key()
    supply = merchant.post(SUPPLIES, terms(), key=key)
    for other in (terms(quantity=11), terms(description=""), terms(title="a thing")):
        refused(merchant.request("POST", SUPPLIES, other, key), 422, "IDEMPOTENCY_KEY_REUSED")
    assert merchant.get(f"{SUPPLIES}/{supply['id']}") == supply


def test_a_key_belongs_to_its_caller(merchant: ApiUser, buyer: ApiUser) -> None:
    """The same key of two people is two keys."""
    key = fresh_key()
    supplies = [person.post(SUPPLIES, terms(), key=key) for person in (merchant, buyer)]
    assert [supply["merchant_id"] for supply in supplies] == [merchant.user_id, buyer.user_id]
    assert supplies[0]["id"] != supplies[1]["id"]


@pytest.mark.parametrize("key", [None, "", "x" * 15, "x" * 256])
def test_a_key_is_needed(merchant: ApiUser, key: str | None) -> None:
    """None, or one that is not 16 to 255 printable ASCII characters, is 400."""
    code = "IDEMPOTENCY_KEY_REQUIRED" if key is None else "IDEMPOTENCY_KEY_MALFORMED"
    refused(merchant.request("POST", SUPPLIES, terms(), key), 400, code, "Idempotency-Key")


@pytest.mark.parametrize("key", ["!" * 16, "~" * 255])
def test_the_bounds_of_a_key(merchant: ApiUser, anyone: Callable[[], ApiUser], key: str) -> None:
    """The shortest and the longest key are good."""
    assert anyone().request("POST", SUPPLIES, terms(), key).status_code == 201


def test_what_was_malformed_does_not_use_up_a_key(merchant: ApiUser) -> None:
    """Only answers that may be repeated are kept: a 400 and a 404 are not."""
    key = fresh_key()
    refused(merchant.request("POST", SUPPLIES, terms(quantity=0), key), 400, "VALIDATION_FAILED")
    refused(merchant.request("POST", SUPPLIES, terms(payout_wallet_id="nonsense"), key), 404, "NOT_FOUND")
    assert merchant.request("POST", SUPPLIES, terms(), key).status_code == 201


def test_twenty_at_once_make_one_supply(anyone: Callable[[], ApiUser]) -> None:
    """Under one key, the others replay its response or get 409 while it is in progress; in the end all get it."""
    merchant, key = anyone(), fresh_key()
    responses = all_at_once([lambda: merchant.request("POST", SUPPLIES, terms(), key)] * 20)
    made = {response.content for response in responses if response.status_code == 201}
    assert len(made) == 1
    for response in responses:
        if response.status_code != 201:
            refused(response, 409, "IDEMPOTENCY_IN_PROGRESS")
            assert int(response.headers["Retry-After"]) > 0
    assert merchant.request("POST", SUPPLIES, terms(), key).content in made
    assert len(merchant.get(f"{SUPPLIES}?merchant_id={merchant.user_id}")["items"]) == 1


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None]) -> None:
    """supply:write, which only merchants have."""
    guarded("create_supply", SUPPLIES, terms())
