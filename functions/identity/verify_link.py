"""Give a user one more address, for which they have signed."""

from functions.identity.ports import IdentityWork
from functions.identity.proving import prove
from shared.contracts.gen.identity_pb2 import VerifyLinkRequest, VerifyLinkResponse


def verify_link(request: VerifyLinkRequest, work: IdentityWork) -> VerifyLinkResponse:
    """Claim the address of a signed message for a user, who signs in with it from now on as with the first.

    Raises as a sign-in does, NotFound for an unknown user, and AddressTaken for an address of another's. The same
    command is answered as it was; another one, with the same message, finds its nonce used.
    """
    user = work.users.get(request.user_id)
    proof = prove(request.message, request.signature, work, request.command)
    work.users.link(user.id, proof.address, proof.contract_chain)
    return VerifyLinkResponse(address=proof.address, chain_id=proof.chain_id)
