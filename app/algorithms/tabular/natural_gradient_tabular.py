r"""Natural policy gradient on a table.

Collects a batch of steps with a softmax policy, and moves it where the expected return rises fastest *per change of the policy*, not
per change of the numbers that stand for it. The critic is the actor-critic's; what is new is the Fisher matrix.

The policy is $\pi(a \mid s) = e^{\theta(s, a)} / \sum_b e^{\theta(s, b)}$. Each step of the batch is judged by

$$\delta_t = r_{t+1} + \gamma\, (1 - \text{terminated}_{t+1})\, V(s_{t+1}) - V(s_t), \qquad V(s_t) \leftarrow V(s_t) + \alpha_V\, \delta_t \tag{1}$$

and added to the gradient of its state, with the weight $w_t$: $\gamma^t$, or 1 as most implementations have it,

$$g(s_t, b) \leftarrow g(s_t, b) + w_t\, \delta_t \bigl( [a_t = b] - \pi(b \mid s_t) \bigr), \qquad d(s_t) \leftarrow d(s_t) + w_t \tag{2}$$

Or both come from the model: $d$ are the discounted visits and $g(s, b) = d(s)\, \pi(b \mid s)\, A^\pi(s, b)$, the exact gradient of the
expected return. The divergence between a policy and its neighbour is a quadratic form, whose matrix has one block for each state:

$$F(s) = d(s) \bigl( \operatorname{diag}(\pi) - \pi \pi^\top \bigr), \qquad \mathrm{KL} \approx \tfrac12\, \Delta\theta^\top F\, \Delta\theta \tag{3}$$

A block is singular, because adding a constant to all preferences of a state changes nothing; the pseudo-inverse leaves that direction
alone. With a damping $\lambda$ that keeps rarely taken actions from making large steps, the natural step is

$$x(s) = \bigl( F(s) + \lambda\, d(s) I \bigr)^{+} g(s) \tag{4}$$

$$\theta(s, b) \leftarrow \theta(s, b) + \alpha\, x(s, b) \tag{5}$$

With the exact gradient and $\lambda = 0$, $x(s, b)$ is the advantage $A^\pi(s, b)$ up to a constant of the state: $d$ has dropped out, so states
that are hardly visited learn as fast as the start. That is policy iteration with soft steps: $\pi(b \mid s)$ is multiplied by $e^{\alpha A^\pi(s, b)}$.

What this file leaves out:

1. Conjugate gradients, which large networks need: here each block is small enough to invert.
2. A bound on the divergence of a step, which is TRPO; the divergence is only reported.
3. $\gamma = 1$: a policy that is learned may forget to end, and then has no value.

Sources: Kakade (2002), *A Natural Policy Gradient*, NIPS 14; Bagnell and Schneider (2003), *Covariant Policy Search*, IJCAI;
Agarwal, Kakade, Lee and Mahajan (2021), *On the Theory of Policy Gradient Methods*, JMLR 22.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.config import Hyper
from app.core.contracts import Array, Problem
from app.core.jit import kernel
from app.core.randomness import philox_block, unit
from app.core.scalars import Scalar
from app.core.signals import Signal
from app.core.specs import AlgorithmSpec, Inspector, Smoke, Term
from app.core.text import _
from app.parts.exact import Exact
from app.parts.performance import discounted_visits
from app.parts.softmax import (
    SOFTMAX_SCALARS,
    ActorStep,
    CriticStep,
    SoftmaxDiscount,
    check,
    divergences,
    draw_action,
    fisher,
    model_in,
    policy_gradient,
    softmax_policy,
    softmax_row,
    softmax_scalars,
    softmax_tables,
)
from app.parts.tabular import sample_outcome
from app.parts.tabular_agent import BASIC_SIGNALS, DRAWS, Method, TabularAgent, first_state

F64 = NDArray[np.float64]
TRACE = ("s", "a", "theta old", "alpha", "natural", "gradient", "pi", "theta new")
CALL_UPDATES = 20  # of a call, so that it stays short
KL = Scalar(
    "tabular/policy_kl", _("Change of the policy"), _("nats"), "neither",
    _("Mean divergence of the policy from what it was before the last update, over the states of its batch; a sudden rise announces an unstable step."), log_scale=True,
)  # fmt: skip
FISHER = Signal(
    "fisher",
    "(S, A, A)",
    "",
    _("Fisher matrix of the policy in each state: how far a small change of its preferences moves it."),
)


class NaturalGradientTabularConfig(CriticStep, SoftmaxDiscount, ActorStep):
    """Hyperparameters of the natural policy gradient on a table."""

    n_steps: int = Hyper(
        200, low=16, high=100_000, unit="env steps", scale="log", live="update",
        help=_("Steps of a batch: raising it makes each update surer and rarer."),
    )  # fmt: skip
    gradient: str = Hyper(
        "sampled", choices=("sampled", "exact"), live="update",
        help=_("From the steps of the batch, or exactly from the model as if the batch were endless."),
    )  # fmt: skip
    damping: float = Hyper(
        0.05, low=0, high=10, symbol=r"\lambda", live="update",
        help=_("Added to the Fisher matrix: raising it moves rarely taken actions less, towards the plain gradient."),
    )  # fmt: skip


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each)."""

    theta: Any  # (1, S, A) float64: preferences
    v: Any  # (1, S) float64
    gradient: Any  # (1, S, A) float64: sums of the running batch
    weights: Any  # (1, S) float64: of the running batch
    gathered: Any  # (1,) int64: steps of the running batch
    divergence: Any  # (1,) float64: of the last update


