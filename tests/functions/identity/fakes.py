"""Identity's ports in memory, and a user with a key. test_ports.py runs the same suite on these and on Firestore."""

import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from functions.identity.adapters.signatures import EthereumSignatures
from functions.identity.domain.errors import AddressOfOtherChain, AddressTaken
from functions.identity.domain.nonces import Nonces
from functions.identity.domain.sessions import RefreshTokens, Session
from functions.identity.domain.siwe import Message, Site, render
from functions.identity.domain.users import Grants, User
from functions.identity.views import KeyView
from shared import ids
from shared.chain import ethereum
from shared.errors import NotFound
from tests.clocks import FakeClock

SITE = Site("https://shop.example", frozenset({1, 31337}))


@dataclass
class ApiUser:
    """Someone with a private key."""

    key: bytes = field(default_factory=lambda: (secrets.randbits(255) + 1).to_bytes(32))

    @property
    def address(self) -> str:
        """The address of the key, in its EIP-55 form."""
        return ethereum.address_of(self.key)

    def sign(self, message: str) -> str:
        """A signature by personal_sign."""
        return "0x" + ethereum.sign(ethereum.personal_digest(message.encode()), self.key).hex()

    def signed(self, message: Message) -> dict[str, str]:
        """The body of a sign-in with a message."""
        text = render(message)
        return {"message": text, "signature": self.sign(text)}


class FakeNonceUses:
    """Used nonces, and for which command."""

    def __init__(self) -> None:
        self.used: dict[str, str] = {}
        self._lock = threading.Lock()

    def consume(self, nonce: str, expires_at: datetime, command: str = "") -> bool:
        with self._lock:
            first = nonce not in self.used
            used_for = self.used.setdefault(nonce, command)
            return first or (used_for == command != "")


class FakeUsers:
    """Users in dictionaries."""

    def __init__(self) -> None:
        self.created: list[User] = []
        self._by_id: dict[str, User] = {}
        self._by_address: dict[str, tuple[str, int | None]] = {}
        self._lock = threading.Lock()

    def get(self, user_id: str) -> User:
        if user_id not in self._by_id:
            raise NotFound
        return self._by_id[user_id]

    def owner(self, address: str) -> str | None:
        return self._by_address.get(address.lower(), (None, None))[0]

    def of_address(self, address: str, contract_chain: int | None = None) -> User | None:
        user_id, claimed = self._by_address.get(address.lower(), (None, None))
        if contract_chain is not None and claimed not in (None, contract_chain):
            raise AddressOfOtherChain
        return self._by_id[user_id] if user_id else None

    def create(self, user: User) -> User:
        with self._lock:
            known = self.of_address(user.address, user.contract_chain)
            if known is not None:
                return known
            self._by_address[user.address.lower()] = user.id, user.contract_chain
            self._by_id[user.id] = user
            self.created.append(user)
            return user

    def link(self, user_id: str, address: str, contract_chain: int | None = None) -> None:
        with self._lock:
            if self._by_address.setdefault(address.lower(), (user_id, contract_chain))[0] != user_id:
                raise AddressTaken

    def grant(self, user: User, by: str, now: datetime) -> bool:
        with self._lock:
            if self._by_id[user.id].version >= user.version:
                return False
            self._by_id[user.id] = user
            return True


class FakeSessions:
    """Sessions in a dictionary, each with a revision."""

    def __init__(self) -> None:
        self._by_id: dict[str, Session] = {}
        self._lock = threading.Lock()

    def open(self, session: Session) -> None:
        self._by_id[session.id] = replace(session, revision=1)

    def get(self, session_id: str) -> Session | None:
        return self._by_id.get(session_id)

    def rotate(self, session: Session) -> bool:
        with self._lock:
            known = self._by_id.get(session.id)
            if known is None or known.revision != session.revision:
                return False
            self._by_id[session.id] = replace(session, revision=known.revision + 1)  # type: ignore[operator]
            return True

    def revoke(self, session: Session, at: datetime, reason: str) -> None:
        with self._lock:
            known = self._by_id.get(session.id)
            if known is not None and known.revoked_at is None:
                self._by_id[session.id] = replace(known, revoked_at=at, revision=known.revision + 1)  # type: ignore[operator]


class FakeTokens:
    """Access tokens that say what they are, so that tests can read them."""

    life_seconds = 600

    def issue(self, user_id: str, session_id: str, scopes: Sequence[str], now: datetime) -> str:
        return f"{user_id}/{session_id}/{' '.join(scopes)}"


class FakeKeys:
    """One key."""

    def published(self, now: datetime) -> list[KeyView]:
        return [KeyView(kty="RSA", use="sig", alg="RS256", kid="k", n="AQAB", e="AQAB")]


class FakeWallets:
    """Records its calls; raises `failure` while that is set."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str, int]] = []
        self.failure: Exception | None = None

    def open_default(self, user: User, chain_id: int) -> None:
        if self.failure:
            raise self.failure
        self.opened.append((user.id, user.address, chain_id))


class FakeWork:
    """Identity's work in memory."""

    home_region = "us-central1"
    cell = "us"
    cells: tuple[str, ...] = ("us",)

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.site = SITE
        self.grants = Grants()
        self.nonces = Nonces(b"n" * 32)
        self.refresh_tokens = RefreshTokens(b"r" * 32)
        self.nonce_uses = FakeNonceUses()
        self.users = FakeUsers()
        self.sessions = FakeSessions()
        self.signatures = EthereumSignatures(lambda _: None, lambda _: None)
        self.access_tokens = FakeTokens()
        self.keys = FakeKeys()
        self.wallets = FakeWallets()
        self.people: dict[str, str] = {}

    def now(self) -> datetime:
        return self.clock.now()

    def new_id(self, prefix: str) -> str:
        return ids.new(prefix, self.cell)

    def home_of(self, address: str) -> str:
        return self.cells[int(address, 16) % len(self.cells)]

    def local_address(self, person: str) -> str:
        return self.people[person]

    def random(self, count: int) -> bytes:
        return secrets.token_bytes(count)
