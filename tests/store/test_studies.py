"""Studies: planned runs wait, become runs, or are given up."""

from app.store import studies
from app.store.database import Store
from app.store.studies import Planned


def planned() -> list[Planned]:
    return [
        Planned(place=0, stage="first", seed=3, parent=None, plan={"total_steps": 5}),
        Planned(place=1, stage="second", seed=3, parent=0, plan={"total_steps": 7}),
    ]


def test_planned_runs_wait_until_they_are_queued_or_given_up(store: Store) -> None:
    do = store.writer.do
    study = do(lambda c: studies.create(c, recipe="r", name="A question", key="k", planned=planned()))
    with store.read() as connection:
        first, second = studies.waiting(connection)
        assert (first.study, first.parent, second.parent, second.plan) == (study, None, 0, {"total_steps": 7})
        assert studies.of_key(connection, "k") == study
        assert studies.of_key(connection, "other") is None
    do(lambda c: studies.begun(c, first, 12))
    do(lambda c: studies.give_up(c, second, "run 12 has failed"))
    with store.read() as connection:
        assert studies.waiting(connection) == []
        assert [(item.run, item.problem) for item in studies.planned(connection, study)] == [
            (12, None), (None, "run 12 has failed"),
        ]  # fmt: skip


def test_a_stopped_study_starts_nothing_more_and_a_removed_one_leaves_no_plans(store: Store) -> None:
    do = store.writer.do
    study = do(lambda c: studies.create(c, recipe="r", name="A question", key=None, planned=planned()))
    do(lambda c: studies.stop(c, study, "stopped"))
    with store.read() as connection:
        row = studies.get(connection, study)
        assert row is not None
        assert row.stopped is not None
        assert studies.waiting(connection) == []
        assert [item.id for item in studies.list_(connection, 5)] == [study]
    assert do(lambda c: studies.remove(c, study))
    assert not do(lambda c: studies.remove(c, study))
    with store.read() as connection:
        assert studies.planned(connection, study) == []
        assert studies.count(connection) == 0
