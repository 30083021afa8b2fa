"""Asset ownership: on the platform's contract the supply's own token, on others a token that its merchant controls."""

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import httpx
import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack.parts import contracts
from functions.supply.views import AssetView
from shared.chain.ethereum import checksum_address
from shared.chain.node import ChainClient
from shared.chain.ownership import controls
from shared.errors import Unavailable
from shared.money import Amount
from tests.assets import HAS_ROLE, OWNER, asset_of, merchant_asset, owned, word_of
from tests.chain import LocalChain
from tests.contract_wallets import deploy
from tests.database_probe import DatabaseProbe
from tests.isolated_services import IsolatedServices
from tests.problems import refused
from tests.races import at_once
from tests.solidity import creation_code

SUPPLIES = "/v1/supplies"
YES = (1).to_bytes(32)

Asset = dict[str, Any]


def put_up(person: ApiUser, asset: Asset, **terms: Any) -> httpx.Response:
    body = {"title": "A thing", "currency": "USDC", "unit_price": "0", "quantity": 10, "status": "active"}
    return person.request("POST", SUPPLIES, {**body, "asset": asset, **terms}, fresh_key())


def everybodys(chain: LocalChain, **changes: Any) -> Asset:
    """An asset whose contract calls everybody its admin."""
    return asset_of(chain, merchant_asset(HAS_ROLE, YES), **changes)


# The house's


def test_nobody_names_a_token_of_the_platforms_contract(
    merchant: ApiUser, anyone: Callable[[], ApiUser], on_sale: Callable[..., Asset]
) -> None:
    """Not another supply's, nor one that nobody has, however the address is written; the default is the own."""
    theirs = on_sale(asset=None, quantity=1)["asset"]
    thief = anyone()
    for asset in (
        theirs,
        {**theirs, "contract": contracts.CLAIMS.lower()},
        {**theirs, "token_id": "0"},
        {**theirs, "standard": "ERC-721"},
    ):
        for person in (thief, merchant):
            quantity = 1 if asset["standard"] == "ERC-721" else 10
            refused(put_up(person, asset, quantity=quantity), 409, "ASSET_NOT_YOURS")


@pytest.mark.parametrize("house", [contracts.VAULT, contracts.USDC])
def test_nobody_sells_tokens_of_other_platform_contracts(merchant: ApiUser, house: str) -> None:
    """The vault and the tokens are no merchant's."""
    asset = {"chain_id": 31337, "contract": house, "token_id": "1", "standard": "ERC-1155"}
    refused(put_up(merchant, asset), 409, "ASSET_NOT_YOURS")


# Anybody's


def test_a_contract_says_whose_it_is(chain: LocalChain, anyone: Callable[[], ApiUser], merchant: ApiUser) -> None:
    """By its owner() or its admin role; it is theirs alone."""
    owner, by_role = anyone(), everybodys(chain)
    asset = asset_of(chain, owned(owner.address))
    refused(put_up(merchant, asset), 409, "ASSET_NOT_YOURS")
    made = put_up(owner, asset)
    assert made.status_code == 201
    assert made.json()["asset"] == asset
    assert put_up(owner, asset).status_code == 201  # a second supply of the same token
    assert put_up(merchant, by_role).status_code == 201


LIES: Mapping[str, Callable[[str], bytes]] = {
    "nothing at all": lambda _: creation_code("Accepting"),
    "a revert": lambda _: creation_code("Reverting"),
    "a halt": lambda _: creation_code("Halting"),
    "an endless loop": lambda _: creation_code("EndlessLoop"),
    "somebody else": lambda _: owned(contracts.VAULT),
    "nobody": lambda _: owned("0x" + "00" * 20),
    "too short an answer": lambda address: merchant_asset(OWNER, word_of(address)[:31]),
    "an address without its zeros": lambda address: merchant_asset(OWNER, bytes.fromhex(address[2:])),
    "an address with something before it": lambda address: merchant_asset(OWNER, b"\x01" * 12 + word_of(address)[12:]),
    "a yes that is no bool": lambda _: merchant_asset(HAS_ROLE, (2).to_bytes(32)),
    "a yes that is too short": lambda _: merchant_asset(HAS_ROLE, b"\x01"),
    "a no": lambda _: merchant_asset(HAS_ROLE, bytes(32)),
}


