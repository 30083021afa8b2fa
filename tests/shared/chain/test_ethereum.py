"""Hashes, addresses and signatures, against published vectors and eth-account."""

import contextlib

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given
from hypothesis import strategies as st

from shared.chain.ethereum import (
    HALF_ORDER,
    ORDER,
    InvalidSignature,
    address_of,
    canonical_address,
    checksum_address,
    keccak,
    personal_digest,
    recover,
    sign,
)

keys = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32))
digests = st.binary(min_size=32, max_size=32)

KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
DIGEST = personal_digest(b"hello")


def test_keccak_is_not_sha3() -> None:
    """The hash of nothing is Ethereum's."""
    assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
    ],
)
def test_the_addresses_of_eip_55(address: str) -> None:
    """Each is its own form, made of any case."""
    assert checksum_address(address.lower()) == checksum_address("0x" + address[2:].upper()) == address


@pytest.mark.parametrize("text", ["", "0x", ADDRESS[2:], ADDRESS + "0", ADDRESS[:-1] + "g", ADDRESS[:-1] + "\u0661"])
def test_what_is_no_address(text: str) -> None:
    """Anything but 0x and 40 hexadecimal digits is refused."""
    with pytest.raises(ValueError, match="not an address"):
        checksum_address(text)


@pytest.mark.parametrize("written", [ADDRESS, ADDRESS.lower(), "0x" + ADDRESS[2:].upper()])
def test_an_address_may_be_written_in_one_case_or_with_its_checksum(written: str) -> None:
    """What has no checksum cannot fail it."""
    assert canonical_address(written) == ADDRESS


@pytest.mark.parametrize("written", [ADDRESS.replace("f39F", "F39f"), "0x" + ADDRESS[2:].swapcase(), ADDRESS[:-1], ""])
def test_mixed_case_is_a_checksum(written: str) -> None:
    """Where it is another than the address has, something was mistyped; what is no address is none in any case."""
    with pytest.raises(ValueError, match=r"checksum|not an address"):
        canonical_address(written)


def test_a_known_account() -> None:
    """The first account of every development node."""
    assert address_of(KEY) == ADDRESS


@given(keys, st.binary(max_size=200))
def test_signatures_are_those_of_eth_account(key: bytes, message: bytes) -> None:
    """Byte for byte, and recovered to the signer."""
    signature = sign(personal_digest(message), key)
    assert signature == bytes(Account.sign_message(encode_defunct(message), key).signature)
    assert recover(personal_digest(message), signature) == address_of(key) == Account.from_key(key).address


@given(keys, digests)
def test_signatures_are_low_and_repeatable(key: bytes, digest: bytes) -> None:
    """s is in the lower half, v is 27 or 28, and the same digest is signed the same way."""
    signature = sign(digest, key)
    assert int.from_bytes(signature[32:64]) <= HALF_ORDER
    assert signature[64] in (27, 28)
    assert sign(digest, key) == signature


@given(keys, digests)
def test_the_twin_with_a_high_s_is_refused(key: bytes, digest: bytes) -> None:
    """Who has a signature cannot make a second one (EIP-2)."""
    signature = sign(digest, key)
    s = ORDER - int.from_bytes(signature[32:64])
    for v in (27, 28, 0, 1):
        with pytest.raises(InvalidSignature):
            recover(digest, signature[:32] + s.to_bytes(32) + bytes([v]))


@given(digests, st.binary(max_size=80))
def test_any_bytes_are_answered(digest: bytes, signature: bytes) -> None:
    """Bytes are an address or refused, never another failure."""
    with contextlib.suppress(InvalidSignature):
        assert recover(digest, signature).startswith("0x")


def taken(signature: bytes) -> bool:
    """Whether a signature is one of somebody's."""
    try:
        recover(DIGEST, signature)
    except InvalidSignature:
        return False
    return True


def test_v_has_four_values() -> None:
    """27 and 28, or 0 and 1; EIP-155's are for transactions."""
    r_and_s = sign(DIGEST, KEY)[:64]
    assert [v for v in range(256) if taken(r_and_s + bytes([v]))] == [0, 1, 27, 28]


def test_v_of_0_or_1_is_that_of_27_or_28() -> None:
    """Both spellings mean the same signature."""
    signature = sign(DIGEST, KEY)
    assert recover(DIGEST, signature[:64] + bytes([signature[64] - 27])) == ADDRESS


@pytest.mark.parametrize("length", [0, 1, 64, 66, 130])
def test_a_signature_has_65_bytes(length: int) -> None:
    """Shorter and longer ones are refused."""
    with pytest.raises(InvalidSignature):
        recover(DIGEST, (sign(DIGEST, KEY) * 2)[:length])


@pytest.mark.parametrize("number", [0, ORDER, ORDER + 1, 2**256 - 1])
def test_r_and_s_are_within_the_order(number: int) -> None:
    """Zero, and what is not below the order, is refused as r and as s."""
    signature = sign(DIGEST, KEY)
    for broken in (
        number.to_bytes(32) + signature[32:],
        signature[:32] + number.to_bytes(32) + signature[64:],
    ):
        with pytest.raises(InvalidSignature):
            recover(DIGEST, broken)


def test_the_halves_border() -> None:
    """Half of the order is low, one more is high."""
    signature = sign(DIGEST, KEY)
    assert recover(DIGEST, signature[:32] + HALF_ORDER.to_bytes(32) + signature[64:])
    with pytest.raises(InvalidSignature, match="range"):
        recover(DIGEST, signature[:32] + (HALF_ORDER + 1).to_bytes(32) + signature[64:])


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), ORDER.to_bytes(32), bytes(33)])
def test_what_is_no_private_key(key: bytes) -> None:
    """A private key has 32 bytes and lies between 1 and the order."""
    with pytest.raises(ValueError):
        sign(DIGEST, key)
    with pytest.raises(ValueError):
        address_of(key)
