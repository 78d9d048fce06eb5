r"""Thompson sampling.

Keeps what it believes about every arm as a distribution, draws one possible mean from each, and pulls the arm whose draw is
highest: an arm is pulled exactly as often as it is believed to be the best.

$$\theta_a \sim p(\mu_a \mid \text{payments of } a) \tag{1}$$

$$a_t = \arg\max_a \theta_a \tag{2}$$

The belief is exact, by a conjugate prior. Both kinds need only its mean $m$ and a weight $w$, how many pulls it is worth:

$$w(a_t) \leftarrow w(a_t) + 1 \tag{3}$$

$$m(a_t) \leftarrow m(a_t) + \tfrac{1}{w(a_t)}\,\bigl(r_t - m(a_t)\bigr) \tag{4}$$

*Bernoulli* arms, which pay 1 or 0: the belief is $\text{Beta}(w m,\, w (1 - m))$; it begins as $\text{Beta}(\alpha_0, \beta_0)$, and after $n_1$
ones and $n_0$ zeros is $\text{Beta}(\alpha_0 + n_1,\, \beta_0 + n_0)$. *Gaussian* arms of known standard deviation $\sigma$: the belief is
$\mathcal{N}(m,\, \sigma^2 / w)$; it begins as $\mathcal{N}(m_0, s_0^2)$, which is worth $\sigma^2 / s_0^2$ pulls.

What this file leaves out:

1. Beliefs about arms whose spread is unknown too, or that change.
2. States, and so bootstrapping and discount: a bandit has one state, and every pull is an episode.

Sources: Thompson (1933), *On the likelihood that one unknown probability exceeds another*, Biometrika 25; Russo, Van Roy, Kazerouni,
Osband and Wen (2018), *A Tutorial on Thompson Sampling*.
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy.special import betainc, betaincinv, ndtr, ndtri

from app.core.config import Config, Hyper
from app.core.contracts import Environment, Problem
from app.core.errors import InvalidInput
from app.core.jit import kernel
from app.core.randomness import philox, philox_block, unit
from app.core.signals import Signal
from app.core.specs import AlgorithmSpec, Inspector, Smoke, Term
from app.core.text import _
from app.parts.bandits import (
    BANDIT_SCALARS,
    arm_means,
    arm_values,
    bandit_scalars,
    check_bandit,
    close_pulls,
    count_pull,
    fits_bandits,
    no_pulls,
)
from app.parts.draws import beta, normal
from app.parts.exact import Exact, model_of
from app.parts.tabular import greedy_policy, sample_outcome
from app.parts.tabular_agent import BASIC_SIGNALS, CONTROL_SCALARS, DRAWS, F64, Method, Tables, TabularAgent

TRACE = ("s", "a", "r", "theta", "w", "m old", "m new")
BELIEFS = 1 << 33  # lanes of the draws from the beliefs: two for each arm
CALL_PULLS = 10_000  # about 30 ms with twenty Beta arms
QUANTILES = 400  # of each belief, where the chance of being best is integrated: right to about 1e-4
SIGNALS = (
    Signal("belief_low", "(S, A)", "reward", _("The 5 % quantile of what it believes about the mean of each arm.")),
    Signal("belief_high", "(S, A)", "reward", _("The 95 % quantile of what it believes about the mean of each arm.")),
)  # fmt: skip


class ThompsonBanditConfig(Config):
    """The kind of belief and where it begins; the Beta prior is even, the normal one as wide as the testbed's means."""

    likelihood: str = Hyper(
        "gaussian", choices=("gaussian", "bernoulli"), settled=True,
        help=_("What it takes the payments for: normal numbers around the arm's mean, or ones and zeros."),
    )  # fmt: skip
    reward_spread: float = Hyper(
        1.0, low=0.001, high=1000, symbol=r"\sigma", unit=_("reward"), settled=True,
        help=_("Standard deviation of a Gaussian arm, supposed to be known: raising it trusts each payment less, and explores longer."),
    )  # fmt: skip
    prior_mean: float = Hyper(
        0.0, low=-1000, high=1000, symbol="m_0", unit=_("reward"), advanced=True, settled=True,
        help=_("Mean of the first belief about a Gaussian arm: raising it makes arms that were not pulled look better."),
    )  # fmt: skip
    prior_spread: float = Hyper(
        1.0, low=0.001, high=1000, symbol="s_0", unit=_("reward"), advanced=True, settled=True,
        help=_("Standard deviation of the first belief about a Gaussian arm: raising it explores more at first."),
    )  # fmt: skip
    prior_ones: float = Hyper(
        1.0, low=0.1, high=1e6, symbol=r"\alpha_0", unit=_("pulls"), advanced=True, settled=True,
        help=_("Ones that a Bernoulli arm is believed to have paid before the first pull: raising it makes arms look better."),
    )  # fmt: skip
    prior_zeros: float = Hyper(
        1.0, low=0.1, high=1e6, symbol=r"\beta_0", unit=_("pulls"), advanced=True, settled=True,
        help=_("Zeros that a Bernoulli arm is believed to have paid before the first pull: raising it makes arms look worse."),
    )  # fmt: skip


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each)."""

    q: Any  # (1, 1, A) float64: m, the mean of each belief
    weight: Any  # (1, 1, A) float64
    regret: Any  # (1,) float64
    best_pulls: Any  # (1,) int64


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    is_bernoulli: bool
    reward_spread: float


def memory(config: ThompsonBanditConfig, exact: Exact) -> Memory:
    """Return the prior."""
    mean, weight = config.prior_mean, (config.reward_spread / config.prior_spread) ** 2
    if config.likelihood == "bernoulli":
        weight = config.prior_ones + config.prior_zeros
        mean = config.prior_ones / weight
    return Memory(arm_values(mean, exact), arm_values(weight, exact), *no_pulls())


def knobs(config: ThompsonBanditConfig) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(config.likelihood == "bernoulli", config.reward_spread)


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Pull and learn `max_steps` ≥ 1 times, fewer where the records are full or a belief is no longer finite.

    Pull t draws from block t of the stream `key`: three unused words, the outcome; its draw from the belief about arm a comes from
    the lanes BELIEFS + 2a and BELIEFS + 2a + 1. `ended` has room for the ends, returns, lengths and terminated flags of E
    pulls, each (E,). Returns the number of pulls, twice: each ends an episode.
    """
    cumulative, _next_states, rewards, _terminates, _start, _limit = world
    ends, returns, lengths, terminations = ended
    q, weight, visits, regret, best_pulls = (
        memory.q[0], memory.weight[0], course.visits[0], memory.regret, memory.best_pulls,
    )  # fmt: skip
    step, means = course.position[0, 3], arm_means(cumulative, rewards)
    words = np.empty((4, DRAWS), np.uint64)
    taken, q_new = 0, 0.0
    while taken < min(max_steps, ends.shape[0]) and np.isfinite(q_new):
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
        arm, theta = choose(q, weight, knobs, step, key)
        reward = rewards[0, arm, sample_outcome(cumulative, 0, arm, unit(words[3, draw]))]

        visits[0, arm] += 1
        weight[0, arm] += 1  # (3)
        q_old = q[0, arm]
        q_new = q_old + (reward - q_old) / weight[0, arm]  # (4)
        q[0, arm] = q_new

        count_pull(regret, best_pulls, means, arm)
        step += 1
        ends[taken], returns[taken], lengths[taken], terminations[taken] = step, reward, 1, True
        taken += 1

    close_pulls(course, step, arm, reward)
    trace = course.trace[0]
    trace[0], trace[1], trace[2], trace[3] = 0, arm, reward, theta
    trace[4], trace[5], trace[6] = weight[0, arm], q_old, q_new
    return taken, taken


