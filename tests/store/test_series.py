"""A point is stored once, whatever is sent again; a recomputed point that differs is told."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.store import runs, series
from app.store.database import Store
from app.store.records import Record
from app.store.tables import CHUNKS

NAME = "train/loss"
MakePoints = Callable[..., Record]


def append(store: Store, run: int, record: Record) -> None:
    store.writer.do(lambda connection: series.append(connection, run, record.header, record.arrays))


def stored(store: Store, run: int, name: str = NAME) -> series.Reduced:
    with store.read() as connection:
        return series.read(connection, run, [name], max_points=10**9)[name]


def row(store: Store, run: int) -> runs.RunRow:
    with store.read() as connection:
        found = runs.get(connection, run)
    assert found is not None
    return found


def rows_of_chunks(store: Store) -> int:
    with store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(CHUNKS)).scalar_one())


def test_points_come_back_in_order(store: Store, run: int, make_points: MakePoints) -> None:
    append(store, run, make_points([1, 2]))
    append(store, run, make_points([3], first_seq=2))
    curve = stored(store, run)
    assert curve.steps.tolist() == [0, 10, 20]
    assert curve.values.tolist() == [1.0, 2.0, 3.0]
    assert curve.lows.tolist() == [0.0, 1.0, 2.0]
    assert curve.highs.tolist() == [2.0, 3.0, 4.0]


def test_several_series_in_one_record(store: Store, run: int) -> None:
    header = {"series": [{"name": "a", "first_seq": 0, "count": 1}, {"name": "b", "first_seq": 0, "count": 2}]}
    arrays = {"steps": np.array([5, 6, 7]), "values": np.array([1.0, 2.0, 3.0])}
    append(store, run, Record("points", header, arrays))
    assert stored(store, run, "a").values.tolist() == [1.0]
    assert stored(store, run, "b").values.tolist() == [2.0, 3.0]
    assert row(store, run).latest == {"a": 1.0, "b": 3.0}


def test_points_sent_again_are_not_doubled(store: Store, run: int, make_points: MakePoints) -> None:
    for _ in range(3):
        append(store, run, make_points([1, 2, 3]))
    assert stored(store, run).values.tolist() == [1.0, 2.0, 3.0]
    assert row(store, run).flags == {}


def test_a_recomputed_point_that_differs_flags_the_run(store: Store, run: int, make_points: MakePoints) -> None:
    append(store, run, make_points([1, 2, 3]))
    append(store, run, make_points([2.5, 3.5], first_seq=1))
    assert stored(store, run).values.tolist() == [1.0, 2.5, 3.5]
    expected = {"scalar": NAME, "seq": 1, "step": 10, "stored": 2.0, "recomputed": 2.5}
    assert row(store, run).flags == {"nondeterministic": expected}


def test_the_first_difference_stays_named(store: Store, run: int, make_points: MakePoints) -> None:
    append(store, run, make_points([1, 2]))
    append(store, run, make_points([9], first_seq=1))
    append(store, run, make_points([9], first_seq=0))
    assert row(store, run).flags["nondeterministic"]["seq"] == 1


def test_a_measured_point_may_differ(store: Store, run: int, make_points: MakePoints) -> None:
    append(store, run, make_points([1], reproducible=False))
    append(store, run, make_points([2], reproducible=False))
    assert stored(store, run).values.tolist() == [2.0]
    assert row(store, run).flags == {}


def test_a_resend_may_reach_past_the_end(store: Store, run: int, make_points: MakePoints) -> None:
    append(store, run, make_points([0, 1, 2]))
    append(store, run, make_points([1, 2, 3, 4], first_seq=1))
    assert stored(store, run).values.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert row(store, run).flags == {}


def test_a_gap_is_refused(store: Store, run: int, make_points: MakePoints) -> None:
    append(store, run, make_points([1]))
    with pytest.raises(ValueError, match="seq 5, but the next one is 1"):
        append(store, run, make_points([1], first_seq=5))


def test_counts_must_fit_the_arrays(store: Store, run: int) -> None:
    header = {"series": [{"name": "a", "first_seq": 0, "count": 3}]}
    with pytest.raises(ValueError, match="count 3 points"):
        append(store, run, Record("points", header, {"steps": np.arange(2), "values": np.arange(2.0)}))


def test_rows_merge_into_chunks_of_a_thousand(store: Store, run: int, make_points: MakePoints) -> None:
    for first in range(0, 2_500, 50):
        append(store, run, make_points(np.arange(first, first + 50.0), first_seq=first))
    assert stored(store, run).values.tolist() == list(range(2_500))
    with store.read() as connection:
        found = connection.execute(select(CHUNKS).order_by(CHUNKS.c.first_seq)).mappings().all()
    assert [(chunk["first_seq"], chunk["count"]) for chunk in found[:2]] == [(0, 1_000), (1_000, 1_000)]
    assert (found[1]["low"], found[1]["high"], found[1]["mean"]) == (999.0, 2_000.0, 1_499.5)
    assert len(found) <= 2 + series.SMALL_ROWS


def test_single_points_do_not_pile_up_rows(store: Store, run: int, make_points: MakePoints) -> None:
    for seq in range(200):
        append(store, run, make_points([seq], first_seq=seq))
    assert rows_of_chunks(store) <= series.SMALL_ROWS + 1
    assert stored(store, run).values.tolist() == list(range(200))


def test_merged_chunks_are_overwritten_in_place(store: Store, run: int, make_points: MakePoints) -> None:
    append(store, run, make_points(np.arange(2_500.0)))
    append(store, run, make_points(np.arange(900.0, 2_600.0) + 0.5, first_seq=900))
    values = stored(store, run).values
    assert values[:900].tolist() == list(range(900))
    assert values[900:].tolist() == [value + 0.5 for value in range(900, 2_600)]
    assert row(store, run).flags["nondeterministic"]["seq"] == 900


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 1_300)), min_size=1, max_size=12))
def test_any_resending_equals_the_plain_list(
    store: Store, create: Callable[..., int], make_points: MakePoints, moves: list[tuple[int, int]]
) -> None:
    """Each move goes back some points and sends some, with values of its own; a list does the same."""
    run, plain = create(), []
    for number, (back, count) in enumerate(moves):
        first = max(0, len(plain) - back)
        values = [float(number * 10_000 + first + n) for n in range(count)]
        plain[first : first + count] = values
        append(store, run, make_points(values, first_seq=first, reproducible=False))
    assert stored(store, run).values.tolist() == plain
    with store.read() as connection:
        assert series.cursors(connection, run) == {NAME: len(plain)}
        assert series.latest(connection, run)[NAME] is not None


def test_steps_cut_the_window_on_both_sides_inclusively(store: Store, run: int, make_points: MakePoints) -> None:
    append(store, run, make_points(np.arange(2_500.0)))
    with store.read() as connection:
        curve = series.read(connection, run, [NAME], from_step=9_995, to_step=10_030)[NAME]
        assert curve.steps.tolist() == [10_000, 10_010, 10_020, 10_030]
        assert len(series.read(connection, run, [NAME], from_step=10**9)[NAME]) == 0
        assert series.read(connection, run, ["unknown"]) == {}


def test_a_window_between_two_points_is_empty(store: Store, run: int, make_points: MakePoints) -> None:
    append(store, run, make_points([1, 2, 3]))
    with store.read() as connection:
        assert len(series.read(connection, run, [NAME], from_step=11, to_step=12)[NAME]) == 0


def test_many_points_come_in_buckets_of_the_full_data(store: Store, run: int, make_points: MakePoints) -> None:
    values = np.random.default_rng(3).normal(size=5_000)
    append(store, run, make_points(values))
    for buckets in (700, 3):  # 3 is few enough to be answered from the statistics of the chunks
        with store.read() as connection:
            curve = series.read(connection, run, max_points=buckets)[NAME]
        assert len(curve) == buckets
        assert curve.lows.min() == values.min() - 1
        assert curve.highs.max() == values.max() + 1
    assert curve.values == pytest.approx([values[:1_000].mean(), values[1_000:3_000].mean(), values[3_000:].mean()])


def test_the_best_evaluation_is_kept_ties_to_the_later(store: Store, run: int, make_points: MakePoints) -> None:
    append(store, run, make_points([1, 7, 7, 3], name="eval/mean_reward"))
    assert row(store, run).best == {"value": 7.0, "step": 20}
    append(store, run, make_points([6], name="eval/mean_reward", first_seq=4))
    assert row(store, run).best == {"value": 7.0, "step": 20}
    assert row(store, run).latest == {"eval/mean_reward": 6.0}


def test_a_number_that_is_not_finite_is_null_on_the_row(store: Store, run: int, make_points: MakePoints) -> None:
    append(store, run, make_points([np.inf], name="eval/mean_reward"))
    assert row(store, run).latest == {"eval/mean_reward": None}
    assert row(store, run).best is None


def test_a_recomputed_past_does_not_change_the_latest(store: Store, run: int, make_points: MakePoints) -> None:
    append(store, run, make_points([1, 2, 3]))
    append(store, run, make_points([1], first_seq=0))
    assert row(store, run).latest == {NAME: 3.0}


def test_a_viewer_that_comes_back_gets_what_it_missed(store: Store, run: int, make_points: MakePoints) -> None:
    append(store, run, make_points(np.arange(1_500.0)))
    with store.read() as connection:
        first, points = series.since(connection, run, {NAME: 1_498})[NAME]
        assert (first, points.values.tolist()) == (1_498, [1_498.0, 1_499.0])
        first, points = series.since(connection, run, {}, limit=10)[NAME]
        assert (first, len(points)) == (1_490, 10)
        assert series.since(connection, run, {NAME: 1_500}) == {}


@pytest.mark.parametrize("after_step", [-1, 0, 4_995, 9_990, 12_340, 99_990])
def test_a_cut_removes_exactly_the_later_points(
    store: Store, run: int, make_points: MakePoints, after_step: int
) -> None:
    append(store, run, make_points(np.arange(1_300.0)))
    append(store, run, make_points([5, 9, 2], name="eval/mean_reward"))
    store.writer.do(lambda connection: series.truncate(connection, run, after_step=after_step))
    kept = min(1_300, after_step // 10 + 1)
    assert stored(store, run).values.tolist() == list(range(kept))
    best = {-1: None, 0: {"value": 5.0, "step": 0}}.get(after_step, {"value": 9.0, "step": 10})
    assert row(store, run).best == best
    append(store, run, make_points(np.full(1_500, 7.0), first_seq=kept))
    assert stored(store, run).values.tolist() == [*range(kept), *[7.0] * 1_500]


def test_curves_over_time_and_episodes(store: Store, run: int, make_points: MakePoints) -> None:
    append(store, run, make_points([0.0, 2.0, 4.0], name="time/run_clock"))
    append(store, run, make_points([1.0, 2.0, 3.0]))
    with store.read() as connection:
        curves = series.read(connection, run, [NAME])
        assert series.on_axis(connection, run, curves, "time")[NAME].steps.tolist() == [0.0, 2.0, 4.0]
        assert series.on_axis(connection, run, curves, "episode") == {}
