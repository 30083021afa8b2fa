"""Proof of an address: by its key on every chain, by a contract on its own; for this site or an allowed one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from functions.identity.adapters.signatures import EthereumSignatures
from functions.identity.adapters.work import Work
from functions.identity.domain.errors import (
    AddressOfOtherChain,
    ChainUnavailable,
    NonceUnknown,
    NonceUsed,
    SignatureInvalid,
)
from functions.identity.domain.siwe import Site
from functions.identity.domain.users import Grants
from functions.identity.sign_in import SignIn, sign_in
from functions.identity.verify_link import verify_link
from shared.contracts.gen.identity_pb2 import VerifyLinkRequest
from shared.errors import Limited, Unavailable
from tests.clocks import FakeClock
from tests.functions.identity.fakes import ApiUser, FakeWork
from tests.functions.identity.test_ports import a_user
from tests.functions.identity.test_sign_in import enter, offered, refusal


class Contracts(EthereumSignatures):
    """Signatures where every contract accepts `0x01`, without any chain."""

    def __init__(self) -> None:
        super().__init__(lambda _: None, lambda _: None)

    def verify(self, address: str, chain_id: int, message: bytes, signature: bytes) -> int | None:
        return chain_id if signature == b"\1" else super().verify(address, chain_id, message, signature)


def by_contract(work: Any, person: ApiUser, chain_id: int) -> SignIn:
    """A sign-in that the contract at a user's address accepts."""
    return SignIn(message=person.signed(offered(work, person, chain_id))["message"], signature="0x01")


@pytest.fixture
def work(work: Any) -> Any:
    """Both works, with contracts."""
    work.__dict__["signatures"] = Contracts()
    return work


def test_a_contract_speaks_for_its_address_on_its_chain(work: Any, person: ApiUser) -> None:
    """A contract that signed in first is known by its chain; what has its address on another chain is somebody else."""
    user_id = sign_in(by_contract(work, person, 1), work).user_id
    assert sign_in(by_contract(work, person, 1), work).user_id == user_id
    with pytest.raises(AddressOfOtherChain):
        sign_in(by_contract(work, person, 31337), work)


def test_a_key_speaks_for_its_address_everywhere(work: Any, person: ApiUser) -> None:
    """Where the key signed first, or signs now, the chain does not matter: only the key can have put code there."""
    user_id = enter(work, person).user_id
    for chain_id in (1, 31337):
        assert sign_in(by_contract(work, person, chain_id), work).user_id == user_id
        assert enter(work, person, chain_id).user_id == user_id
    other = ApiUser()
    theirs = sign_in(by_contract(work, other, 1), work).user_id
    assert enter(work, other, 31337).user_id == theirs


def test_a_linked_contract_is_known_by_its_chain(work: Any, person: ApiUser) -> None:
    """Linking claims as a sign-in does."""
    user_id, wallet = enter(work, person).user_id, ApiUser()
    body = by_contract(work, wallet, 1)
    verify_link(VerifyLinkRequest(user_id=user_id, message=body.message, signature=body.signature), work)
    assert sign_in(by_contract(work, wallet, 1), work).user_id == user_id
    with pytest.raises(AddressOfOtherChain):
        sign_in(by_contract(work, wallet, 31337), work)


def test_two_contracts_race_for_an_address(work: Any, person: ApiUser) -> None:
    """The second one, from another chain, is refused, also when both claim at once."""
    sign_in(by_contract(work, person, 1), work)
    with pytest.raises(AddressOfOtherChain):
        work.users.create(replace(a_user(person.address), contract_chain=31337))


@pytest.mark.parametrize(
    ("operator", "is_one"), [("{address}", False), ("1:{address}", True), ("31337:{address}", False)]
)
def test_an_operator_that_is_a_contract_is_so_on_its_chain(
    operator: str, is_one: bool, work: Any, person: ApiUser
) -> None:
    """A contract at an operator's address on another chain is no operator, at sign-in and at refresh."""
    work.__dict__["grants"] = Grants(frozenset({operator.format(address=person.address.lower())}))
    user_id = sign_in(by_contract(work, person, 1), work).user_id
    for user in (work.users.get(user_id), work.users.of_address(person.address, 1)):
        assert ("operator" in work.grants.roles(user)) == is_one
    assert work.users.get(user_id).contract_chain == 1


