"""The whole documents of cells: every change is a compare-and-set, whoever else makes one."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from google.cloud.firestore import Client

from shared.cells.record import CellRecord, designated, opened, promoted, renewed
from shared.config import Settings
from shared.errors import Unavailable
from shared.firestore.cell_records import CellRecords
from shared.firestore.cells import COLLECTION, FirestoreCells, ServedCell
from shared.resilience.breakers import Breakers
from tests.races import at_once

HERE, THERE = "us-central1", "europe-west1"
REGIONS = {"us": HERE}


@pytest.fixture
def client(settings: Settings) -> Client:
    """The emulator, in a project of its own."""
    return Client(project=f"{settings.project}-{secrets.token_hex(4)}")


def records(client: Client) -> CellRecords:
    """The records as one process sees them."""
    return CellRecords(lambda: client, Breakers().of("firestore"), REGIONS)


def renew(store: CellRecords, holder: str = "keeper") -> CellRecord | None:
    return store.change("us", lambda record: renewed(record, HERE, 1, holder))


def test_a_cell_begins_where_the_registry_says(client: Client) -> None:
    store = records(client)
    assert store.read("us") == CellRecord("us", HERE)
    assert renew(store) == CellRecord("us", HERE, renewal=1, holder="keeper")
    assert records(client).read("us") == CellRecord("us", HERE, renewal=1, holder="keeper")


def test_requests_read_the_same_documents(client: Client) -> None:
    """And a document that has only what they need is a record."""
    client.collection(COLLECTION).document("us").set({"region": THERE, "epoch": 3})
    store = records(client)
    assert store.read("us") == CellRecord("us", THERE, epoch=3)
    assert renew(store) is None
    store.change("us", lambda record: designated(record, 3, 0, HERE))
    after = store.change("us", lambda record: promoted(record, record, HERE, "promoter"))
    assert after is not None and after.opening
    assert FirestoreCells(lambda: client, Breakers().of("firestore")).read() == {"us": ServedCell("us", HERE, 4)}
    assert store.change("us", lambda record: opened(record, 4)) == records(client).read("us")


def test_others_changes_are_seen(client: Client) -> None:
    """What a process remembers only saves it a read: a change by another one is noticed by the comparison."""
    one, other = records(client), records(client)
    renew(one, "one")
    renew(other, "other")
    after = renew(one, "one")
    assert after is not None and after.renewal == 3
    seen = one.read("us")
    one.change("us", lambda record: designated(record, 1, 0, THERE))
    assert other.change("us", lambda record: promoted(record, seen, THERE, "promoter")) is None
    assert other.change("us", lambda record: promoted(record, record, THERE, "promoter")) is not None
    assert renew(one) is None


def test_one_of_several_promoters_wins(client: Client) -> None:
    seen = records(client).change("us", lambda record: designated(record, 1, 0, THERE))
    assert seen is not None

    def promote() -> CellRecord | None:
        return records(client).change("us", lambda record: promoted(record, seen, THERE, secrets.token_hex(4)))

    winners = [each for each in at_once([promote] * 4) if isinstance(each, CellRecord)]
    assert winners == [records(client).read("us")]
    assert winners[0].epoch == 2


def test_every_renewal_counts(client: Client) -> None:
    """Two keepers of one region, as during a rollout, lose no renewal to one another."""
    stores = [records(client), records(client)]
    at_once([lambda store=store: [renew(store) for _ in range(5)] for store in stores])  # type: ignore[misc]
    assert records(client).read("us").renewal == 10


def test_a_store_that_is_away_is_unavailable(client: Client) -> None:
    """And changes nothing; afterwards the change is made on what there is then."""
    store = records(client)
    renew(store)
    with hung(store), pytest.raises(Unavailable):
        renew(store)
    after = renew(store)
    assert after is not None and after.renewal == 2


@contextmanager
def hung(store: CellRecords) -> Iterator[None]:
    """A store whose server is not there."""
    from google.auth.credentials import AnonymousCredentials

    known = store._client
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
        away = Client(project="away", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
        patched.setattr(store, "_client", lambda: away)
        yield
    assert store._client is known
