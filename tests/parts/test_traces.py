"""Eligibility traces: three ways to rise, one way to fade, and a list of those that count."""

import numpy as np
import pytest

from app.parts.traces import KINDS, NEGLIGIBLE, Traces, fade, forget, mark, trace_knobs


def test_a_second_visit_adds_replaces_or_shrinks_and_adds() -> None:
    for kind, expected in zip(KINDS, (1.5, 1.0, 0.75 * 0.5 + 1), strict=True):
        z, active = np.array([0.0, 0.5, 0.0]), np.array([1, 0, 0])
        knobs = trace_knobs(Traces(traces=kind))
        assert mark(z, active, 1, 1, 0.25, knobs.traces) == 1
        assert z[1] == expected
        assert mark(z, active, 1, 2, 0.25, knobs.traces) == 2
        assert z[2] == 1
        assert active.tolist() == [1, 2, 0]


def test_negligible_traces_leave_the_list() -> None:
    z, active = np.array([1.0, 1.5 * NEGLIGIBLE, 0.5]), np.array([0, 1, 2])
    assert fade(z, active, 3, 0.5) == 2
    assert z.tolist() == [0.5, 0.0, 0.25]
    assert active[:2].tolist() == [0, 2]
    assert fade(z, active, 2, 0.0) == 0
    assert not z.any()


def test_forgetting_clears_what_is_listed() -> None:
    z, active = np.array([1.0, 0.0, 0.5]), np.array([2, 0, 0])
    assert forget(z, active, 2) == 0
    assert not z.any()


def test_choices_are_checked() -> None:
    with pytest.raises(ValueError, match="traces"):
        Traces(traces="fading")
