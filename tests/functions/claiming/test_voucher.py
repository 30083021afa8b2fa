"""Vouchers, against a second implementation of EIP-712."""

import json
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from functions.claiming.adapters.voucher import Eip712Vouchers
from functions.claiming.domain.claim import Item, Terms
from shared import ids
from shared.chain.ethereum import address_of, checksum_address, keccak, recover
from shared.chain.signers import FileSigner
from shared.config import Settings
from shared.money import MAXIMUM

addresses = st.binary(min_size=20, max_size=20).map(lambda raw: checksum_address(f"0x{raw.hex()}"))
numbers = st.integers(0, MAXIMUM)
chains = st.integers(1, 2**53 - 1)
texts = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=40)


def signer_of(settings: Settings) -> Eip712Vouchers:
    """Who makes out vouchers on the stack."""
    return Eip712Vouchers(settings.claim_contract, FileSigner(bytes.fromhex(settings.secret("voucher_key").decode())))


@st.composite
def all_terms(draw: st.DrawFn) -> Terms:
    """Anything that may be signed: the items of one chain."""
    chain_id = draw(chains)
    items = draw(st.lists(st.builds(Item, st.just(chain_id), addresses, numbers, numbers), min_size=1, max_size=5))
    return Terms(draw(texts), draw(texts), draw(addresses), tuple(items), draw(numbers), draw(numbers))


def typed_data(voucher: dict[str, Any]) -> dict[str, Any]:
    """The typed data of a voucher as eth-account takes it: its numbers are numbers."""
    message = voucher["message"]
    items = [{**item, "tokenId": int(item["tokenId"]), "quantity": int(item["quantity"])} for item in message["items"]]
    numbers = {name: int(message[name]) for name in ("nonce", "deadline")}
    return {
        "domain": voucher["domain"],
        "types": voucher["types"],
        "primaryType": voucher["primary_type"],
        "message": {**message, **numbers, "items": items},
    }


def checked(voucher: dict[str, Any]) -> None:
    """Both implementations agree on the digest, and on who signed it."""
    encoded = encode_typed_data(full_message=typed_data(voucher))
    digest = keccak(b"\x19" + encoded.version + encoded.header + encoded.body)
    assert voucher["digest"] == "0x" + digest.hex()
    assert Account.recover_message(encoded, signature=voucher["signature"]) == voucher["signer"]
    assert recover(digest, bytes.fromhex(voucher["signature"][2:])) == voucher["signer"]


@trying(max_examples=50, deadline=None)
@given(terms=all_terms())
def test_a_wallet_computes_the_same_digest(settings: Settings, terms: Terms) -> None:
    """Whatever is signed, eth-account's encoding of the voucher has its digest, and recovers its signer."""
    voucher = json.loads(signer_of(settings).sign(terms))
    checked(voucher)
    assert voucher["signer"] == address_of(bytes.fromhex(settings.secret("voucher_key").decode()))


def test_a_voucher_says_all_that_is_signed(settings: Settings) -> None:
    """The domain is full, ids are hashed to 32 bytes, and numbers of 256 bits are decimal strings."""
    order_id = ids.new("ord", "us")
    claim_id = ids.sibling(order_id, "clm")
    contract = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    terms = Terms(
        claim_id, order_id, contract, (Item(31337, contract, MAXIMUM, 3),), ids.number(claim_id), 1_800_000_000
    )
    voucher = json.loads(signer_of(settings).sign(terms))
    assert voucher["domain"] == {
        "name": "Meridian Claims",
        "version": "1",
        "chainId": 31337,
        "verifyingContract": settings.claim_contract,
    }
    assert voucher["primary_type"] == "Claim"
    assert voucher["message"] == {
        "claimId": "0x" + keccak(claim_id.encode()).hex(),
        "orderId": "0x" + keccak(order_id.encode()).hex(),
        "recipient": contract,
        "items": [{"asset": contract, "tokenId": str(MAXIMUM), "quantity": "3"}],
        "nonce": str(ids.number(claim_id)),
        "deadline": "1800000000",
    }
    declared = {name: [(field["type"], field["name"]) for field in fields] for name, fields in voucher["types"].items()}
    assert declared == {
        "EIP712Domain": [
            ("string", "name"), ("string", "version"), ("uint256", "chainId"), ("address", "verifyingContract"),
        ],
        "Claim": [
            ("bytes32", "claimId"), ("bytes32", "orderId"), ("address", "recipient"), ("Item[]", "items"),
            ("uint256", "nonce"), ("uint256", "deadline"),
        ],
        "Item": [("address", "asset"), ("uint256", "tokenId"), ("uint256", "quantity")],
    }  # fmt: skip


def test_the_same_terms_have_the_same_bytes(settings: Settings) -> None:
    """A signature is deterministic, so that a voucher made twice is one voucher; any other terms have another."""
    terms = Terms(
        "clm", "ord", checksum_address("0x" + "11" * 20), (Item(1, checksum_address("0x" + "22" * 20), 1, 1),), 1, 1
    )
    first, second = (signer_of(settings).sign(terms) for _ in range(2))
    assert first == second
    assert json.loads(first)["domain"]["chainId"] == 1


@pytest.mark.parametrize("text", ["", "0x", "0x" + "00" * 20, "0x" + "1" * 39, "0x" + "1" * 41, "0X" + "11" * 20])
def test_what_can_receive_nothing(settings: Settings, text: str) -> None:
    """What is no address, and the zero address."""
    with pytest.raises(ValueError, match="address"):
        signer_of(settings).address(text)
