"""Normal rewards as a table: the points of Gauss–Hermite quadrature, with the first moments of a normal distribution exactly."""

import numpy as np

from app.parts.tabular import Outcome

POINTS = 8  # which have the first 15 moments


def normal_outcomes(mean: float, spread: float, state: int) -> list[Outcome]:
    """Return outcomes that end the episode in `state` with rewards of this mean and standard deviation."""
    if spread == 0:
        return [(1.0, state, mean, True)]
    points, weights = np.polynomial.hermite_e.hermegauss(POINTS)
    shares = weights / weights.sum()
    return [(float(p), state, float(mean + spread * x), True) for x, p in zip(points, shares, strict=True)]
