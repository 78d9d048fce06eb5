"""Acknowledged means committed; one failure is only its own; the thread outlives everything."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from sqlalchemy import Connection

from app.store import runs, series
from app.store.changes import Change
from app.store.database import Store
from app.store.records import Record
from app.store.writer import StoreClosed

Create = Callable[..., int]
Send = Callable[..., str]
MakePoints = Callable[..., Record]
HOURS = 10_000.0


@pytest.fixture
def slow_store(tmp_path: Path) -> Iterator[Store]:
    """A store whose group commit would wait for hours: what comes at once comes for a reason."""
    opened = Store(tmp_path / "slow", group_commit_s=HOURS)
    yield opened
    opened.close()


def claimed(store: Store) -> int:
    new = runs.RunNew(algorithm="a", environment="e", config={}, seed=1, total_steps=9)
    run = store.writer.do(lambda connection: runs.create(connection, new))
    store.writer.do(lambda connection: runs.claim(connection, run))
    return run


def claimed_again(store: Store, run: int) -> int:
    store.writer.do(lambda connection: runs.transition(connection, run, to="queued", expected=runs.ACTIVE))
    return store.writer.do(lambda connection: runs.claim(connection, run))


def submit(store: Store, run: int, *records: Record, attempt: int = 1) -> Future[str]:
    answer: Future[str] = Future()
    store.writer.submit(run, attempt, records, answer.set_result)
    return answer


def test_do_returns_the_result_after_commit(store: Store, create: Create) -> None:
    run = create(name="seen")
    with store.read() as connection:
        row = runs.get(connection, run)
    assert row is not None
    assert row.name == "seen"


def test_an_exception_is_raised_to_the_caller_and_rolls_back_only_its_work(store: Store, create: Create) -> None:
    kept = create(name="kept")

    def fail(connection: Connection) -> None:
        runs.patch(connection, kept, name="lost")
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        store.writer.do(fail)
    with store.read() as connection:
        assert runs.get(connection, kept).name == "kept"  # type: ignore[union-attr]


def test_works_of_one_commit_fail_alone(slow_store: Store, make_points: MakePoints) -> None:
    run, other = claimed(slow_store), claimed(slow_store)
    for each in (run, other):
        assert submit(slow_store, each, make_points([0.0])).result(30) == "committed"
    good = submit(slow_store, run, make_points([1.0], first_seq=1))
    bad = submit(slow_store, other, make_points([9.0], first_seq=99))
    last = submit(slow_store, run, make_points([2.0], first_seq=2))
    slow_store.writer.do(lambda connection: None)
    assert bad.result(30).startswith("failed: train/loss")
    assert (good.result(30), last.result(30)) == ("committed", "committed")
    with slow_store.read() as connection:
        assert series.read(connection, run)["train/loss"].values.tolist() == [0.0, 1.0, 2.0]


def test_after_a_lost_record_the_attempt_writes_nothing_more(slow_store: Store, make_points: MakePoints) -> None:
    """What follows in the same commit and what comes later is fenced: a run never finishes over a hole."""
    run = claimed(slow_store)
    assert submit(slow_store, run, make_points([0.0])).result(30) == "committed"
    lost = submit(slow_store, run, make_points([9.0], first_seq=99))
    end = submit(slow_store, run, Record("state", {"state": "finished", "step": 9}))
    assert lost.result(30).startswith("failed: train/loss")
    assert end.result(30) == "fenced"
    assert submit(slow_store, run, Record("state", {"state": "finished", "step": 9})).result(30) == "fenced"
    assert claimed_again(slow_store, run) == 2
    assert submit(slow_store, run, Record("state", {"state": "running"}), attempt=2).result(30) == "committed"


def test_first_points_and_states_do_not_wait_for_the_group(slow_store: Store, make_points: MakePoints) -> None:
    run = claimed(slow_store)
    assert submit(slow_store, run, make_points([0.0])).result(30) == "committed"
    later = submit(slow_store, run, make_points([1.0], first_seq=1))
    assert not later.done()
    assert submit(slow_store, run, Record("state", {"state": "running", "step": 0})).result(30) == "committed"
    assert later.result(30) == "committed"


def test_an_acknowledgement_comes_after_commit_and_after_the_listeners(store: Store, run: int, send: Send) -> None:
    order: list[str] = []

    def look(changes: list[Change]) -> None:
        with store.read() as connection:
            row = runs.get(connection, run)
        order.append(f"{[change.kind for change in changes]} {row.state if row else None}")

    store.writer.subscribe(look)
    answer: Future[str] = Future()

    def done(outcome: str) -> None:
        order.append(outcome)
        answer.set_result(outcome)

    store.writer.submit(run, 1, [Record("state", {"state": "running"})], done)
    answer.result(30)
    assert order == ["['run'] running", "committed"]


def test_changes_arrive_in_the_order_of_the_commits(store: Store, run: int, send: Send) -> None:
    seen: list[int] = []
    end = store.writer.subscribe(lambda changes: seen.extend(c.data["step"] for c in changes if "step" in c.data))
    for step in range(20):
        send(run, Record("progress", {"step": step}))
    end()
    send(run, Record("progress", {"step": 99}))
    assert seen == list(range(20))


def test_a_failed_work_announces_nothing(store: Store, run: int, send: Send) -> None:
    seen: list[Change] = []
    store.writer.subscribe(seen.extend)
    send(run, Record("progress", {"step": 1}), Record("nonsense", {}))
    assert seen == []


def test_a_broken_listener_or_callback_harms_nobody(store: Store, run: int, send: Send) -> None:
    def broken(_argument: object) -> None:
        raise RuntimeError("not the writer's fault")

    store.writer.subscribe(broken)
    store.writer.submit(run, 1, [Record("progress", {"step": 1})], broken)
    assert send(run, Record("progress", {"step": 2})) == "committed"


def test_a_full_disk_fails_the_works_and_the_writer_goes_on(
    store: Store, run: int, send: Send, make_points: MakePoints, caplog: pytest.LogCaptureFixture
) -> None:
    assert send(run, make_points([0.0])) == "committed"
    pages = store.writer.do(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    store.writer.do(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}") and None)
    answer = send(run, make_points(range(100_000), first_seq=1))
    assert answer.startswith("failed: ")
    assert "full" in answer
    store.writer.do(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=1000000") and None)
    assert claimed_again(store, run) == 2
    assert send(run, make_points(range(100_000), first_seq=1), attempt=2) == "committed"
    with store.read() as connection:
        assert series.cursors(connection, run) == {"train/loss": 100_001}


def test_a_failed_commit_fails_every_work_of_it_and_is_tried_afresh(
    slow_store: Store, make_points: MakePoints, caplog: pytest.LogCaptureFixture
) -> None:
    """The transaction is ended under the writer, as SQLite does on an input/output error."""
    run = claimed(slow_store)
    assert submit(slow_store, run, make_points([0.0])).result(30) == "committed"
    waiting = submit(slow_store, run, make_points([1.0], first_seq=1))

    def lose(connection: Connection) -> None:
        connection.connection.dbapi_connection.rollback()  # type: ignore[union-attr]
        raise OSError("the disk is gone")

    with caplog.at_level(logging.CRITICAL), pytest.raises(OSError, match="the disk is gone"):
        slow_store.writer.do(lose)
    assert waiting.result(30) == "failed: the disk is gone"
    with slow_store.read() as connection:
        assert series.cursors(connection, run) == {"train/loss": 1}
    assert claimed_again(slow_store, run) == 2
    again = (make_points([1.0], first_seq=1), Record("state", {"state": "running"}))
    assert submit(slow_store, run, *again, attempt=2).result(30) == "committed"


def test_do_from_a_listener_is_refused_instead_of_waiting_for_ever(store: Store, create: Create) -> None:
    refused: list[str] = []

    def listen(_changes: list[Change]) -> None:
        try:
            store.writer.do(lambda connection: None)
        except RuntimeError as error:
            refused.append(str(error))

    store.writer.subscribe(listen)
    create()
    assert "wait for itself" in refused[0]


def test_closing_commits_what_was_handed_in_and_takes_no_more(tmp_path: Path, make_points: MakePoints) -> None:
    opened = Store(tmp_path, group_commit_s=HOURS)
    run = claimed(opened)
    submit(opened, run, make_points([0.0])).result(30)
    waiting = submit(opened, run, make_points([1.0], first_seq=1))
    opened.close()
    assert waiting.result(0) == "committed"
    with pytest.raises(StoreClosed):
        opened.writer.do(lambda connection: None)


def test_many_threads_write_and_nothing_is_lost(store: Store, create: Create) -> None:
    made: list[int] = []
    threads = [threading.Thread(target=lambda: made.extend(create() for _ in range(10))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as connection:
        assert runs.queued(connection) == sorted(made)
    assert len(set(made)) == 80


def test_a_long_log_is_emptied(store: Store, run: int, send: Send, make_points: MakePoints, monkeypatch) -> None:
    monkeypatch.setattr("app.store.writer.LONG_WAL_BYTES", 0)
    send(run, make_points(range(5_000)))
    store.writer.do(lambda connection: None)
    store.close()
    log = Path(f"{store.path}-wal")
    assert not log.exists() or log.stat().st_size == 0
