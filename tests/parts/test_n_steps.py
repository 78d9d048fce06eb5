"""The sum of the rewards that an n-step learner waits for, from a ring that has gone round."""

import numpy as np
import pytest

from app.core.jit import plain
from app.parts.n_steps import discounted_rewards


@pytest.mark.parametrize("function", [discounted_rewards, plain(discounted_rewards)])
def test_rewards_are_summed_in_the_order_of_their_steps(function: object) -> None:
    """Steps 4, 5, 6 of a ring of 3 lie at 1, 2, 0: 10 + ½ · 20 + ¼ · 40 = 30, and the next discount is ⅛."""
    ring = np.array([40.0, 10.0, 20.0])
    assert callable(function)
    assert function(ring, 4, 7, 0.5) == (30.0, 0.125)
    assert function(ring, 4, 4, 0.5) == (0.0, 1.0)
