r"""Exploration over a table of action values, ε-greedy or by upper confidence bounds, and step sizes that shrink or not.

$\varepsilon$-greedy exploration takes a random action now and then. Among $k$ actions the greedy one has probability $1 - \varepsilon + \varepsilon / k$; ties are broken at random:

$$a_t = \begin{cases} \text{any action} & \text{with probability } \varepsilon_t \\ \arg\max_a Q(s_t, a) & \text{otherwise} \end{cases} \tag{1}$$

with $\varepsilon_t$ constant or falling from $\varepsilon_0$ to $\varepsilon_1$ within $T$ steps, along a line or by equal factors
(which lead to no $\varepsilon_1 = 0$):

$$\varepsilon_t = \varepsilon_0 + (\varepsilon_1 - \varepsilon_0) \min(t / T, 1) \tag{2}$$

$$\varepsilon_t = \varepsilon_0 \, (\varepsilon_1 / \varepsilon_0)^{\min(t / T,\, 1)} \tag{3}$$

Exploration by *upper confidence bounds* (UCB) takes no random action: it takes the one that could be best, its value plus a
bonus that shrinks with its own visits $N(s, a)$ and grows slowly with those of its state, $N(s) = \sum_a N(s, a)$.
Actions that were never tried in a state come first; ties are broken at random:

$$a_t = \arg\max_a \Bigl( Q(s_t, a) + c\, \sqrt{\ln N(s_t) \,/\, N(s_t, a)} \Bigr) \tag{4}$$

No action is ever given up, and bad ones are taken ever more rarely, so that the behaviour approaches the greedy policy without
a schedule. Unlike a bandit's, the bonus promises no bound here: it counts what is unknown about one pair, not about the states
that follow, and the values that it is added to are still moving.

The step size is constant, or shrinks with the number of visits $N$ of the pair, which is what makes Q converge
(for $\omega$ in $(\tfrac12, 1]$, if every pair is visited for ever):

$$\alpha_t = \alpha \, / \, N(s_t, a_t)^{\omega} \tag{5}$$

S states, A actions.

Sources: Even-Dar and Mansour (2003), *Learning Rates for Q-learning*, JMLR 5; Auer, Cesa-Bianchi and Fischer (2002),
*Finite-time Analysis of the Multiarmed Bandit Problem*, Machine Learning 47, for (4) in one state; Kocsis and Szepesvári (2006),
*Bandit based Monte-Carlo Planning*, ECML, in every state.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationInfo, field_validator

from app.core.config import BrokenRule, Config, Hyper
from app.core.jit import kernel
from app.core.randomness import below, unit
from app.core.text import _
from app.parts.tabular import greedy_policy

F64 = NDArray[np.float64]
SCHEDULES = ("constant", "linear", "exponential")
UNTRIED = 1e300  # stands for the bound of an action that was never taken in a state


class StepSize(Config):
    """The step size of a table learner."""

    alpha: float = Hyper(
        0.5, low=0, high=1, symbol=r"\alpha", live="step",
        help=_("Step size: raising it learns faster from each step and remembers more of its noise."),
    )  # fmt: skip
    alpha_schedule: str = Hyper(
        "constant", choices=("constant", "visits"), live="step",
        help=_("Constant, or divided by a power of how often the state–action pair was visited."),
    )  # fmt: skip
    alpha_exponent: float = Hyper(
        0.6, low=0, high=1, symbol=r"\omega", live="step", advanced=True,
        help=_("Power of the visit count that divides the step size; raising it averages over more of the past."),
    )  # fmt: skip


class Discount(Config):
    """The discount of a table learner."""

    gamma: float = Hyper(
        0.99, low=0, high=1, symbol=r"\gamma",
        help=_("Discount: raising it makes later rewards count more; 1 is for tasks that always can end."),
    )  # fmt: skip


class EpsilonGreedy(Config):
    """How a table learner explores."""

    epsilon: float = Hyper(
        0.1, low=0, high=1, symbol=r"\varepsilon_0", live="step",
        help=_("Probability of a random action: raising it explores more and earns less while learning."),
    )  # fmt: skip
    epsilon_schedule: str = Hyper(
        "constant", choices=SCHEDULES, live="step",
        help=_("Whether exploration stays constant or falls to its final value, on a line or by equal factors."),
    )  # fmt: skip
    epsilon_final: float = Hyper(
        0.01, low=0, high=1, symbol=r"\varepsilon_1", live="step", advanced=True,
        help=_("Where a falling exploration ends: raising it keeps more exploration for ever."),
    )  # fmt: skip
    epsilon_decay_steps: int = Hyper(
        50_000, low=1, high=1_000_000_000, unit="env steps", symbol="T", scale="log", live="step", advanced=True,
        help=_("Steps until exploration reaches its final value: raising it explores longer."),
    )  # fmt: skip

    @field_validator("epsilon_final")
    @classmethod
    def _check_final(cls, epsilon_final: float, info: ValidationInfo) -> float:
        explores = info.data.get("epsilon", 0.0) > 0
        if epsilon_final == 0 and explores and info.data.get("epsilon_schedule") == "exponential":
            rule = _("must be > 0 where exploration falls by equal factors: none leads to 0, and it would end at once")
            raise BrokenRule(rule, _("Use for example 0.001, or the linear schedule."))
        return epsilon_final


class ExplorationChoice(Config):
    """Which of the two ways to explore a learner takes, and the constant of upper confidence bounds."""

    exploration: str = Hyper(
        "epsilon_greedy", choices=("epsilon_greedy", "ucb"), live="step",
        help=_("Random actions with probability ε, or upper confidence bounds: always the action that could be best, untried ones first; ε is then 0."),
    )  # fmt: skip
    c: float = Hyper(
        1.0, low=0, high=1e6, unit=_("reward"), symbol="c", live="step", advanced=True,
        help=_("Width of the upper confidence bounds, where they explore: raising it tries doubtful actions more often; about the spread of returns fits."),
    )  # fmt: skip


class InitialValue(Config):
    """Where a table of action values starts."""

    initial_q: float = Hyper(
        0.0, low=-1e6, high=1e6, symbol="Q_0", advanced=True, settled=True,
        help=_("First estimate of every action: above any reachable return, everything untried looks attractive and gets tried."),
    )  # fmt: skip


class StepKnobs(NamedTuple):
    """A step size as kernels read it; an exponent of 0 keeps it constant."""

    alpha: float
    alpha_exponent: float


class ExplorationKnobs(NamedTuple):
    """Exploration as kernels read it; `epsilon_schedule` numbers SCHEDULES, and upper confidence bounds have ε = 0.

    A loop asks `is_ucb` by itself: one more call between it and both ways to explore costs a third of its speed.
    """

    epsilon: float
    epsilon_schedule: int
    epsilon_final: float
    epsilon_decay_steps: int
    is_ucb: bool = False
    c: float = 0.0


def step_knobs(config: StepSize) -> StepKnobs:
    """Return the step size of a configuration."""
    return StepKnobs(config.alpha, config.alpha_exponent if config.alpha_schedule == "visits" else 0.0)


def exploration_knobs(config: EpsilonGreedy) -> ExplorationKnobs:
    """Return the exploration of a configuration."""
    if isinstance(config, ExplorationChoice) and config.exploration == "ucb":
        return ExplorationKnobs(0.0, SCHEDULES.index("constant"), 0.0, 1, is_ucb=True, c=config.c)
    schedule = SCHEDULES.index(config.epsilon_schedule)
    return ExplorationKnobs(config.epsilon, schedule, config.epsilon_final, config.epsilon_decay_steps)


@kernel
def best_value(q: Any, state: Any) -> Any:
    """Return max_a q(state, a) of a table q (S, A)."""
    best = q[state, 0]
    for action in range(1, q.shape[1]):
        best = max(best, q[state, action])
    return best


@kernel
def greedy_action(q: Any, state: Any, word: Any) -> Any:
    """Return an action of the highest q (S, A) in `state`; the random word picks one of those that tie."""
    best, chosen, ties = q[state, 0], 0, 1
    for action in range(1, q.shape[1]):  # conditional expressions compile to moves, which no processor mispredicts
        value = q[state, action]
        ties = 1 if value > best else ties + (value == best)
        chosen = action if value > best else chosen
        best = value if value > best else best
    if ties > 1:
        for _ in range(below(word, ties)):
            chosen += 1
            while q[state, chosen] != best:
                chosen += 1
    return chosen


@kernel
def exploration_rate(knobs: Any, step: Any) -> Any:
    """Return ε at a step of the run, of `ExplorationKnobs`."""
    progress = min(step / knobs.epsilon_decay_steps, 1.0)
    if knobs.epsilon_schedule == 1:
        return knobs.epsilon + (knobs.epsilon_final - knobs.epsilon) * progress  # (2)
    if knobs.epsilon_schedule == 2 and knobs.epsilon > 0:
        return knobs.epsilon * math.pow(knobs.epsilon_final / knobs.epsilon, progress)  # (3)
    return knobs.epsilon


@kernel
def epsilon_greedy(q: Any, state: Any, epsilon: Any, explore: Any, any_action: Any, tie: Any) -> Any:
    """Return an action by three random words: whether to explore, which action then, which of tied best ones else."""
    if unit(explore) < epsilon:
        return below(any_action, q.shape[1])
    return greedy_action(q, state, tie)  # (1)


@kernel
def upper_bound(q: Any, visits: Any, state: Any, action: Any, c: Any, log_visits: Any) -> Any:
    """Return the upper confidence bound of an action; `log_visits` is ln N(state). q and visits are (S, A)."""
    if visits[state, action] == 0:
        return UNTRIED
    return q[state, action] + c * math.sqrt(log_visits / visits[state, action])  # (4)


@kernel
def log_visits_of(visits: Any, state: Any) -> Any:
    """Return ln N(state) of the visits (S, A); 0 where nobody has been."""
    total = 0
    for action in range(visits.shape[1]):
        total += visits[state, action]
    return math.log(max(total, 1))


@kernel
def promising_action(q: Any, visits: Any, state: Any, c: Any, word: Any) -> Any:
    """Return an action of the highest upper confidence bound in `state`; the random word picks one of those that tie."""
    log_visits = log_visits_of(visits, state)
    best, ties = -np.inf, 0
    for action in range(q.shape[1]):
        bound = upper_bound(q, visits, state, action, c, log_visits)
        ties = 1 if bound > best else ties + (bound == best)
        best = max(best, bound)
    left, chosen = below(word, ties), 0
    for action in range(q.shape[1]):
        if upper_bound(q, visits, state, action, c, log_visits) == best:
            if left == 0:
                chosen = action
            left -= 1
    return chosen


@kernel
def promising_value(q: Any, visits: Any, state: Any, c: Any) -> Any:
    """Return the mean of q (S, A) over the actions of the highest upper confidence bound in `state`."""
    log_visits = log_visits_of(visits, state)
    best, total, ties = -np.inf, 0.0, 0
    for action in range(q.shape[1]):
        bound = upper_bound(q, visits, state, action, c, log_visits)
        if bound > best:
            best, total, ties = bound, 0.0, 0
        if bound == best:
            total, ties = total + q[state, action], ties + 1
    return total / ties


@kernel
def upper_bounds(q: Any, visits: Any, c: Any) -> Any:
    """Return the upper confidence bounds (S, A) of q (S, A) after visits (S, A)."""
    bounds = np.empty_like(q)
    for state in range(q.shape[0]):
        log_visits = log_visits_of(visits, state)
        for action in range(q.shape[1]):
            bounds[state, action] = upper_bound(q, visits, state, action, c, log_visits)
    return bounds


@kernel
def step_size(knobs: Any, n_visits: Any) -> Any:
    """Return α for the n-th visit of a pair, of `StepKnobs`."""
    if knobs.alpha_exponent == 0:
        return knobs.alpha
    return knobs.alpha / math.pow(n_visits, knobs.alpha_exponent)  # (5)


def epsilon_greedy_policy(q: F64, epsilon: float) -> F64:
    """Return the probabilities (S, A) with which an ε-greedy agent acts on q (S, A)."""
    policy: F64 = (1 - epsilon) * greedy_policy(q, 0.0) + epsilon / q.shape[1]
    return policy


def behaviour_policy(q: F64, visits: NDArray[np.int64], knobs: ExplorationKnobs, step: int) -> F64:
    """Return the probabilities (S, A) with which an agent that explores acts on q (S, A) after visits (S, A)."""
    if knobs.is_ucb:
        return greedy_policy(upper_bounds(q, visits, knobs.c), 0.0)
    return epsilon_greedy_policy(q, float(exploration_rate(knobs, step)))
