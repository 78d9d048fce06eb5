"""Normal rewards as a table: their moments are those of the normal distribution."""

import numpy as np
import pytest

from app.parts.quadrature import POINTS, normal_outcomes


def test_the_first_fifteen_moments_are_those_of_a_normal_distribution() -> None:
    """Standard normal: odd moments vanish, the even ones are 1, 3, 15, 105, … = (n − 1)!!."""
    outcomes = normal_outcomes(0.0, 1.0, 0)
    shares, rewards = np.array([row[0] for row in outcomes]), np.array([row[2] for row in outcomes])
    assert len(outcomes) == POINTS
    expected = 1.0
    for power in range(2, 2 * POINTS, 2):
        expected *= power - 1
        assert (shares * rewards**power).sum() == pytest.approx(expected, rel=1e-12)
        assert (shares * rewards ** (power - 1)).sum() == pytest.approx(0.0, abs=1e-12 * expected)
    beyond = (shares * rewards ** (2 * POINTS)).sum()
    assert beyond < 0.99 * expected * (2 * POINTS - 1), "the sixteenth is not"


def test_mean_and_spread_shift_and_stretch() -> None:
    outcomes = normal_outcomes(-0.5, 2.0, 3)
    shares, rewards = np.array([row[0] for row in outcomes]), np.array([row[2] for row in outcomes])
    assert (shares * rewards).sum() == pytest.approx(-0.5)
    assert (shares * (rewards + 0.5) ** 2).sum() == pytest.approx(4.0)
    assert {(row[1], row[3]) for row in outcomes} == {(3, True)}
    assert normal_outcomes(1.5, 0.0, 3) == [(1.0, 3, 1.5, True)]
