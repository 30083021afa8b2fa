"""A cloud in a file: it keeps what was applied, and refuses what Google Cloud refuses.

What it holds against a change, since a plan does not tell of it:

- a name that is taken, as long as the resource of that name exists (409 alreadyExists);
- the removal of what another resource of Compute Engine's API still names (400 resourceInUseByAnotherResource);
- the removal of what is protected from deletion, also by the provider's default.

It knows no quotas and no permissions, and it changes nothing by itself.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

HELD: Final = ("google_compute_", "google_certificate_manager_", "google_network_services_")
"""The types of which nothing that is named by another one of them is removed."""

PROTECTED: Final[Mapping[str, str]] = {
    "google_cloud_run_v2_job": "deletion_protection",
    "google_cloud_run_v2_service": "deletion_protection",
    "google_cloud_run_v2_worker_pool": "deletion_protection",
    "google_redis_cluster": "deletion_protection_enabled",
    "google_sql_database_instance": "deletion_protection",
}
"""What is protected by default, and the argument that says otherwise."""

NUMBER: Final = "123456789012"
"""The number of the project."""

IDS: Final[Mapping[str, str]] = {
    "google_artifact_registry_repository": "projects/{project}/locations/{place}/repositories/{repository_id}",
    "google_dns_record_set": "projects/{project}/managedZones/{managed_zone}/rrsets/{name}/{type}",
    "google_kms_crypto_key": "{key_ring}/cryptoKeys/{name}",
    "google_kms_crypto_key_version": "{crypto_key}/cryptoKeyVersions/1",
    "google_kms_key_ring": "projects/{project}/locations/{place}/keyRings/{name}",
    "google_pubsub_subscription": "projects/{project}/subscriptions/{name}",
    "google_pubsub_topic": "projects/{project}/topics/{name}",
    "google_secret_manager_secret": "projects/{project}/secrets/{secret_id}",
    "google_service_account": "projects/{project}/serviceAccounts/{account_id}@{project}.iam.gserviceaccount.com",
}
"""Ids that code elsewhere parses; the others are made of type, place and name."""

ATTRIBUTES: Final[Mapping[tuple[str, str], str]] = {
    ("google_artifact_registry_repository", "name"): "{repository_id}",
    ("google_service_account", "email"): "{account_id}@{project}.iam.gserviceaccount.com",
    ("google_service_account", "member"): "serviceAccount:{account_id}@{project}.iam.gserviceaccount.com",
    ("google_cloud_run_v2_service", "uri"): "https://{name}-{number}.{place}.run.app",
    ("google_sql_database_instance", "connection_name"): "{project}:{place}:{name}",
    ("google_kms_crypto_key_version", "name"): "{crypto_key}/cryptoKeyVersions/1",
    ("google_secret_manager_secret", "name"): "projects/{number}/secrets/{secret_id}",
}
"""Values that code elsewhere parses, by type and attribute."""

NAMES: Final[Mapping[str, Any]] = {
    "address": "10.0.0.5",
    "ip_address": "10.0.0.5",
    "master_instance_name": "",
    "number": NUMBER,
    "port": 6379,
    "project_id": "{project}",
    "private_ip_address": "10.0.0.5",
}
"""The same by attribute alone."""

Values = dict[str, Any]


class Refused(Exception):
    """The cloud does not do that."""


class Maker:
    """Makes the values that a cloud would decide: the same for the same resource, in every run."""

    def __init__(self, kind: str, values: Values, project: str) -> None:
        """kind: the type. project: the provider's default one."""
        known = {name: value for name, value in values.items() if isinstance(value, str)}
        place = known.get("location") or known.get("region") or known.get("zone") or "global"
        self._known = {"project": project, **known, "number": NUMBER, "place": place}
        self._kind = kind
        self.id = self._id(values, place)

    def _id(self, values: Values, place: str) -> str:
        if self._kind in IDS:
            return IDS[self._kind].format(**self._known)
        if "id" in self._known:
            return self._known["id"]
        named = next((self._known[name] for name in ("name", "account_id", "secret_id") if self._known.get(name)), "")
        plain = {name: value for name, value in sorted(values.items()) if isinstance(value, str | int | bool)}
        digest = hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:12]
        parents = [self._known.get(name, "") for name in ("instance", "topic", "secret", "database")]
        return "/".join([self._kind, place, *(each for each in parents if each), named or digest])

    def make(self, name: str, kind: Any) -> Any:
        """The value of a computed attribute. kind: its type as Terraform writes it."""
        if name == "id":
            return self.id
        if kind == "string":
            template = ATTRIBUTES.get((self._kind, name), NAMES.get(name))
            if template is None and "email" in name:
                template = f"{name.replace('_', '-')}@{{project}}.iam.gserviceaccount.com"
            return f"{self.id}.{name}" if template is None else str(template).format(**self._known)
        if kind in ("number", "bool"):
            return NAMES.get(name, 0) if kind == "number" else False
        if kind[0] == "object":
            return {each: self.make(each, inner) for each, inner in kind[1].items()}
        if kind[0] == "map":
            return {}
        return [self.make(name, kind[1])] if kind[1][0] == "object" else []


class Cloud:
    """The resources, by their ids."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._path, timeout=60, isolation_level=None)
        try:
            database.execute("PRAGMA synchronous = OFF")
            database.execute("BEGIN IMMEDIATE")
            database.execute("CREATE TABLE IF NOT EXISTS resources (id TEXT PRIMARY KEY, kind TEXT, content TEXT)")
            yield database
            database.execute("COMMIT")
        finally:
            database.close()

    def put(self, kind: str, values: Values, *, new: bool) -> None:
        """Create or update a resource. Raises Refused if another one has its id."""
        with self._transaction() as database:
            row = (values["id"], kind, json.dumps(values))
            try:
                database.execute(f"INSERT {'' if new else 'OR REPLACE '}INTO resources VALUES (?, ?, ?)", row)
            except sqlite3.IntegrityError as error:
                raise Refused(f"Error 409: {values['id']} exists already, alreadyExists") from error

    def remove(self, kind: str, values: Values) -> None:
        """Remove a resource. Raises Refused if it is protected, or in use."""
        protection = PROTECTED.get(kind)
        if protection and values.get(protection) is not False:
            raise Refused(f"cannot destroy {values['id']} without setting {protection}=false")
        with self._transaction() as database:
            for user in self._users(database, kind, values["id"]):
                raise Refused(f"Error 400: {values['id']} is used by {user}, resourceInUseByAnotherResource")
            database.execute("DELETE FROM resources WHERE id = ?", (values["id"],))

    def _users(self, database: sqlite3.Connection, kind: str, id_: str) -> Iterator[str]:
        """The resources that name this one, by its id or by a value made of it, such as its self link."""
        if not kind.startswith(HELD):
            return
        found = database.execute("SELECT id, kind, content FROM resources WHERE id <> ?", (id_,)).fetchall()
        for other, its_kind, content in found:
            if its_kind.startswith(HELD) and (f'"{id_}"' in content or f'"{id_}.' in content):
                yield other