class Knobs(NamedTuple):
    """The configuration as the loop reads it."""

    alpha: float
    alpha_v: float
    gamma: float
    discounts_states: bool
    n_steps: int
    is_exact: bool
    damping: float


def memory(config: NaturalGradientTabularConfig, exact: Exact) -> Memory:
    """Return the tables before the first step."""
    shape = (1, exact.mdp.n_states, exact.mdp.n_actions)
    values, counts = (np.zeros(shape[:2]) for _ in range(2))
    return Memory(np.zeros(shape), values, np.zeros(shape), counts, np.zeros(1, np.int64), np.zeros(1))


def knobs(config: NaturalGradientTabularConfig) -> Knobs:
    """Return what the loop reads."""
    is_exact = config.gradient == "exact"
    return Knobs(
        config.alpha, config.alpha_v, config.gamma, config.discounts_states, config.n_steps, is_exact, config.damping
    )


@kernel
def collect(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Act for `max_steps` ≥ 1 steps under one policy, fewer where the records are full, and add up the gradient.

    Step t draws from block t of the stream `key`: the action, the outcome. Returns the steps taken and the episodes that ended.
    """
    cumulative, next_states, rewards, terminates, cumulative_start, max_episode_steps = world
    ends, returns, lengths, terminations = ended
    theta, v, visits = memory.theta[0], memory.v[0], course.visits[0]
    gradient, weights = memory.gradient[0], memory.weights[0]
    state, length, episode, step = course.position[0]
    earned = course.earned[0]
    words, policy = np.empty((4, DRAWS), np.uint64), np.empty(theta.shape[1])
    taken = n_ended = 0
    while taken < max_steps and n_ended < ends.shape[0]:
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
        softmax_row(theta, state, policy)
        action = draw_action(policy, unit(words[0, draw]))

        outcome = sample_outcome(cumulative, state, action, unit(words[1, draw]))
        reward = rewards[state, action, outcome]
        next_state = next_states[state, action, outcome]
        terminated = terminates[state, action, outcome]
        truncated = not terminated and length + 1 >= max_episode_steps

        visits[state, action] += 1
        v_next = 0.0 if terminated else v[next_state]
        delta = reward + knobs.gamma * v_next - v[state]  # (1)
        v[state] += knobs.alpha_v * delta
        weight = knobs.gamma**length if knobs.discounts_states else 1.0
        weights[state] += weight
        for b in range(theta.shape[1]):
            score = (1.0 if b == action else 0.0) - policy[b]
            gradient[state, b] += weight * delta * score  # (2)

        earned, length, step, taken = earned + reward, length + 1, step + 1, taken + 1
        last_state, state = state, next_state
        if terminated or truncated:
            ends[n_ended], returns[n_ended], lengths[n_ended], terminations[n_ended] = step, earned, length, terminated
            n_ended, episode, length, earned = n_ended + 1, episode + 1, 0, 0.0
            state = first_state(cumulative_start, episode, key)

    course.position[0] = state, length, episode, step
    course.earned[0] = earned
    memory.gathered[0] += taken
    last = course.last_transition[0]
    last[0], last[1], last[2], last[3], last[4], last[5] = last_state, action, reward, next_state, terminated, truncated
    return taken, n_ended


def natural_step(gradient: F64, weights: F64, policy: F64, damping: float) -> F64:
    """Return x (S, A) for the gradient (S, A) and the weights d (S,) of a policy (S, A); 0 where d is 0."""
    seen, identity = weights > 0, np.eye(policy.shape[1])
    blocks = fisher(policy[seen])  # (3)
    each = weights[seen, None]
    step = np.zeros_like(gradient)
    inverses = np.linalg.pinv(blocks + damping * identity, hermitian=True)
    step[seen] = np.einsum("sab,sb->sa", inverses, gradient[seen] / each)  # (4)
    return step


def improve(world: Any, memory: Memory, knobs: Knobs, trace: F64) -> None:
    """Move the policy by one natural step, begin a new batch, and leave the numbers of the largest change in `trace`."""
    theta, gradient, weights = memory.theta[0], memory.gradient[0], memory.weights[0]
    policy, before = softmax_policy(theta), theta.copy()
    if knobs.is_exact:
        mdp = model_in(world)
        gradient, weights = policy_gradient(mdp, policy, knobs.gamma), discounted_visits(mdp, policy, knobs.gamma)
    step = natural_step(gradient, weights, policy, knobs.damping)
    theta += knobs.alpha * step  # (5)
    memory.divergence[0] = divergences(policy, softmax_policy(theta)) @ weights / weights.sum()
    state, action = np.unravel_index(np.abs(step).argmax(), step.shape)
    where = int(state), int(action)
    trace[:] = *where, before[where], knobs.alpha, step[where], gradient[where], policy[where], theta[where]
    memory.gradient[:], memory.weights[:], memory.gathered[:] = 0.0, 0.0, 0


def learn(world: Any, course: Any, *rest: Any) -> tuple[int, int]:
    """Collect batches and improve after each, for at most `max_steps` ≥ 1 steps and CALL_UPDATES updates."""
    memory, knobs, key, ended, max_steps = rest
    taken = n_ended = n_updates = 0
    while taken < max_steps and n_ended < len(ended[0]) and n_updates < CALL_UPDATES:
        room = min(max_steps - taken, max(1, knobs.n_steps - int(memory.gathered[0])))
        steps, episodes = collect(world, course, memory, knobs, key, tuple(record[n_ended:] for record in ended), room)
        taken, n_ended = taken + steps, n_ended + episodes
        course.trace[:] = np.nan
        if memory.gathered[0] >= knobs.n_steps:
            improve(world, memory, knobs, course.trace[0])
            n_updates += 1
            if not np.isfinite(memory.theta).all():
                break
    return taken, n_ended


def fisher_now(agent: TabularAgent) -> Array:
    """Return the Fisher matrices (S, A, A) of the policy now."""
    return fisher(softmax_policy(agent.memory.theta[0]))


def scalars(agent: TabularAgent) -> dict[str, float]:
    """Return what every softmax learner reports, and how far the last update moved the policy."""
    return {**softmax_scalars(agent), KL.name: float(agent.memory.divergence[0])}


METHOD = Method(
    name="natural_gradient_tabular",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=softmax_tables,
    scalars=scalars,
    signals={FISHER.name: fisher_now},
    truth="target",
)


def agent(config: NaturalGradientTabularConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of preferences and a table of values."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="natural_gradient_tabular",
    name=_("Natural policy gradient (table)"),
    summary=_("Moves a policy where the return rises fastest per change of the policy itself, measured by its Fisher matrix."),
    family="tabular",
    version=1,
    config=NaturalGradientTabularConfig,
    agent=agent,
    check=check,
    smoke=Smoke("FrozenLake-v1", 50_000, {"alpha": 0.5}, {"is_slippery": False}),
    emits=(*SOFTMAX_SCALARS, KL.name),
    signals=(*BASIC_SIGNALS, FISHER.name),
    scalars=(KL,),
    own_signals=(FISHER,),
    tabular=True,
    default_steps=200_000,
    parent="actor_critic_tabular",
    inspector=Inspector(
        equation=r"\theta(s,a) \leftarrow \theta(s,a) + \alpha\,x(s,a)",
        terms=(Term(r"\theta(s,a)", 2), Term(r"\alpha", 3), Term("x(s,a)", 4)),
        result=7,
        number=5,
        old=2,
        state=0,
        action=1,
        backup="gradient",
        waits=_("The batch is being collected: the policy changes when it is full."),
        about=_("The batch is full, and the policy moves in every state. Shown is the preference that moved most: {entry}."),
    ),
    references=(
        "Kakade (2002), A Natural Policy Gradient, NIPS 14",
        "Bagnell and Schneider (2003), Covariant Policy Search, IJCAI",
        "Agarwal, Kakade, Lee and Mahajan (2021), On the Theory of Policy Gradient Methods, JMLR 22",
    ),
)  # fmt: skip
