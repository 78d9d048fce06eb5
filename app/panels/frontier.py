"""What the reward cost: reward against divergence from the reference, update by update, the score of a reward model beside the truth.

Everything in it is recorded anyway, so the browser draws it from the curves.
"""

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _

DRAWN = {"train/reward", "objective/true_reward", "objective/kl", "completions/mean_length"}


class FrontierOptions(Config):
    """Nothing to choose."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A stage that knows how far it is from its reference, and what its completions earn."""
    return set(algorithm.emits) >= DRAWN


def compute(subject: Subject, options: FrontierOptions) -> Frame:
    """Return who rewards; the numbers come from the curves."""
    return Frame({}, {"reward": getattr(subject.agent.config, "reward", "task")})


SPEC = PanelSpec(
    id="frontier",
    name=_("What the reward cost"),
    summary=_("Reward against divergence from the reference, a dot for every record; with a reward model, its score beside the truth."),
    element="kl-frontier",
    version=1,
    options=FrontierOptions,
    fits=fits,
    compute=compute,
    history=False,
    order=3,
)  # fmt: skip
