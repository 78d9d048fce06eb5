"""Edits are stored before they take effect, and their step once."""

from app.store import edits
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