@kernel
def choose(q: Any, weight: Any, knobs: Any, step: Any, key: Any) -> Any:
    """Return the arm whose draw from its belief is highest, and that draw."""
    chosen, highest = 0, -np.inf
    for arm in range(q.shape[1]):
        mean, worth, lane = q[0, arm], weight[0, arm], BELIEFS + 2 * arm
        if knobs.is_bernoulli:
            theta = beta(mean * worth, (1 - mean) * worth, step, lane, key)  # (1)
        else:
            words = philox(step, lane, key)
            theta = mean + knobs.reward_spread / math.sqrt(worth) * normal(words[0], words[1])
        chosen = arm if theta > highest else chosen
        highest = max(theta, highest)  # (2)
    return chosen, highest


def quantiles(agent: TabularAgent, shares: F64) -> F64:
    """Return the quantiles (A, B) of each belief at `shares` (B,)."""
    return belief_quantiles(agent.memory.q[0, 0][:, None], agent.memory.weight[0, 0][:, None], agent.knobs, shares)


def belief_quantiles(mean: F64, weight: F64, knobs: Knobs, shares: F64) -> F64:
    """Return the quantiles (A, B) at `shares` (B,) of beliefs with `mean` and `weight` (A, 1)."""
    if knobs.is_bernoulli:
        return np.asarray(betaincinv(mean * weight, (1 - mean) * weight, shares))
    return np.asarray(mean + knobs.reward_spread / np.sqrt(weight) * ndtri(shares))


