"""The types of fields that many requests and views have, as the OpenAPI document shows them.

They document, and check nothing: operations answer a malformed id as they do an unknown one.
"""

from typing import Annotated, Any, Final

import msgspec

from shared import ids
from shared.money import DECIMALS

_ULID: Final = "01kb9p2t6c4v8x1m5n7q3r0s9w"


def example_id(prefix: str) -> str:
    """The id that examples have of a kind of thing, by its prefix."""
    return f"{prefix}_us_{_ULID}"


def _id(prefix: str) -> msgspec.Meta:
    kind = ids.PREFIXES[prefix]
    return msgspec.Meta(
        description=f"The id of {'an' if kind[0] in 'aeo' else 'a'} {kind}: `{prefix}_`, its home cell, and a ULID.",
        examples=[example_id(prefix)],
        extra_json_schema={"pattern": ids.pattern(prefix)},
    )


UserId = Annotated[str, _id("usr")]
WalletId = Annotated[str, _id("wal")]
OtherWalletId = Annotated[WalletId, msgspec.Meta(examples=[example_id("wal")[:-1] + "x"])]
"""A wallet beside another one, so that the two of an example differ."""

HoldId = Annotated[str, _id("hld")]
TransferId = Annotated[str, _id("trf")]
EntryId = Annotated[str, _id("ent")]
WithdrawalId = Annotated[str, _id("wdr")]
SupplyId = Annotated[str, _id("sup")]
OrderId = Annotated[str, _id("ord")]
OrderItemId = Annotated[str, _id("itm")]
ClaimId = Annotated[str, _id("clm")]
EventId = Annotated[str, _id("evt")]
WebhookId = Annotated[str, _id("whk")]
DeliveryId = Annotated[str, _id("dlv")]

UserFilter = Annotated[str, msgspec.Meta(examples=[example_id("usr")])]
WalletFilter = Annotated[str, msgspec.Meta(examples=[example_id("wal")])]
WebhookFilter = Annotated[str, msgspec.Meta(examples=[example_id("whk")])]
"""What operators filter by is of any form: nothing has what is no id."""

CurrencyCode = Annotated[str, msgspec.Meta(extra_json_schema={"enum": sorted(DECIMALS)})]
"""A currency in a view. A request has `shared.money.Currency`, which refuses others."""

ChainId = Annotated[
    int, msgspec.Meta(description="The chain, by its number in EIP-155: 1 is Ethereum.", examples=[31337])
]
"""The example is the local stack's chain, so that an example can be sent there as it is."""

TransactionHash = Annotated[
    str,
    msgspec.Meta(
        description="The hash of a transaction.",
        examples=["0x6ac6dd6f4bcb3f2c9ea1dcf3ddb55a1ef3ae1ab0b9b1d9f1d6d2ff8e1c0bd6a7"],
    ),
]
ShownAddress = Annotated[
    str,
    msgspec.Meta(
        description="An Ethereum address in its EIP-55 form.", examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"]
    ),
]
"""An address in a view; a request has `shared.contracts.operations.Address`."""

Hexadecimal = Annotated[str, msgspec.Meta(description="Bytes in hexadecimal, with 0x.", examples=["0x" + "1f" * 65])]

Version = Annotated[int, msgspec.Meta(description="How often it was changed, from 1; its ETag.", examples=[1])]
Units = Annotated[int, msgspec.Meta(description="A number of units.", examples=[2])]

EventData = Annotated[
    dict[str, Any], msgspec.Meta(examples=[{"order_id": example_id("ord"), "user_id": example_id("usr")}])
]
ReasonCode = Annotated[str, msgspec.Meta(examples=["SOLD_OUT"])]
"""An error code that says why something would be refused."""

EventType = Annotated[str, msgspec.Meta(description="A type of events.", examples=["order.paid"])]
Digest = Annotated[str, msgspec.Meta(description="32 bytes in hexadecimal, with 0x.", examples=["0x" + "2b" * 32])]
