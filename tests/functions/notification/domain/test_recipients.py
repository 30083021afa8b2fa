"""The recipients of an event: nobody sees another user's data."""

from functions.notification.domain.recipients import notices


def test_an_order_concerns_its_buyer_and_its_merchant() -> None:
    """Each once; the merchant's feed has what was sold, and not who tried in vain."""
    data = {"order_id": "ord", "user_id": "usr_b", "merchant_id": "usr_a"}
    assert [(n.user_id, n.in_feed) for n in notices("order.paid", data)] == [("usr_a", True), ("usr_b", True)]
    assert [(n.user_id, n.in_feed) for n in notices("order.failed", data)] == [("usr_a", False), ("usr_b", True)]
    own = {**data, "merchant_id": "usr_b"}
    assert [(n.user_id, n.in_feed) for n in notices("order.failed", own)] == [("usr_b", True)]


def test_a_claim_concerns_its_merchant_too() -> None:
    """The merchant's webhooks may subscribe to it; older claims reach only the buyer."""
    data = {"claim_id": "clm", "user_id": "usr_b", "merchant_id": "usr_a"}
    assert [(n.user_id, n.in_feed) for n in notices("claim.processed", data)] == [("usr_a", False), ("usr_b", True)]
    assert [n.user_id for n in notices("claim.failed", {**data, "merchant_id": ""})] == ["usr_b"]


def test_each_sees_their_own_side_of_a_transfer() -> None:
    """Neither the other's wallet, nor their identity; system accounts have no user."""
    postings = [
        {"account": "wal_a", "currency": "ETH", "amount": "-5", "user_id": "usr_a"},
        {"account": "wal_b", "currency": "ETH", "amount": "4", "user_id": "usr_b"},
        {"account": "fees", "currency": "ETH", "amount": "1", "user_id": ""},
    ]
    data = {"transfer_id": "trf", "kind": "transfer", "postings": postings, "user_ids": ["usr_a", "usr_b"]}
    first, second = notices("transfer.posted", data)
    shown = [{name: posting[name] for name in ("account", "currency", "amount")} for posting in postings]
    assert (first.user_id, first.data["user_ids"], first.data["postings"]) == ("usr_a", ["usr_a"], [shown[0], shown[2]])
    assert (second.user_id, second.data["user_ids"], second.data["postings"]) == (
        *("usr_b", ["usr_b"]),
        [shown[1], shown[2]],
    )


def test_a_step_of_something_else_is_not_in_the_feed() -> None:
    """order.paid and deposit.credited report their transfers; webhooks may subscribe to these anyway."""
    for kind, shown in (("capture", False), ("deposit", False), ("faucet", True), ("settlement", True)):
        data = {"kind": kind, "postings": [], "user_ids": ["usr"]}
        assert [n.in_feed for n in notices("transfer.posted", data)] == [shown]


def test_an_event_of_nobody_has_no_recipients() -> None:
    """An event without a user."""
    assert notices("supply.sold_out", {"supply_id": "sup", "user_id": ""}) == []