@pytest.mark.parametrize("lie", LIES)
def test_whatever_is_no_clear_yes_is_a_no(lie: str, chain: LocalChain, merchant: ApiUser) -> None:
    """It fails closed, and nothing is bound by it."""
    asset = asset_of(chain, LIES[lie](merchant.address))
    refused(put_up(merchant, asset), 409, "ASSET_NOT_YOURS")


def test_there_has_to_be_a_contract(merchant: ApiUser) -> None:
    """Nobody controls an address without code, be it their own."""
    for address in (merchant.address, checksum_address("0x" + secrets.token_hex(20)), "0x" + "00" * 19 + "01"):
        asset = {"chain_id": 31337, "contract": address, "token_id": "1", "standard": "ERC-1155"}
        refused(put_up(merchant, asset), 409, "ASSET_NOT_YOURS")


def test_what_can_be_no_asset_is_malformed(merchant: ApiUser, own_asset: Asset) -> None:
    """The zero address, and a chain that is not served."""
    refused(put_up(merchant, {**own_asset, "contract": "0x" + "0" * 40}), 400, "VALIDATION_FAILED", "asset.contract")
    for chain_id in (1, 137, 2**53 - 1):
        refused(put_up(merchant, {**own_asset, "chain_id": chain_id}), 400, "VALIDATION_FAILED", "asset.chain_id")


def test_the_payout_wallets_address_is_the_one_that_counts(
    chain: LocalChain, anyone: Callable[[], ApiUser], merchant: ApiUser
) -> None:
    """Another's wallet proves nothing: it cannot be paid to either."""
    owner = anyone()
    asset = asset_of(chain, owned(owner.address))
    refused(put_up(merchant, asset, payout_wallet_id=owner.wallet_id), 404, "NOT_FOUND")


def test_a_contract_wallet_is_the_same_on_its_own_chain_alone(chain: LocalChain) -> None:
    """What was proven on another chain may be somebody else's contract here; a key is the same everywhere."""
    wallet, key = (
        deploy(chain, creation_code("Accepting"), secrets.token_bytes(32)),
        checksum_address("0x" + secrets.token_hex(20)),
    )
    for address, proven_on, yes in ((wallet, 31337, True), (wallet, 1, False), (key, 1, True), (key, 31337, True)):
        at = deploy(chain, owned(address), secrets.token_bytes(32))
        assert controls(chain.client, at, address, proven_on, 31337) is yes


