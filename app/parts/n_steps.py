"""How many steps a learner waits before it learns from their rewards."""

from app.core.config import Config, Hyper
from app.core.text import _


class NSteps(Config):
    """The length of an n-step return."""

    n_steps: int = Hyper(
        4, low=1, high=1000, unit="env steps", symbol="n", scale="log", settled=True,
        help=_("Steps whose rewards an update counts: raising it carries news further back at once, with more noise."),
    )  # fmt: skip
