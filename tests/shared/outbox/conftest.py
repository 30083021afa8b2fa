"""Shared by the tests of event store, outbox and inbox."""

import pytest

from shared.postgres.database import Database


@pytest.fixture
def nothing_unsent(database: Database) -> None:
    """What other tests have left behind counts as published."""
    with database.transaction() as transaction:
        transaction.count("delete from unsent", {})
