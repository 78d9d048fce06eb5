"""Reports: episodes join in order, and nothing is nothing."""

import numpy as np

from app.core.report import Episodes, Report


def episodes(*ends: int) -> Episodes:
    count = len(ends)
    return Episodes(np.array(ends), np.arange(float(count)), np.full(count, 3), np.ones(count, np.bool_))


def test_episodes_join_in_order() -> None:
    joined = Episodes.join([episodes(3, 6), Episodes.none(), episodes(9)])
    assert joined.ends.tolist() == [3, 6, 9]
    assert joined.returns.tolist() == [0.0, 1.0, 0.0]
    assert len(joined) == 3


def test_joining_nothing_is_nothing() -> None:
    assert len(Episodes.join([])) == 0
    assert len(Report(steps=5).episodes) == 0
    assert Episodes.none().ends.dtype == np.int64