def test_an_operator_with_a_key_is_no_contract(work: Any, person: ApiUser) -> None:
    """An account that is configured with a chain is the contract there, and an address alone is its key."""
    user = work.users.get(enter(work, person).user_id)
    assert "operator" in Grants(frozenset({person.address.lower()})).roles(user)
    assert "operator" not in Grants(frozenset({f"1:{person.address.lower()}"})).roles(user)


def test_a_user_of_before_is_known_by_the_claim(real_work: Work, person: ApiUser) -> None:
    """Users were stored without their contract's chain, which the claim of their address has."""
    real_work.__dict__["signatures"] = Contracts()
    user_id = sign_in(by_contract(real_work, person, 1), real_work).user_id
    document = real_work.resources.firestore().collection("users").document(user_id)
    kept = document.get().to_dict()
    document.set({name: value for name, value in kept.items() if name != "contract_chain"})
    assert real_work.users.get(user_id).contract_chain == 1


class CountingSignatures(EthereumSignatures):
    """Signatures on a chain that counts the calls of its contracts."""

    def __init__(self, admit: Callable[[str], None]) -> None:
        super().__init__(self._node, admit)
        self.calls = 0

    def _node(self, chain_id: int) -> Any:
        return self

    def call(self, *_: object, **__: object) -> bytes:
        """As ChainClient.call."""
        self.calls += 1
        return b""


@pytest.mark.parametrize("what", ["sign_in", "verify_link"])
def test_contracts_are_called_within_limits(what: str, work: Any, person: ApiUser) -> None:
    """The node is called only after the nonce was verified and used, and the call was counted."""
    counted: list[str] = []

    def admit(address: str) -> None:
        counted.append(address)
        if len(counted) > 2:
            raise Limited(9)

    user_id, stranger = enter(work, ApiUser()).user_id, ApiUser()
    signatures = work.__dict__["signatures"] = CountingSignatures(admit)

    def ask(message: str) -> None:
        signature = stranger.sign(message)
        if what == "sign_in":
            sign_in(SignIn(message=message, signature=signature), work)
        else:
            verify_link(VerifyLinkRequest(user_id=user_id, message=message, signature=signature), work)

    first = person.signed(offered(work, person))["message"]
    for refused in (SignatureInvalid, NonceUsed):
        with pytest.raises(refused):
            ask(first)
    with pytest.raises(NonceUnknown):
        ask(first.replace("Nonce: ", "Nonce: A"))
    assert (counted, signatures.calls) == ([person.address], 1)
    with pytest.raises(SignatureInvalid):
        ask(person.signed(offered(work, person))["message"])
    with pytest.raises(Limited):
        ask(person.signed(offered(work, person))["message"])
    assert signatures.calls == 2
    assert enter(work, person).user_id, "a user with a key needs no call, and is not limited"


def test_no_node_no_contracts(clock: FakeClock, person: ApiUser) -> None:
    """Where a chain has no node, what the key did not sign is refused, as nothing could vouch for it."""
    work = FakeWork(clock)
    assert refusal(work, {"message": person.signed(offered(work, person))["message"], "signature": "0x01"}) == (
        "SIGNATURE_INVALID"
    )


def test_a_node_that_is_down_lets_nobody_in(real_work: Work, person: ApiUser) -> None:
    """What only a contract could vouch for is 503 with a code of its own; who signs with a key does not notice."""
    down = structs.replace(real_work.settings, chain_urls={31337: "http://127.0.0.1:1"})
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
def test_sites_that_are_allowed(clock: FakeClock, person: ApiUser, change: dict[str, Any], code: str) -> None:
    """A message may be for a further site that the configuration names: domain, scheme and URI all of the same one."""
    work = FakeWork(clock)
    work.site = Site(work.site.url, work.site.chains, (SHOP, "http://third.example:8443"))
    body = person.signed(replace(offered(work, person), **change))
    if code:
        assert refusal(work, body) == code
    else:
        assert sign_in(SignIn(**body), work).user_id