def test_without_an_answer_no_supply_is_created(
    isolated: IsolatedServices, chain: LocalChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that is away is no answer: the request may be sent again."""
    merchant = isolated.new_user()
    named = asset_of(chain, owned(merchant.address))
    asset = AssetView(chain_id=31337, contract=named["contract"], token_id=Amount(5), standard="ERC-1155")
    requested = ChainClient.request

    def away(self: ChainClient, method: str, *given: Any, **more: Any) -> Any:
        if method in ("eth_call", "eth_getCode"):
            raise Unavailable
        return requested(self, method, *given, **more)

    monkeypatch.setattr(ChainClient, "request", away)
    with pytest.raises(Unavailable):
        isolated.sell(merchant, asset=asset)
    monkeypatch.undo()
    assert isolated.sell(merchant, asset=asset).asset == asset


# One merchant an asset


def test_an_asset_is_one_merchants(chain: LocalChain, anyone: Callable[[], ApiUser]) -> None:
    """The first that proves it; another token of the same contract may be another's."""
    asset, first, second = everybodys(chain), anyone(), anyone()
    assert put_up(first, asset).status_code == 201
    refused(put_up(second, asset), 409, "ASSET_NOT_YOURS")
    refused(put_up(second, {**asset, "contract": asset["contract"].lower()}), 409, "ASSET_NOT_YOURS")
    assert put_up(second, {**asset, "token_id": "6"}).status_code == 201
    assert put_up(first, asset).status_code == 201


def test_of_many_at_once_one_has_it(chain: LocalChain, anyone: Callable[[], ApiUser]) -> None:
    """Bound once, wherever their supplies are at home."""
    asset, people = everybodys(chain), [anyone() for _ in range(5)]
    answers = at_once([partial(put_up, person, asset) for person in people])
    codes = sorted(answer.status_code for answer in answers if isinstance(answer, httpx.Response))
    assert codes == [201, *[409] * 4]


# ERC-721


def test_an_erc_721_token_is_one_unit(chain: LocalChain, anyone: Callable[[], ApiUser]) -> None:
    """Of quantity 1, never restocked, and sold in one supply; archived unsold, it may be sold in a new supply."""
    owner = anyone()
    asset = asset_of(chain, owned(owner.address), standard="ERC-721")
    refused(put_up(owner, asset, quantity=2), 400, "VALIDATION_FAILED", "quantity")
    supply = put_up(owner, asset, quantity=1).json()
    restock = owner.request("POST", f"{SUPPLIES}/{supply['id']}/restock", {"quantity": 1}, fresh_key())
    refused(restock, 409, "QUANTITY_TOO_LARGE")
    for standard in ("ERC-721", "ERC-1155"):
        refused(put_up(owner, {**asset, "standard": standard}, quantity=1), 409, "ASSET_NOT_YOURS")
    assert put_up(owner, {**asset, "token_id": "6"}, quantity=1).status_code == 201
    assert owner.request("DELETE", f"{SUPPLIES}/{supply['id']}").status_code == 204
    assert put_up(owner, asset, quantity=1).status_code == 201


def test_of_many_supplies_at_once_one_sells_an_erc_721_token(chain: LocalChain, anyone: Callable[[], ApiUser]) -> None:
    """The same merchant's too."""
    owner = anyone()
    asset = asset_of(chain, owned(owner.address), standard="ERC-721")
    answers = at_once([lambda: put_up(owner, asset, quantity=1)] * 5)
    codes = sorted(answer.status_code for answer in answers if isinstance(answer, httpx.Response))
    assert codes == [201, *[409] * 4]


# Supplies of earlier releases


def change(person: ApiUser, edge: httpx.Client, supply: Asset, **terms: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {person.access_token}", "If-Match": "*"}
    return edge.patch(f"{SUPPLIES}/{supply['id']}", json=terms, headers=headers)


def test_an_earlier_supply_sells_once_its_asset_is_proven(
    buyer: ApiUser, merchant: ApiUser, on_sale: Callable[..., Asset], probe: DatabaseProbe, edge: httpx.Client
) -> None:
    """Unless it delivers its own token of the platform's contract, which needs no proof."""
    foreign, own = on_sale(), on_sale(asset=None)
    for supply in (foreign, own):
        probe.rows("supply", "UPDATE supplies SET asset_proven = false WHERE id = :id RETURNING id", id=supply["id"])

    def order(supply: Asset) -> httpx.Response:
        body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply["id"], "quantity": 1}]}
        return buyer.request("POST", "/v1/orders", body, fresh_key())

    assert order(own).status_code == 201
    refused(order(foreign), 409, "NOT_ON_SALE")
    assert change(merchant, edge, foreign, title="Another title").status_code == 200
    refused(order(foreign), 409, "NOT_ON_SALE")
    assert change(merchant, edge, foreign, status="active").status_code == 200
    assert order(foreign).status_code == 201


def test_an_earlier_supply_of_what_is_not_its_merchants_does_not_sell(
    chain: LocalChain, merchant: ApiUser, on_sale: Callable[..., Asset], probe: DatabaseProbe, edge: httpx.Client
) -> None:
    """It was created by a release that did not check ownership."""
    supply, theirs = on_sale(), asset_of(chain, owned(contracts.VAULT))
    taken = "UPDATE supplies SET asset_proven = false, contract = :contract WHERE id = :id RETURNING id"
    probe.rows("supply", taken, id=supply["id"], contract=theirs["contract"])
    refused(change(merchant, edge, supply, status="active"), 409, "ASSET_NOT_YOURS")
    assert change(merchant, edge, supply, status="paused").status_code == 200
