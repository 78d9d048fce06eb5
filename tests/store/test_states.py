"""The one transition table."""

from app.store import states


def test_no_terminal_state_has_a_way_out() -> None:
    assert all(not states.TRANSITIONS[state] for state in states.TERMINAL)


def test_every_state_has_a_row_and_every_open_state_can_end() -> None:
    assert set(states.TRANSITIONS) == set(states.STATES)
    assert all(states.TRANSITIONS[state] & set(states.TERMINAL) for state in states.OPEN)


def test_a_stop_cannot_be_undone() -> None:
    assert states.sources("running", states.STATES) == ["starting", "running", "pausing", "paused"]


def test_a_late_running_is_not_believed_while_pausing_or_stopping() -> None:
    assert not {"pausing", "stopping"} & set(states.BELIEVED["running"])


def test_a_worker_is_only_believed_where_the_table_allows_it() -> None:
    for to, believed in states.BELIEVED.items():
        assert states.sources(to, believed) == list(believed)
