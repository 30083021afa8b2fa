"""What the fields of events mean that webhooks and feeds show: a name means the same in every event.

Their types are those of the messages in *_events.proto.
"""

from typing import Any, Final

from shared.contracts.fields import example_id

HIDDEN: Final = frozenset({"terms", "stock", "Posting.user_id"})
"""What events say for other cells, or of others: nobody is shown it (functions/notification/domain/recipients.py)."""

_ADDRESS: Final = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"

FIELDS: Final[dict[str, tuple[str, Any]]] = {
    "account": ("The account whose balance changes: a wallet's id, or the name of an account of the house.", "fees"),
    "added": ("How many units were added.", 10),
    "address": ("The address of the buyer's wallet in its EIP-55 form.", _ADDRESS),
    "amount": ("An amount in atomic units, as a decimal string; in postings with a sign.", "1500000"),
    "chain_id": ("The chain, by its number in EIP-155.", 31337),
    "changed": ("The names of the fields that changed.", ["unit_price"]),
    "claim_id": ("The claim.", example_id("clm")),
    "code": ("Why, for a program: an error code, or the failure of a redemption.", "SOLD_OUT"),
    "contract": ("The contract of the token.", "0x5FbDB2315678afecb367f032d93F642f64180aa3"),
    "counterpart": ("The wallet of another cell on the other side; empty for none.", ""),
    "currency": ("The currency of the amounts.", "USDC"),
    "deposit_id": ("The deposit.", example_id("dep")),
    "detail": ("Why, for a person.", "The supply has fewer than 2 left."),
    "fee": ("What the wallet pays on top of the amount, in atomic units.", "100000"),
    "fee_bps": ("The platform's fee in basis points: hundredths of a percent.", 250),
    "hold_id": ("The hold of the order's funds; empty when there is nothing to pay.", example_id("hld")),
    "in_place_of": ("The closed wallet that the money was for, if another one got it; empty for none.", ""),
    "item_id": ("The line.", example_id("itm")),
    "items": ("The lines of the order.", None),
    "kind": ("What the transfer is for, as in the wallet's entries.", "transfer"),
    "limit": ("The limit that the allowlist gives the buyer; 0 for none.", 0),
    "listed": ("Whether the buyer is on the allowlist of the phase.", False),
    "merchant_id": ("The merchant who sells it.", example_id("usr")),
    "order_id": ("The order.", example_id("ord")),
    "payout_wallet_id": ("The merchant's wallet that the sale is paid to.", example_id("wal")),
    "payouts": ("What each of the merchant's wallets is due, before the fee.", None),
    "per_user_limit": ("How many units one buyer may have; 0 for no limit.", 0),
    "phase": ("The phase of the sale that was open; empty for none.", ""),
    "postings": ("What the transfer does to the user's own accounts, and to those of the house.", None),
    "quantity": ("How many units.", 2),
    "reason": ("Why, for a person.", "The contract refuses the call."),
    "reference": ("The note on the transfer; may be empty.", "Thanks"),
    "restock": ("Whether the units are for sale again.", False),
    "standard": ("The token standard that the contract implements.", "ERC-1155"),
    "status": ("The supply's status.", "active"),
    "supply_id": ("The supply.", example_id("sup")),
    "title": ("The supply's title.", "First light"),
    "to_address": ("Where the withdrawal is sent, in its EIP-55 form.", _ADDRESS),
    "token_id": ("The token's number within the contract: a uint256 as a decimal string.", "7"),
    "total": ("The sum of the order's lines in atomic units, as a decimal string.", "3000000"),
    "transaction_hash": ("The hash of the transaction.", "0x" + "6a" * 32),
    "transfer_id": ("The transfer.", example_id("trf")),
    "unit_price": ("The price of one unit in atomic units, as a decimal string.", "1500000"),
    "user_id": ("Whose event it is: the buyer of an order, the merchant of a supply.", example_id("usr")),
    "user_ids": ("The user who is told.", [example_id("usr")]),
    "wallet_id": ("The wallet.", example_id("wal")),
    "webhook_id": ("The webhook.", example_id("whk")),
    "withdrawal_id": ("The withdrawal.", example_id("wdr")),
}
"""Description and example of each field; None where the example is made of those of the parts."""
