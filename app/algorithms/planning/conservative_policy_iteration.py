r"""Conservative policy iteration.

Moves a policy only a little towards the greedy one, by as much as a bound on the improvement allows, so that no step ever makes
it worse. The bound is where the trust regions of TRPO come from.

Everything is exact: V and Q of the mixture $\pi$ by a linear solve, its discounted visits $d^\pi(s) = (1 - \gamma) \sum_t \gamma^t P(s_t = s)$ by
another. With $A^\pi = Q^\pi - V^\pi$ and $\pi'$ greedy in $Q^\pi$, the *policy advantage* is what $\pi'$ gains where $\pi$ walks:

$$\mathbb{A} = \sum_s d^\pi(s) \sum_a \pi'(a \mid s)\, A^\pi(s, a) \tag{1}$$

The policy moves by a step $\alpha \in [0, 1]$:

$$\pi(a \mid s) \leftarrow \pi(a \mid s) + \alpha \bigl( \pi'(a \mid s) - \pi(a \mid s) \bigr) \tag{2}$$

Then, for any $\alpha$, the expected return $J(\pi) = \sum_s \mu(s) V^\pi(s)$ from the starts rises by at least

$$\frac{\alpha}{1 - \gamma} \Bigl( \mathbb{A} - \frac{2 \alpha \gamma\, \epsilon}{1 - \gamma (1 - \alpha)} \Bigr), \qquad \epsilon = \max_s \Bigl| \sum_a \pi'(a \mid s) A^\pi(s, a) \Bigr| \tag{3}$$

The first term is what a small step gains; the second is the price of visiting other states than $\pi$ does. No advantage exceeds
$R / (1 - \gamma)$ with $R$ the range of the rewards (and of 0, what follows an end), so the step of the paper always improves:

$$\alpha = \frac{(1 - \gamma)\, \mathbb{A}}{4 R / (1 - \gamma)} \tag{4}$$

It is tiny. Knowing $\epsilon$, one may step further with the same guarantee:

$$\alpha = \frac{(1 - \gamma)\, \mathbb{A}}{4 \gamma\, \epsilon} \tag{5}$$

A constant $\alpha$ guarantees nothing; $\alpha = 1$ is policy iteration. The run ends when $\epsilon < \theta$: then no state has a better action. $\mathbb{A}$ can be 0 long
before, where the policy never walks to the states that could be better.

What it must reach, on every world with an exact model: with the constant step $\alpha = 1$, $V^*$ to $10^{-10}$; with (4) or (5), a
return from the starts that no step lowers. Steps by the bounds are far too small to come near $V^*$ in a run.

What this file leaves out:

1. Samples: the paper estimates $\mathbb{A}$ and finds $\pi'$ by an approximate solver; here both are exact.
2. A restart distribution of its own: $\mu$ is the environment's.
3. $\gamma = 1$, where the bound says nothing.

Values are not multiplied by $1 - \gamma$, as the paper's are; hence the second $1 - \gamma$ in (4).

Sources: Kakade and Langford (2002), *Approximately Optimal Approximate Reinforcement Learning*, ICML, theorem 4.1 and corollary 4.2;
Pirotta et al. (2013), *Safe Policy Iteration*, ICML, for (5).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config, Hyper
from app.core.contracts import Problem
from app.core.scalars import Scalar
from app.core.specs import AlgorithmSpec, Inspector, Smoke, Term
from app.core.text import _
from app.parts.exact import Exact
from app.parts.performance import advantage_over, advantages, discounted_visits
from app.parts.planner import BASIC_SIGNALS, CONTROL_SCALARS, Plan, Planner, Swept, check
from app.parts.tabular import TabularMDP, greedy_actions, one_hot, q_from_v, uniform_policy

F64 = NDArray[np.float64]
SOLVED = 1e-13  # of the largest value: what a linear solve may leave
TRACE = ("s", "a", "pi", "alpha", "pi greedy", "pi new", "advantage")
SCALARS = (
    Scalar("planning/policy_advantage", _("Policy advantage"), _("reward"), "down",
           _("What the greedy policy gains in one step where the present one walks, on average; zero at the optimum."), log_scale=True),
    Scalar("planning/improvement_bound", _("Guaranteed improvement"), _("reward"), "neither",
           _("Lower bound on how much the last step raised the expected discounted return; negative where the step was too long for a guarantee.")),
    Scalar("planning/improvement", _("Improvement"), _("reward"), "neither",
           _("How much the last step did raise the expected discounted return, exactly; never below the guaranteed improvement.")),
    Scalar("planning/step_size", _("Step towards greedy"), "", "neither",
           _("Share of the greedy policy that the last step mixed in.")),
)  # fmt: skip


class ConservativePolicyIterationConfig(Config):
    """Hyperparameters of conservative policy iteration."""

    gamma: float = Hyper(
        0.9, low=0, high=0.999, symbol=r"\gamma",
        help=_("Discount: raising it makes later rewards count more and the guaranteed steps much smaller."),
    )  # fmt: skip
    step_rule: str = Hyper(
        "paper", choices=("paper", "largest_advantage", "constant"), live="update",
        help=_("The step that the range of the rewards allows, the longer one that the largest advantage allows, or a constant one."),
    )  # fmt: skip
    alpha: float = Hyper(
        0.1, low=0, high=1, symbol=r"\alpha", live="update",
        help=_("The constant step: raising it moves faster towards the greedy policy and guarantees less; 1 is policy iteration."),
    )  # fmt: skip
    theta: float = Hyper(
        1e-12, above=0, high=1e6, symbol=r"\theta", scale="log", live="update",
        help=_("Gain of the greedy policy in its best state that counts as none: raising it ends sooner and less exact."),
    )  # fmt: skip


class Memory(NamedTuple):
    """What a step changes, with a leading axis of lanes."""

    v: Any  # (1, S) float64: the exact values of the policy
    policy: Any  # (1, S, A) float64


class Prospect(NamedTuple):
    """What the greedy policy promises."""

    greedy: F64  # (S, A)
    gains: F64  # (S,) Σ_a π′ A
    visits: F64  # (S,) discounted, adding up to at most 1
    policy_advantage: float
    largest: float  # ε


def memory(config: ConservativePolicyIterationConfig, exact: Exact) -> Memory:
    """Return the policy of equal shares and its exact values."""
    policy = uniform_policy(exact.mdp)
    return Memory(exact.values_of(policy)[None].copy(), policy[None])


def prospect(mdp: TabularMDP, policy: F64, v: F64, gamma: float) -> Prospect:
    """Return what the policy greedy in the values v (S,) of `policy` (S, A) promises."""
    greedy = one_hot(greedy_actions(q_from_v(mdp, v, gamma)), mdp.n_actions)
    advantage = advantages(mdp, v, gamma)
    gains = (greedy * advantage).sum(axis=1)
    visits = (1 - gamma) * discounted_visits(mdp, policy, gamma)
    policy_advantage = advantage_over(visits, greedy, advantage)  # (1)
    return Prospect(greedy, gains, visits, policy_advantage, float(np.abs(gains).max()))


def reward_range(mdp: TabularMDP) -> float:
    """Return R: the largest difference between two rewards, or between one and the 0 that follows an end."""
    possible = mdp.rewards[mdp.probabilities > 0]
    return float(max(possible.max(), 0.0) - min(possible.min(), 0.0))


def step_size(config: ConservativePolicyIterationConfig, promise: Prospect, reward_range: float) -> float:
    """Return α: the step that a configuration takes."""
    gamma, policy_advantage = config.gamma, promise.policy_advantage
    if config.step_rule == "constant":
        return config.alpha
    if config.step_rule == "paper":
        alpha = (1 - gamma) * policy_advantage / max(4 * reward_range / (1 - gamma), 1e-300)  # (4)
    else:
        alpha = (1 - gamma) * policy_advantage / max(4 * gamma * promise.largest, 1e-300)  # (5)
    return min(max(alpha, 0.0), 1.0)


def improvement_bound(alpha: float, promise: Prospect, gamma: float) -> float:
    """Return by how much a step of α raises the expected return at least."""
    price = 2 * alpha * gamma * promise.largest / (1 - gamma * (1 - alpha))
    return alpha / (1 - gamma) * (promise.policy_advantage - price)  # (3)


def step(planner: Planner) -> Swept:
    """Move the policy towards the greedy one, and solve for the values of what it has become."""
    mdp, config, gamma = planner.exact.mdp, planner.config, planner.gamma
    policy, v = planner.memory.policy[0], planner.memory.v[0]
    promise = prospect(mdp, policy, v, gamma)
    alpha = step_size(config, promise, reward_range(mdp))
    state = int(np.argmax(promise.visits * promise.gains))
    action = int(promise.greedy[state].argmax())
    pi_old, pi_greedy = policy[state, action], promise.greedy[state, action]

    policy += alpha * (promise.greedy - policy)  # (2)
    before = float(mdp.start @ v)
    solve(planner)

    advantage = promise.gains[state]
    planner.trace[0] = state, action, pi_old, alpha, pi_greedy, policy[state, action], advantage
    scalars = {
        "planning/policy_advantage": promise.policy_advantage,
        "planning/improvement_bound": improvement_bound(alpha, promise, gamma),
        "planning/improvement": float(mdp.start @ v) - before,
        "planning/step_size": alpha,
    }
    nothing = max(config.theta, SOLVED * float(np.abs(v).max()))
    return Swept(is_finished=promise.largest < nothing, scalars=scalars)


def solve(planner: Planner) -> None:
    """Solve for the values of the policy in the world as it is."""
    planner.memory.v[0][:] = planner.exact.values_of(planner.memory.policy[0])


PLAN = Plan(
    memory=memory,
    sweep=step,
    trace=TRACE,
    policy=lambda planner, q: planner.memory.policy[0].copy(),
    scalars=lambda planner, q: {"tabular/behaviour_return": planner.exact.return_of(planner.memory.policy[0])},
    evaluates_by="policy",
    kept=("policy",),
    entered=solve,
)


def agent(config: ConservativePolicyIterationConfig, problem: Problem) -> Planner:
    """Return a planner that starts from the policy of equal shares."""
    return Planner(config, problem, PLAN)


SPEC = AlgorithmSpec(
    id="conservative_policy_iteration",
    name=_("Conservative policy iteration"),
    summary=_("Mixes a little of the greedy policy into the present one, as much as a bound says cannot hurt: where trust regions come from."),
    family="planning",
    version=1,
    config=ConservativePolicyIterationConfig,
    agent=agent,
    check=check,
    smoke=Smoke("FrozenLake-v1", 200, {"step_rule": "constant", "alpha": 0.3}),
    emits=(*CONTROL_SCALARS, "tabular/behaviour_return", *(scalar.name for scalar in SCALARS)),
    signals=BASIC_SIGNALS,
    scalars=SCALARS,
    tabular=True,
    needs_model=True,
    emits_episodes=False,
    step_unit="update",
    default_steps=2_000,
    parent="policy_iteration",
    inspector=Inspector(
        equation=r"\pi(a \mid s) \leftarrow \pi(a \mid s) + \alpha\,\bigl(\pi'(a \mid s) - \pi(a \mid s)\bigr)",
        terms=(Term(r"\pi(a \mid s)", 2), Term(r"\alpha", 3), Term(r"\pi'(a \mid s)", 4)),
        result=5,
        number=2,
        old=2,
        state=0,
        action=1,
        backup="gradient",
        waits=_("No step has been made yet."),
        about=_("The policy moves in every state. Shown is the state whose change promises most: {entry}."),
    ),
    references=(
        "Kakade and Langford (2002), Approximately Optimal Approximate Reinforcement Learning, ICML",
        "Pirotta, Restelli, Pecorino and Calandriello (2013), Safe Policy Iteration, ICML",
    ),
)  # fmt: skip
