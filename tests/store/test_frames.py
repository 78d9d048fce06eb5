"""Frames and weights of the past: found by step, bounded."""

import numpy as np
import pytest

from app.store import frames
from app.store.database import Store


def put(store: Store, run: int, step: int, value: float, panel: str = "grid_values") -> bool:
    arrays = {"v": np.full(4, value, np.float32)}
    return store.writer.do(
        lambda connection: frames.put(connection, run, panel=panel, step=step, meta={"rows": 2}, arrays=arrays)
    )


def value_at(store: Store, run: int, step: int | None) -> tuple[int, float] | None:
    with store.read() as connection:
        found = frames.get(connection, run, "grid_values", step)
    return (found.step, float(found.arrays["v"][0])) if found else None


def test_a_frame_is_found_at_or_before_the_step(store: Store, run: int) -> None:
    put(store, run, 10, 1.0)
    put(store, run, 20, 2.0)
    assert value_at(store, run, 20) == (20, 2.0)
    assert value_at(store, run, 19) == (10, 1.0)
    assert value_at(store, run, None) == (20, 2.0)


def test_before_the_first_frame_comes_the_first(store: Store, run: int) -> None:
    put(store, run, 10, 1.0)
    assert value_at(store, run, 3) == (10, 1.0)
    assert value_at(store, run + 1, 3) is None


def test_frames_between_two_steps_come_oldest_first(store: Store, run: int) -> None:
    for step in (30, 10, 20, 40):
        put(store, run, step, float(step))
    put(store, run, 20, 0.0, panel="agent")
    with store.read() as connection:
        found = list(frames.between(connection, run, "grid_values", first=10, last=30))
    assert [(one.step, float(one.arrays["v"][0]), one.meta) for one in found] == [
        (10, 10.0, {"rows": 2}), (20, 20.0, {"rows": 2}), (30, 30.0, {"rows": 2}),
    ]  # fmt: skip


def test_a_frame_of_the_same_step_takes_its_place(store: Store, run: int) -> None:
    put(store, run, 10, 1.0)
    put(store, run, 10, 5.0)
    assert value_at(store, run, 10) == (10, 5.0)
    with store.read() as connection:
        assert frames.list_(connection, run) == {"grid_values": [10]}


def test_frames_are_bounded_and_keep_both_ends(store: Store, run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FRAMES_PER_PANEL", 8)
    for step in range(50):
        put(store, run, step, 0.0)
        put(store, run, step, 0.0, panel="agent")
    with store.read() as connection:
        listed = frames.list_(connection, run)
    assert len(listed["grid_values"]) <= 8
    assert (listed["agent"][0], listed["agent"][-1]) == (0, 49)


def test_a_frame_that_is_too_large_is_left_out(store: Store, run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FRAME_BYTES", 4)
    assert not put(store, run, 10, 1.0)
    assert value_at(store, run, 10) is None


def test_weights_come_back_bit_by_bit(store: Store, run: int) -> None:
    weights = np.random.default_rng(1).normal(size=100).astype(np.float32)
    assert store.writer.do(lambda connection: frames.put_weights(connection, run, step=5, weights=weights))
    with store.read() as connection:
        found = frames.get_weights(connection, run, 7)
        assert frames.weight_steps(connection, run) == [5]
    assert found is not None
    assert found[0] == 5
    assert found[1].tobytes() == weights.tobytes()


def test_a_cut_removes_later_pictures(store: Store, run: int) -> None:
    for step in (10, 20):
        put(store, run, step, 1.0)
        store.writer.do(lambda c, step=step: frames.put_weights(c, run, step=step, weights=np.ones(1)))
    store.writer.do(lambda connection: frames.truncate(connection, run, after_step=10))
    with store.read() as connection:
        assert frames.list_(connection, run) == {"grid_values": [10]}
        assert frames.weight_steps(connection, run) == [10]
