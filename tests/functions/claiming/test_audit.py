"""The audit of claims: what breaks an invariant is found, and named by the claim."""

from collections.abc import Callable

import pytest

from tests.functions.claiming.conftest import Bought

KEPT = ("status", "recipient", "voucher", "transaction_hash", "processed_at", "due_at", "order_id")


@pytest.mark.parametrize(
    ("invariant", "change"),
    [
        ("claims_are_handed_out_once", "status = 'open', voucher = NULL"),
        ("claims_are_what_was_told", "status = 'failed'"),
        ("claims_are_what_was_told", "status = 'processed', transaction_hash = '0x00', processed_at = now()"),
        ("orders_have_one_claim", "order_id = 'ord_us_' || id"),
        ("processed_claims_have_a_transaction", "status = 'processed', transaction_hash = '0x0', processed_at = now()"),
        ("vouchers_are_of_what_is_claimed", "recipient = NULL"),
        ("vouchers_are_of_what_is_claimed", "status = 'voided', voucher = NULL"),
        ("attempts_are_awaited_or_due", "status = 'processing', due_at = NULL"),
    ],
)
def test_what_was_tampered_with_is_found(buy: Callable[..., Bought], invariant: str, change: str) -> None:
    """A claim that nothing of ours could have made so; and nothing is found once it is as it was."""
    bought = buy()
    claim_id, probe = bought.claim()[0].id, bought.isolated.probe

    def broken() -> set[str]:
        found = (violation.split(": ", 1) for violation in bought.isolated.violations())
        return {name for name, rest in found if claim_id in rest}

    assert broken() == set()
    (before,) = probe.rows("claiming", f"SELECT {', '.join(KEPT)} FROM claims WHERE id = :id", id=claim_id)
    probe.rows("claiming", f"UPDATE claims SET {change} WHERE id = :id RETURNING id", id=claim_id)
    try:
        assert invariant in broken()
    finally:
        back = ", ".join(f"{name} = :{name}" for name in KEPT)
        probe.rows("claiming", f"UPDATE claims SET {back} WHERE id = :id RETURNING id", id=claim_id, **before)
    assert broken() == set()
