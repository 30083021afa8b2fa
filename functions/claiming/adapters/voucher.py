"""Vouchers: EIP-712 typed data, signed with the platform's key, each accepted by the claim contract once."""

from collections.abc import Sequence
from typing import Any, Final

from eth_abi import encode

from functions.claiming.domain.claim import Item, Terms
from shared.chain.ethereum import keccak, recipient_address
from shared.chain.signers import Signer
from shared.contracts.encode import to_json

NAME: Final = "Meridian Claims"
VERSION: Final = "1"
DOMAIN: Final = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
CLAIM: Final = (
    ("claimId", "bytes32"),
    ("orderId", "bytes32"),
    ("recipient", "address"),
    ("items", "Item[]"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)
ITEM: Final = (("asset", "address"), ("tokenId", "uint256"), ("quantity", "uint256"))

Fields = Sequence[tuple[str, str]]


def _declared(name: str, fields: Fields) -> str:
    """A type in the notation of EIP-712's encodeType."""
    return f"{name}({','.join(f'{kind} {field}' for field, kind in fields)})"


DOMAIN_TYPEHASH: Final = keccak(_declared("EIP712Domain", DOMAIN).encode())
ITEM_TYPEHASH: Final = keccak(_declared("Item", ITEM).encode())
CLAIM_TYPEHASH: Final = keccak((_declared("Claim", CLAIM) + _declared("Item", ITEM)).encode())


class Eip712Vouchers:
    """Signs vouchers for the claim contract."""

    def __init__(self, contract: str, signer: Signer) -> None:
        """
        contract: the address of the claim contract.
        signer: the key whose vouchers the contract honours.
        """
        self._contract = contract
        self._signer = signer

    def address(self, text: str) -> str:
        return recipient_address(text)

    def sign(self, terms: Terms) -> str:
        chain_id = terms.items[0].chain_id
        digest = keccak(b"\x19\x01" + domain_separator(chain_id, self._contract) + struct_hash(terms))
        return to_json(
            {
                "domain": {
                    "name": NAME,
                    "version": VERSION,
                    "chainId": chain_id,
                    "verifyingContract": self._contract,
                },
                "types": {"EIP712Domain": _types(DOMAIN), "Claim": _types(CLAIM), "Item": _types(ITEM)},
                "primary_type": "Claim",
                "message": _message(terms),
                "digest": "0x" + digest.hex(),
                "signature": "0x" + self._signer.sign(digest).hex(),
                "signer": self._signer.address,
            }
        ).decode()


def domain_separator(chain_id: int, contract: str) -> bytes:
    """EIP-712's domain separator: a voucher is valid on one chain and for one contract."""
    words = [DOMAIN_TYPEHASH, keccak(NAME.encode()), keccak(VERSION.encode()), chain_id, contract]
    return keccak(encode(["bytes32", "bytes32", "bytes32", "uint256", "address"], words))


def struct_hash(terms: Terms) -> bytes:
    """EIP-712's hashStruct of a claim."""
    items = keccak(b"".join(_item_hash(item) for item in terms.items))
    words = [
        CLAIM_TYPEHASH,
        keccak(terms.claim_id.encode()),
        keccak(terms.order_id.encode()),
        terms.recipient,
        items,
        terms.nonce,
        terms.deadline,
    ]
    return keccak(encode(["bytes32", "bytes32", "bytes32", "address", "bytes32", "uint256", "uint256"], words))


def _item_hash(item: Item) -> bytes:
    words = [ITEM_TYPEHASH, item.contract, item.token_id, item.quantity]
    return keccak(encode(["bytes32", "address", "uint256", "uint256"], words))


def _types(fields: Fields) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in fields]


def _message(terms: Terms) -> dict[str, Any]:
    return {
        "claimId": "0x" + keccak(terms.claim_id.encode()).hex(),
        "orderId": "0x" + keccak(terms.order_id.encode()).hex(),
        "recipient": terms.recipient,
        "items": [
            {"asset": item.contract, "tokenId": str(item.token_id), "quantity": str(item.quantity)}
            for item in terms.items
        ],
        "nonce": str(terms.nonce),
        "deadline": str(terms.deadline),
    }
