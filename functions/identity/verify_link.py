"""Link a further address to a user, who has signed with it."""

from functions.identity.address_proof import prove_address
from functions.identity.ports import IdentityWork
from shared.contracts.gen.identity_pb2 import VerifyLinkRequest, VerifyLinkResponse


def verify_link(request: VerifyLinkRequest, work: IdentityWork) -> VerifyLinkResponse:
    """Claim the address of a signed message for a user, who can sign in with it from now on.

    A retry of the same command succeeds again; another command with the same message is refused, as its nonce is used.
    Raises as a sign-in does; NotFound for an unknown user; AddressTaken for another user's address.
    """
    user = work.users.get(request.user_id)
    proof = prove_address(request.message, request.signature, work, request.command)
    work.users.link(user.id, proof.address, proof.contract_chain)
    return VerifyLinkResponse(address=proof.address, chain_id=proof.chain_id)
