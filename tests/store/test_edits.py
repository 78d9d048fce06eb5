"""Edits are stored before they take effect, and their step once."""

from app.store import edits, events, runs
from app.store.database import Store


def test_an_edit_has_no_step_until_it_takes_effect(store: Store, run: int) -> None:
    number = store.writer.do(lambda connection: edits.add(connection, run, {"alpha": 0.1}))
    with store.read() as connection:
        found = edits.list_(connection, run)
    assert [(edit["id"], edit["step"], edit["config"]) for edit in found] == [(number, None, {"alpha": 0.1})]


def test_the_first_effective_step_stays(store: Store, run: int) -> None:
    number = store.writer.do(lambda connection: edits.add(connection, run, {"alpha": 0.1}))
    set_step = lambda step: store.writer.do(lambda c: edits.set_step(c, run, edit=number, step=step))  # noqa: E731
    assert set_step(70)
    assert not set_step(80)
    with store.read() as connection:
        assert edits.list_(connection, run)[0]["step"] == 70


def test_an_edit_of_another_run_is_left_alone(store: Store, run: int, create) -> None:
    number = store.writer.do(lambda connection: edits.add(connection, run, {}))
    other = create()
    assert not store.writer.do(lambda connection: edits.set_step(connection, other, edit=number, step=1))


def test_a_refused_edit_is_answered_once_and_changes_nothing(store: Store, run: int) -> None:
    do = store.writer.do
    kept = do(lambda connection: edits.add(connection, run, {"alpha": 0.1}))
    number = do(lambda connection: edits.add(connection, run, {"alpha": 0.9}))
    for edit, values in ((kept, {"alpha": 0.1}), (number, {"alpha": 0.9})):
        do(lambda connection, values=values: runs.edit_config(connection, run, values))
        assert edit
    do(lambda connection: runs.refuse_edit(connection, run, edit=number, reason="too late"))
    with store.read() as connection:
        row = runs.get(connection, run)
        assert row is not None
        assert row.config_now["alpha"] == 0.1
        assert [edit["refused"] for edit in edits.list_(connection, run)] == [None, "too late"]
        (event,) = events.list_(connection, run)
    assert (event["event"], event["text"], event["data"]) == ("warning", "too late", {"id": number, "refused": True})
    assert not do(lambda connection: edits.set_step(connection, run, edit=number, step=3))


def test_what_nobody_answered_is_refused_when_the_run_ends(store: Store, run: int) -> None:
    do = store.writer.do
    number = do(lambda connection: edits.add(connection, run, {"slip": 0.5}, kind=edits.ENVIRONMENT))
    do(lambda connection: runs.edit_world(connection, run, {"slip": 0.5}))
    with store.read() as connection:
        assert runs.get(connection, run).environment_config_now["slip"] == 0.5  # type: ignore[union-attr]
        state = runs.get(connection, run).state  # type: ignore[union-attr]
    assert do(lambda connection: runs.transition(connection, run, to="stopped", expected=(state,)))
    with store.read() as connection:
        row = runs.get(connection, run)
        assert row is not None
        assert row.environment_config_now == row.environment_config
        assert "The run ended" in edits.list_(connection, run)[0]["refused"]
        assert not edits.unanswered(connection, run)
    assert number


def test_changes_before_a_step_are_those_in_force_there(store: Store, run: int) -> None:
    do = store.writer.do
    for step, slip in ((100, 0.1), (200, 0.2)):
        number = do(lambda connection, slip=slip: edits.add(connection, run, {"slip": slip}, kind=edits.ENVIRONMENT))
        do(lambda connection, number=number, step=step: edits.set_step(connection, run, edit=number, step=step))
    do(lambda connection: edits.add(connection, run, {"alpha": 0.7}))
    with store.read() as connection:
        seen = [edits.changes(connection, run, edits.ENVIRONMENT, before=step) for step in (100, 101, 201)]
        assert edits.changes(connection, run, edits.CONFIG) == {"alpha": 0.7}
    assert seen == [{}, {"slip": 0.1}, {"slip": 0.2}]
