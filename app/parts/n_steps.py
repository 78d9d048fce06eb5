"""How many steps a learner waits before it learns from their rewards, and the sum of these."""

from typing import Any

from app.core.config import Config, Hyper
from app.core.jit import kernel
from app.core.text import _


class NSteps(Config):
    """The length of an n-step return."""

    n_steps: int = Hyper(
        4, low=1, high=1000, unit="env steps", symbol="n", scale="log", settled=True,
        help=_("Steps whose rewards an update counts: raising it carries news further back at once, with more noise."),
    )  # fmt: skip


@kernel
def discounted_rewards(rewards: Any, first: Any, now: Any, gamma: Any) -> Any:
    """Return the discounted sum of the rewards after the steps `first` … `now` − 1 of the episode, and the next discount.

    `rewards` (n,) is a ring: that of step t lies at t modulo n.
    """
    total, discount = 0.0, 1.0
    for time in range(first, now):
        total += discount * rewards[time % rewards.shape[0]]
        discount *= gamma
    return total, discount
