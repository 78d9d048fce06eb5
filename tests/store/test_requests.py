"""A key answers with the first run for 24 hours."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from app.store import runs
from app.store.clock import as_text
from app.store.database import Store
from app.store.requests import recall_request, remember_request
from app.store.tables import REQUESTS


def test_a_key_is_remembered_with_its_body_and_run(store: Store, run: int) -> None:
    store.writer.do(lambda connection: remember_request(connection, "key", "hash", run))
    with store.read() as connection:
        assert recall_request(connection, "key") == ("hash", run)
        assert recall_request(connection, "other") is None


def test_a_key_is_never_given_to_two_runs(store: Store, run: int) -> None:
    store.writer.do(lambda connection: remember_request(connection, "key", "hash", run))
    with pytest.raises(IntegrityError):
        store.writer.do(lambda connection: remember_request(connection, "key", "hash", run))


def test_a_key_is_forgotten_after_a_day(store: Store, run: int) -> None:
    old = as_text(datetime.now(UTC) - timedelta(hours=24, seconds=1))
    store.writer.do(lambda connection: remember_request(connection, "key", "hash", run))
    store.writer.do(lambda connection: connection.execute(update(REQUESTS).values(created=old)) and None)
    with store.read() as connection:
        assert recall_request(connection, "key") is None
    store.writer.do(lambda connection: remember_request(connection, "key", "new", run))
    with store.read() as connection:
        assert recall_request(connection, "key") == ("new", run)


def test_a_key_disappears_with_its_run(store: Store, run: int) -> None:
    store.writer.do(lambda connection: remember_request(connection, "key", "hash", run))
    store.writer.do(lambda connection: runs.transition(connection, run, to="stopped", expected=("starting",)))
    assert store.writer.do(lambda connection: runs.delete(connection, run))
    with store.read() as connection:
        assert recall_request(connection, "key") is None
