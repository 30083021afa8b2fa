"""Ethereum's hash, addresses and signatures of key accounts (EOAs). Malleable signatures are refused.

A signature here is 65 bytes: r, s and v, where v is 27 or 28 (0 and 1 are accepted as
equivalents). Its s lies in the lower
half of the curve's order (EIP-2), so that no second signature can be made from a first without the key.
"""

from functools import cache
from typing import Any, Final

ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""n of secp256k1 (SEC 2, section 2.4.1)."""

HALF_ORDER: Final = ORDER // 2
SIGNATURE_BYTES: Final = 65
DIGEST_BYTES: Final = 32
RECOVERY_IDS: Final = {0: 0, 1: 1, 27: 0, 28: 1}
HEADER: Final = 27
"""What libwally adds to the recovery id in a signature's first byte, as Bitcoin does; 4 more for a compressed key."""


class InvalidSignature(ValueError):
    """The bytes are not a valid, canonical signature."""


def keccak(data: bytes) -> bytes:
    """Keccak-256, which is not NIST's SHA3-256."""
    return bytes(_hasher()(data))


def checksum_address(address: str) -> str:
    """The EIP-55 form of an address of 0x and 40 hexadecimal digits in any case. Raises ValueError."""
    digits = address[2:].lower()
    if address[:2] != "0x" or len(digits) != 40 or not all(digit in "0123456789abcdef" for digit in digits):
        raise ValueError("not an address: 0x and 40 hexadecimal digits")
    nibbles = keccak(digits.encode("ascii")).hex()
    return "0x" + "".join(
        digit.upper() if nibble >= "8" else digit for digit, nibble in zip(digits, nibbles, strict=False)
    )


def canonical_address(text: str) -> str:
    """The EIP-55 form of an address given in lower case, in upper case, or in EIP-55 form.

    Raises ValueError for anything else, such as mixed case that is not the checksum.
    """
    canonical = checksum_address(text)
    digits = text[2:]
    if text != canonical and digits not in (digits.lower(), digits.upper()):
        raise ValueError("the letters' case is not the checksum of the address (EIP-55)")
    return canonical


def recipient_address(text: str) -> str:
    """A recipient's address in its EIP-55 form. Raises ValueError as canonical_address does, and for zero."""
    address = canonical_address(text)
    if int(address, 16) == 0:
        raise ValueError("the zero address can receive nothing")
    return address


def personal_digest(message: bytes) -> bytes:
    """The digest that personal_sign signs (EIP-191, version 0x45)."""
    return keccak(b"\x19Ethereum Signed Message:\n%d%b" % (len(message), message))


def recover(digest: bytes, signature: bytes) -> str:
    """The address, in EIP-55 form, whose key signed a 32-byte digest.

    Raises InvalidSignature for a wrong length, an r or s out of range, a high s (EIP-2), a v other than 27, 28, 0 or 1,
    or a point that is not on the curve.
    """
    if len(digest) != DIGEST_BYTES or len(signature) != SIGNATURE_BYTES:
        raise InvalidSignature("a digest has 32 bytes, a signature 65")
    r, s, v = signature[:32], signature[32:64], signature[64]
    if v not in RECOVERY_IDS:
        raise InvalidSignature("v is 27 or 28")
    if not 0 < int.from_bytes(r) < ORDER or not 0 < int.from_bytes(s) <= HALF_ORDER:
        raise InvalidSignature("r or s is out of its range")
    import wallycore

    header = bytes([HEADER + RECOVERY_IDS[v]])
    try:
        key = wallycore.ec_sig_to_public_key(digest, header + r + s)
    except ValueError as error:
        raise InvalidSignature("r is no point of the curve") from error
    return address_of_point(bytes(wallycore.ec_public_key_decompress(key)))


def sign(digest: bytes, private_key: bytes) -> bytes:
    """Sign a 32-byte digest, deterministically (RFC 6979), with a low s, and v 27 or 28.

    private_key: 32 bytes. Raises ValueError.
    """
    import wallycore

    if len(digest) != DIGEST_BYTES or len(private_key) != 32:
        raise ValueError("a digest and a private key have 32 bytes")
    flags = wallycore.EC_FLAG_ECDSA | wallycore.EC_FLAG_RECOVERABLE
    header, *signature = wallycore.ec_sig_from_bytes(private_key, digest, flags)
    return bytes(signature) + bytes([27 + (header - HEADER) % 4])


def address_of(private_key: bytes) -> str:
    """The address of a private key of 32 bytes, in its EIP-55 form. Raises ValueError."""
    import wallycore

    if len(private_key) != 32:
        raise ValueError("a private key has 32 bytes")
    key = wallycore.ec_public_key_from_private_key(private_key)
    return address_of_point(bytes(wallycore.ec_public_key_decompress(key)))


def address_of_point(point: bytes) -> str:
    """The address of a public key in its uncompressed form (SEC 1: 4, x, y; 65 bytes). Raises ValueError."""
    if len(point) != 65 or point[0] != 4:
        raise ValueError("an uncompressed public key has 65 bytes, of which the first is 4")
    return checksum_address("0x" + keccak(point[1:])[-20:].hex())


@cache
def _hasher() -> Any:
    from eth_hash.backends.pycryptodome import keccak256

    return keccak256
