"""Opening a user's default wallet."""

import secrets
from collections.abc import Callable

import pytest

from emulators.demo.api_user import ApiUser
from shared import ids
from shared.chain.ethereum import checksum_address
from shared.contracts.gen.wallet_pb2 import OpenDefaultRequest, OpenDefaultResponse
from shared.errors import Malformed
from tests.isolated_services import IsolatedServices
from tests.races import all_at_once


def a_request() -> OpenDefaultRequest:
    address = checksum_address("0x" + secrets.token_hex(20))
    return OpenDefaultRequest(user_id=ids.new("usr", "us"), address=address, chain_id=31337)


def open_default(isolated: IsolatedServices, request: OpenDefaultRequest) -> str:
    return isolated.rpc("wallet", "identity").call("Wallet.OpenDefault", request, OpenDefaultResponse, 30).wallet_id


def test_a_user_gets_one_wallet_however_often_it_is_asked_for(isolated: IsolatedServices) -> None:
    """A repeat, even from another chain, returns the existing wallet unchanged; there is one event."""
    request = a_request()
    wallet_id = open_default(isolated, request)
    again = OpenDefaultRequest(user_id=request.user_id, address=a_request().address, chain_id=1)
    assert open_default(isolated, again) == wallet_id
    (event,) = isolated.stream(wallet_id)
    assert (event.type, event.version) == ("wallet.opened", 1)
    assert event.data == {
        "wallet_id": wallet_id,
        "user_id": request.user_id,
        "address": request.address,
        "chain_id": 31337,
    }


def test_many_at_once_get_the_same_wallet(isolated: IsolatedServices) -> None:
    """Of twenty concurrent sign-ins one opens the wallet, and all return that one."""
    request = a_request()
    wallets = set(all_at_once([lambda: open_default(isolated, request)] * 20))
    assert len(wallets) == 1
    assert len(isolated.stream(wallets.pop())) == 1


def test_its_id_derives_from_the_users(isolated: IsolatedServices) -> None:
    """Whoever knows the user knows the wallet; one that was opened before this rule stays."""
    request = a_request()
    assert open_default(isolated, request) == ids.sibling(request.user_id, "wal")
    earlier = a_request()
    wallet_id, other = open_default(isolated, earlier), ids.new("wal", "us")
    isolated.tamper("wallet", "UPDATE wallets SET id = :other WHERE id = :id", other=other, id=wallet_id)
    assert open_default(isolated, earlier) == other


def test_a_user_of_another_cell_gets_no_wallet_here(isolated: IsolatedServices) -> None:
    """It would be a stray one: their home has theirs."""
    request = a_request()
    request.user_id = ids.new("usr", "eu")
    with pytest.raises(Malformed):
        open_default(isolated, request)


def test_the_first_sign_in_opens_it(buyer: ApiUser) -> None:
    """A user who has signed in has one wallet, with the address of the sign-in."""
    (wallet,) = buyer.get("/v1/wallets")["items"]
    assert (wallet["user_id"], wallet["address"], wallet["status"]) == (buyer.user_id, buyer.address, "open")


def test_only_identity_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """No other service opens wallets."""
    only_for_callers("open_default_wallet")
