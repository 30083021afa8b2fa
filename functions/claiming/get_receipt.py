"""Show the receipt of a claim: what was bought, paid and issued, signed so that anybody can verify it offline."""

from typing import Annotated

import msgspec

from functions.claiming.domain.receipt import content, state
from functions.claiming.ports import ReceiptWork
from functions.claiming.views import ClaimView
from shared.contracts.fields import ClaimId
from shared.contracts.operations import Caller, Request, View


class GetReceipt(Request):
    """The claim whose receipt to show."""

    claim_id: ClaimId


class ReceiptView(View):
    """A JWS (RFC 7515) in its compact form: RS256, typ receipt+jwt, a key of /.well-known/jwks.json."""

    receipt: Annotated[str, msgspec.Meta(examples=["eyJhbGciOiJSUzI1NiJ9.eyJvcmRlciI6e319.c2lnbmF0dXJl"])]
    """The signed receipt."""


def get_receipt(request: GetReceipt, caller: Caller, work: ReceiptWork) -> ReceiptView:
    """The receipt of the claim as it is now, the same bytes each time as long as the key that signed it is published.

    Raises NotFound, and Unavailable when there is none yet and the order service or the key does not answer.
    """
    with work.transaction() as reading:
        claim = reading.claims.get(request.claim_id, owner=caller.user_id)
        digest = ClaimView.of(claim).voucher.digest
        kept = reading.receipts.find(claim.id, state(claim, digest))
    if kept is None:
        signed = work.receipt_signer.sign(content(claim, digest, work.orders.for_receipt(claim.order_id)), work.now())
        with work.transaction() as keeping:
            kept = keeping.receipts.keep(claim.id, state(claim, digest), signed)
    return ReceiptView(kept)