def chances_of_best(agent: TabularAgent) -> F64:
    """Return the probability (A,) with which each arm's draw is the highest: the integral of its density times the others' shares below."""
    mean, weight = agent.memory.q[0, 0], agent.memory.weight[0, 0]
    return _chances_of_best(mean.tobytes(), weight.tobytes(), agent.knobs).copy()


@lru_cache(maxsize=4)  # a picture asks for it several times
def _chances_of_best(means: bytes, weights: bytes, knobs: Knobs) -> F64:
    mean, weight = np.frombuffer(means)[:, None], np.frombuffer(weights)[:, None]
    points = np.unique(belief_quantiles(mean, weight, knobs, (np.arange(QUANTILES) + 0.5) / QUANTILES))
    if knobs.is_bernoulli:
        below = betainc(mean * weight, (1 - mean) * weight, points)
    else:
        below = ndtr((points - mean) * np.sqrt(weight) / knobs.reward_spread)
    below = np.concatenate([np.zeros((len(below), 1)), below, np.ones((len(below), 1))], axis=1)
    others = np.stack([np.delete(below, arm, axis=0).prod(axis=0) for arm in range(len(below))])
    chances = (np.diff(below) * (others[:, 1:] + others[:, :-1]) / 2).sum(axis=1)
    return np.asarray(chances / chances.sum())


def tables(agent: TabularAgent) -> Tables:
    """Return the means of the beliefs; it acts by the chance of being best."""
    q = agent.memory.q[0].copy()
    return Tables(q.max(axis=1), q, greedy_policy(q), chances_of_best(agent)[None])


def belief_low(agent: TabularAgent) -> F64:
    """Return the 5 % quantile of each belief (1, A)."""
    return quantiles(agent, np.array([0.05])).T


def belief_high(agent: TabularAgent) -> F64:
    """Return the 95 % quantile of each belief (1, A)."""
    return quantiles(agent, np.array([0.95])).T


def check(config: ThompsonBanditConfig, environment: Environment) -> None:
    """Raise InvalidInput where an environment is no bandit, or a Bernoulli belief meets payments other than 0 and 1."""
    check_bandit(config, environment)
    mdp = model_of(environment, 1.0)
    others = mdp.rewards[(mdp.probabilities > 0) & (mdp.rewards != 0) & (mdp.rewards != 1)]
    if config.likelihood == "bernoulli" and len(others):
        rule = _("a Bernoulli arm pays 0 or 1, and here one pays {reward:.4g}").format(reward=others[0])
        way_out = _("Choose likelihood gaussian, or kind bernoulli of the bandit.")
        raise InvalidInput.one("config.likelihood", config.likelihood, rule, way_out)


METHOD = Method(
    name="thompson_bandit",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=tables,
    scalars=bandit_scalars,
    signals={"belief_low": belief_low, "belief_high": belief_high},
    call_steps=CALL_PULLS,
)


def agent(config: ThompsonBanditConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a belief about every arm."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="thompson_bandit",
    name=_("Thompson sampling"),
    summary=_("Draws a possible mean for every arm from what it believes, and pulls the highest."),
    family="tabular",
    version=1,
    config=ThompsonBanditConfig,
    agent=agent,
    check=check,
    fits=fits_bandits,
    smoke=Smoke("bandit", 10_000, {"likelihood": "bernoulli"}, {"kind": "bernoulli"}),
    emits=(*CONTROL_SCALARS, *(scalar.name for scalar in BANDIT_SCALARS)),
    signals=(*BASIC_SIGNALS, "belief_low", "belief_high"),
    tabular=True,
    default_steps=10_000,
    inspector=Inspector(
        equation=r"m(a) \leftarrow m(a) + \frac{1}{w(a)}\,\bigl(r - m(a)\bigr)",
        terms=(Term("a", 1), Term("r", 2), Term(r"\theta_a", 3), Term("w(a)", 4), Term("m(a)", 5)),
        result=6,
        number=4,
        old=5,
        state=0,
        action=1,
        backup="bandit",
    ),
    parent="epsilon_greedy_bandit",
    references=(
        "Thompson (1933), On the likelihood that one unknown probability exceeds another in view of the evidence of two samples, Biometrika 25",
        "Russo, Van Roy, Kazerouni, Osband and Wen (2018), A Tutorial on Thompson Sampling, Foundations and Trends in Machine Learning 11",
    ),
    scalars=BANDIT_SCALARS,
    own_signals=SIGNALS,
)  # fmt: skip
