r"""What the bandit algorithms share: which worlds are bandits, and how much was lost by not pulling the best arm.

The regret after t pulls is computed from the true means, which no algorithm sees:

$$R_t = \sum_{i=1}^{t} \bigl(\max_a \mu(a) - \mu(a_i)\bigr) \tag{1}$$

A arms (the actions of the single state), K outcomes of an arm. A leading axis of length 1 is that of the lanes.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Environment
from app.core.errors import InvalidInput
from app.core.jit import kernel
from app.core.scalars import Scalar
from app.core.specs import EnvironmentSpec
from app.core.text import _
from app.parts.exact import Exact, model_of
from app.parts.tabular_agent import TabularAgent

F64 = NDArray[np.float64]
BANDIT = "bandit"
BANDIT_SCALARS = (
    Scalar("bandit/regret", _("Regret"), _("reward"), "down",
           _("What the pulls so far are expected to have lost against the best arm, from the true means; it flattens where the best arm is found.")),
    Scalar("bandit/optimal_share", _("Share of the best arm"), _("share"), "up",
           _("Share of all pulls so far that took an arm of the highest true mean.")),
)  # fmt: skip


class Pulls(NamedTuple):
    """What is counted about the pulls, for those who watch."""

    regret: Any  # (1,) float64
    best_pulls: Any  # (1,) int64


def no_pulls() -> Pulls:
    """Return the counts before the first pull."""
    return Pulls(np.zeros(1), np.zeros(1, np.int64))


def fits_bandits(environment: EnvironmentSpec) -> str:
    """Return why an algorithm for bandits does not fit an environment, or the empty text for a bandit."""
    if environment.id == BANDIT:
        return ""
    return _("It pulls the arms of a bandit; {environment} has states in which actions lead on.").format(
        environment=environment.name
    )


def check_bandit(config: Any, environment: Environment) -> None:
    """Raise InvalidInput where an environment is no bandit: one state, from which every action ends the episode."""
    mdp = model_of(environment, 1.0)
    if mdp.n_states != 1 or not mdp.terminated[mdp.probabilities > 0].all():
        rule = _("is no bandit: it must have one state, in which every action ends the episode")
        raise InvalidInput.one("environment", environment.id, rule, _("Choose the environment bandit."))


def arm_values(initial: float, exact: Exact) -> F64:
    """Return a fresh table (1, 1, A) that holds `initial` for every arm."""
    return np.full((1, 1, exact.mdp.n_actions), initial)


@kernel
def arm_means(cumulative: Any, rewards: Any) -> Any:
    """Return the true means (A,) of arms with running sums of probabilities and rewards (1, A, K)."""
    means = np.zeros(rewards.shape[1])
    for arm in range(rewards.shape[1]):
        before = 0.0
        for outcome in range(rewards.shape[2]):
            means[arm] += (cumulative[0, arm, outcome] - before) * rewards[0, arm, outcome]
            before = cumulative[0, arm, outcome]
    return means


@kernel
def count_pull(regret: Any, best_pulls: Any, means: Any, arm: Any) -> None:
    """Count a pull: its regret by the true means (A,), and whether it took a best arm."""
    lost = means.max() - means[arm]
    regret[0] += lost  # (1)
    best_pulls[0] += lost < 1e-12


@kernel
def close_pulls(course: Any, step: Any, arm: Any, reward: Any) -> None:
    """Write where a call ended: after pull number `step`, which took `arm` and ended an episode of one step."""
    course.position[0, 2], course.position[0, 3] = step, step
    last = course.last_transition[0]
    last[0], last[1], last[2], last[3], last[4], last[5] = 0, arm, reward, 0, 1, 0


def bandit_scalars(agent: TabularAgent) -> dict[str, float]:
    """Return the regret, and the share of pulls that took a best arm."""
    regret, best = float(agent.memory.regret[0]), float(agent.memory.best_pulls[0])
    return {"bandit/regret": regret, "bandit/optimal_share": best / max(agent.step, 1)}
