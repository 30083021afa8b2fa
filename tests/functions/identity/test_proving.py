"""Who speaks for an address: its key everywhere, a contract on its own chain; on this site, or one that is allowed."""

from dataclasses import replace
from typing import Any

import pytest

from functions.identity.domain.errors import AddressOfOtherChain, ChainUnavailable
from functions.identity.domain.siwe import Site
from functions.identity.sign_in import SignIn, sign_in
from functions.identity.store import Work
from functions.identity.store.signatures import AccountSignatures
from functions.identity.verify_link import verify_link
from shared.contracts.gen.identity_pb2 import VerifyLinkRequest
from shared.errors import Unavailable
from tests.clocks import FakeClock
from tests.functions.identity.fakes import FakeWork, Person
from tests.functions.identity.test_ports import a_user
from tests.functions.identity.test_sign_in import enter, offered, refusal


class Contracts(AccountSignatures):
    """Signatures where every contract vouches for `0x01`, as if a chain had been asked."""

    def __init__(self) -> None:
        super().__init__(lambda _: None)

    def verify(self, address: str, chain_id: int, message: bytes, signature: bytes) -> int | None:
        return chain_id if signature == b"\1" else super().verify(address, chain_id, message, signature)


def by_contract(work: Any, person: Person, chain_id: int) -> SignIn:
    """A sign-in for which the contract at somebody's address vouches."""
    return SignIn(message=person.signed(offered(work, person, chain_id))["message"], signature="0x01")


@pytest.fixture
def work(work: Any) -> Any:
    """Both works, with contracts."""
    work.__dict__["signatures"] = Contracts()
    return work


def test_a_contract_speaks_for_its_address_on_its_chain(work: Any, person: Person) -> None:
    """A contract that signed in first is known by its chain; what has its address on another chain is somebody else."""
    user_id = sign_in(by_contract(work, person, 1), work).user_id
    assert sign_in(by_contract(work, person, 1), work).user_id == user_id
    with pytest.raises(AddressOfOtherChain):
        sign_in(by_contract(work, person, 31337), work)


def test_a_key_speaks_for_its_address_everywhere(work: Any, person: Person) -> None:
    """Where the key signed first, or signs now, the chain does not matter: only the key can have put code there."""
    user_id = enter(work, person).user_id
    for chain_id in (1, 31337):
        assert sign_in(by_contract(work, person, chain_id), work).user_id == user_id
        assert enter(work, person, chain_id).user_id == user_id
    other = Person()
    theirs = sign_in(by_contract(work, other, 1), work).user_id
    assert enter(work, other, 31337).user_id == theirs


def test_a_linked_contract_is_known_by_its_chain(work: Any, person: Person) -> None:
    """Linking claims as a sign-in does."""
    user_id, wallet = enter(work, person).user_id, Person()
    body = by_contract(work, wallet, 1)
    verify_link(VerifyLinkRequest(user_id=user_id, message=body.message, signature=body.signature), work)
    assert sign_in(by_contract(work, wallet, 1), work).user_id == user_id
    with pytest.raises(AddressOfOtherChain):
        sign_in(by_contract(work, wallet, 31337), work)


def test_two_contracts_race_for_an_address(work: Any, person: Person) -> None:
    """Whoever comes second from another chain is refused, at the claim itself too."""
    sign_in(by_contract(work, person, 1), work)
    with pytest.raises(AddressOfOtherChain):
        work.users.create(a_user(person.address), 31337)


def test_no_node_no_contracts(clock: FakeClock, person: Person) -> None:
    """Where a chain has no node, what the key did not sign is refused, as nothing could vouch for it."""
    work = FakeWork(clock)
    assert refusal(work, {"message": person.signed(offered(work, person))["message"], "signature": "0x01"}) == (
        "SIGNATURE_INVALID"
    )


def test_a_node_that_is_down_lets_nobody_in(real_work: Work, person: Person) -> None:
    """What only a contract could vouch for is 503 with a code of its own; who signs with a key does not notice."""
    down = replace(real_work.settings, chain_urls={31337: "http://127.0.0.1:1"})
    resources = type(real_work.resources)(down, real_work.resources.clock)
    work = Work(resources, "identity")
    work.__dict__["wallets"] = real_work.wallets
    message = person.signed(offered(work, person, 31337))["message"]
    with pytest.raises(ChainUnavailable) as refused:
        sign_in(SignIn(message=message, signature="0x" + "ab" * 65), work)
    assert isinstance(refused.value, Unavailable)
    assert refused.value.code == "CHAIN_UNAVAILABLE"
    assert enter(work, person, 31337).user_id
    assert work.users.owner(person.address)
    resources.firestore().close()


SHOP = "https://window.example"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"domain": "window.example", "uri": SHOP}, ""),
        ({"domain": "window.example", "uri": SHOP, "scheme": "https"}, ""),
        ({"domain": "window.example"}, "URI_MISMATCH"),
        ({"uri": SHOP}, "URI_MISMATCH"),
        ({"domain": "window.example", "uri": SHOP, "scheme": "http"}, "SCHEME_MISMATCH"),
        ({"domain": "window.example", "uri": "http://window.example"}, "URI_MISMATCH"),
        ({"domain": "third.example", "uri": "https://third.example"}, "DOMAIN_MISMATCH"),
        ({"domain": "third.example:8443", "uri": "http://third.example:8443", "scheme": "http"}, ""),
        ({"domain": "third.example:8443", "uri": "http://third.example:8443", "scheme": "https"}, "SCHEME_MISMATCH"),
    ],
)
def test_sites_that_are_allowed(clock: FakeClock, person: Person, change: dict[str, Any], code: str) -> None:
    """A message may be for a further site that the configuration names: domain, scheme and URI all of the same one."""
    work = FakeWork(clock)
    work.site = Site(work.site.url, work.site.chains, (SHOP, "http://third.example:8443"))
    body = person.signed(replace(offered(work, person), **change))
    if code:
        assert refusal(work, body) == code
    else:
        assert sign_in(SignIn(**body), work).user_id
