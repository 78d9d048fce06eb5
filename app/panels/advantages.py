r"""Generalized advantage estimates as sums of one-step errors, under a λ that the viewer moves.

$$\hat A_t = \sum_{l \ge 0} (\gamma\lambda)^l\, \delta_{t+l}, \qquad \delta_t = r_{t+1} + \gamma V^{next}_t - V(s_t)$$

The sum ends with its episode. The browser adds up what is given here for any λ. T steps of one environment.
"""

import numpy as np

from app.core.config import Config, Hyper
from app.core.scalars import in_unit
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.noted import settings_used

SHOWN = 96  # steps


class AdvantageOptions(Config):
    """Which environment's part of the rollout to show."""

    env: int = Hyper(
        0,
        low=0,
        high=63,
        unit=_("environment"),
        help=_("Number of the environment, from 0; raising it shows another one."),
    )


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A learner that keeps its last rollout and mixes its errors by a λ."""
    return "rollout" in algorithm.signals and "gae_lambda" in algorithm.config.model_fields


def compute(subject: Subject, options: AdvantageOptions) -> Frame:
    """Return deltas, ended (1 terminated, 2 truncated), rewards, values, following and advantages of the first steps (T,)."""
    rollout = np.asarray(subject.agent.signals()["rollout"](), np.float64)
    if not rollout.size:
        return Frame({}, {})
    used = settings_used(subject.agent.signals())
    gamma, lambda_ = used["gamma"], used["gae_lambda"]
    rows = rollout[min(options.env, len(rollout) - 1)]
    rewards, values, following, terminated, truncated, advantages = rows.T
    deltas = rewards + gamma * following - values
    arrays = {
        "deltas": deltas, "ended": np.where(terminated > 0, 1, 2 * truncated), "rewards": rewards, "values": values,
        "following": following, "advantages": advantages,
    }  # fmt: skip
    shown = _shown(len(rows))
    meta = {"gamma": gamma, "lambda": lambda_, "count": len(rows), "first": shown.start, "envs": len(rollout),
            "unit": in_unit(_("reward"), subject.agent.config.model_dump())}  # fmt: skip
    return Frame({name: np.asarray(array[shown], np.float32) for name, array in arrays.items()}, meta)


def _shown(count: int) -> slice:
    """The last steps: their sums are whole, as the rollout ends where they end."""
    return slice(max(0, count - SHOWN), count)


SPEC = PanelSpec(
    id="advantages",
    name=_("Advantages, error by error"),
    summary=_("Each advantage as a stack of one-step errors; move λ to see how far it looks and what the noise costs."),
    element="gae-stack",
    version=1,
    options=AdvantageOptions,
    fits=fits,
    compute=compute,
    order=5,
)
