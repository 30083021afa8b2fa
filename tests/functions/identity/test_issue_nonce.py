"""Nonces, and the messages that carry them."""

from typing import Any

import pytest

from functions.identity.domain.siwe import parse
from functions.identity.issue_nonce import IssueNonce, issue_nonce
from shared.errors import Malformed
from tests.clocks import START, FakeClock
from tests.functions.identity.fakes import ApiUser, FakeWork

LOWER = "0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359"
CANONICAL = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"


@pytest.mark.parametrize("address", [LOWER, "0x" + LOWER[2:].upper(), CANONICAL])
def test_the_message_is_ready_to_sign(address: str, clock: FakeClock) -> None:
    """The message is a complete EIP-4361 text for this site, with the address in its EIP-55 form."""
    work = FakeWork(clock)
    view = issue_nonce(IssueNonce(address=address, chain_id=31337), work)
    message = parse(view.message, work.signatures.checksum)
    issued_at = START.replace(microsecond=0)
    assert (message.domain, message.uri, message.address) == ("shop.example", "https://shop.example", CANONICAL)
    assert (message.chain_id, message.nonce, message.issued_at) == (31337, view.nonce, issued_at)
    assert message.expiration_time == view.expires_at
    assert (view.expires_at - issued_at).total_seconds() == 300


@pytest.mark.parametrize(
    "address",
    [
        "0xFb6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        LOWER[2:],
        LOWER + "0",
        LOWER[:-1],
        LOWER + "\n",
        "0X" + LOWER[2:],
        LOWER[:-1] + "g",
        LOWER[:-1] + "\u0661",
        "",
    ],
)
def test_a_wrong_address_is_malformed(address: str, clock: FakeClock) -> None:
    """Mixed case that is not the checksum, and whatever is not 0x and 40 hexadecimal digits, names its field."""
    with pytest.raises(Malformed) as refused:
        issue_nonce(IssueNonce(address=address, chain_id=1), FakeWork(clock))
    assert refused.value.errors[0]["field"] == "address"


@pytest.mark.parametrize("chain_id", [0, -1, 2, 10**90])
def test_another_chain_is_malformed(chain_id: int, clock: FakeClock) -> None:
    """A chain that is not allowed here is refused, naming its field."""
    with pytest.raises(Malformed) as refused:
        issue_nonce(IssueNonce(address=LOWER, chain_id=chain_id), FakeWork(clock))
    assert refused.value.errors[0]["field"] == "chain_id"


def test_issuing_writes_nothing(work: Any, person: ApiUser) -> None:
    """A flood of requests for nonces costs no storage: none of them is a write, and no two nonces are the same."""
    issued = {issue_nonce(IssueNonce(address=person.address, chain_id=1), work).nonce for _ in range(50)}
    assert len(issued) == 50
    if isinstance(work, FakeWork):
        assert not work.nonce_uses.used
    else:
        assert list(work.resources.firestore().collections()) == []
