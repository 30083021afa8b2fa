"""Users and their addresses in Firestore."""

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from functions.identity.domain.errors import AddressOfOtherChain, AddressTaken
from functions.identity.domain.events import RolesGranted, UserCreated
from functions.identity.domain.users import User, known_roles
from shared import ids
from shared.errors import Contended, NotFound
from shared.firestore.calls import call_options, guarded

if TYPE_CHECKING:
    from google.cloud.firestore import Client

    from shared.resilience.breaker import Breaker


class FirestoreUsers:
    """Users, and which user an address belongs to."""

    def __init__(self, client: "Client", breaker: "Breaker") -> None:
        """breaker: Firestore's."""
        self._client = client
        self._breaker = breaker

    def get(self, user_id: str) -> User:
        if not ids.valid(user_id, "usr"):
            raise NotFound("There is no such user.")
        with guarded(self._breaker):
            snapshot = self._client.collection("users").document(user_id).get(**call_options())
        if not snapshot.exists:
            raise NotFound("There is no such user.")
        fields = snapshot.to_dict() or {}
        if "contract_chain" not in fields:  # old users: only the document of the address has it
            fields["contract_chain"] = (self._claim(fields["address"]) or {})["contract_chain"]
        return _user(user_id, fields)

    def owner(self, address: str) -> str | None:
        claim = self._claim(address)
        return str(claim["user_id"]) if claim else None

    def of_address(self, address: str, contract_chain: int | None = None) -> User | None:
        claim = self._claim(address)
        if claim is None:
            return None
        # A key is the same on every chain. The address of a contract may be somebody else's contract on another chain,
        # unless its key has signed before: then only that key can have put code there (EIP-7702).
        if contract_chain is not None and claim.get("contract_chain") not in (None, contract_chain):
            raise AddressOfOtherChain
        return self.get(claim["user_id"])

    def create(self, user: User) -> User:
        from google.api_core.exceptions import AlreadyExists

        from shared.outbox.firestore import append

        batch = self._client.batch()
        batch.create(self._address(user.address), {"user_id": user.id, "contract_chain": user.contract_chain})
        batch.create(self._client.collection("users").document(user.id), _user_document(user))
        fact = UserCreated(user_id=user.id, address=user.address, home_region=user.home_region)
        append(self._client, batch, user.home_cell, user.created_at, user.id, user.version, fact)
        with guarded(self._breaker, writes=True), suppress(AlreadyExists):
            batch.commit(**call_options())
            return user
        winner = self.of_address(user.address, user.contract_chain)
        if winner is None:
            raise Contended
        return winner

    def link(self, user_id: str, address: str, contract_chain: int | None = None) -> None:
        from google.api_core.exceptions import AlreadyExists

        with guarded(self._breaker, writes=True), suppress(AlreadyExists):
            self._address(address).create({"user_id": user_id, "contract_chain": contract_chain}, **call_options())
            return
        if self.owner(address) != user_id:
            raise AddressTaken

    def grant(self, user: User, by: str, now: datetime) -> bool:
        from google.api_core.exceptions import AlreadyExists

        from shared.outbox.firestore import append

        batch = self._client.batch()
        batch.update(self._client.collection("users").document(user.id), _granted(user))
        fact = RolesGranted(user_id=user.id, roles=user.roles, granted_by=by)
        append(self._client, batch, user.home_cell, now, user.id, user.version, fact)
        with guarded(self._breaker, writes=True):
            try:
                batch.commit(**call_options())
            except AlreadyExists:
                return False
        return True

    def _address(self, address: str) -> Any:
        return self._client.collection("addresses").document(address.lower())

    def _claim(self, address: str) -> dict[str, Any] | None:
        with guarded(self._breaker):
            snapshot = self._address(address).get(**call_options())
        return snapshot.to_dict() if snapshot.exists else None


def _user(user_id: str, fields: dict[str, Any]) -> User:
    created_at = fields["created_at"]  # Firestore's own type, with nanoseconds
    return User(
        id=user_id,
        address=fields["address"],
        home_region=fields["home_region"],
        home_cell=fields["home_cell"],
        created_at=datetime.combine(created_at.date(), created_at.timetz()),
        contract_chain=fields["contract_chain"],
        roles=known_roles(fields["roles"]),
        version=fields["version"],
    )


def _user_document(user: User) -> dict[str, Any]:
    return {
        "user_id": user.id,
        "address": user.address,
        "home_region": user.home_region,
        "home_cell": user.home_cell,
        "created_at": user.created_at,
        "contract_chain": user.contract_chain,
        **_granted(user),
    }


def _granted(user: User) -> dict[str, Any]:
    return {"roles": list(user.roles), "version": user.version}
