r"""Off-policy Monte Carlo.

Learns about one policy, the target $\pi$, from episodes of another, the behaviour $b$: each return is weighted by how much
likelier the target would have made what followed. The target is the greedy policy (control) or a given one (prediction).

The return is summed from the end of the episode back, and with it the weight of what came after the action $a_t$, which is given:

$$G_t = r_{t+1} + \gamma\, G_{t+1}, \qquad G_T = 0 \tag{1}$$

$$W_t = \prod_{k=t+1}^{T-1} \frac{\pi(a_k \mid s_k)}{b(a_k \mid s_k)} \tag{2}$$

*Weighted* importance sampling divides by the sum $C$ of the weights: biased, but returns that are all equal are estimated exactly from
the first on. *Ordinary* importance sampling divides by the number $N$ of the returns: unbiased for first visits, but the noise of the
weights is multiplied by the size of the returns, and a few returns can weigh more than all others together.

$$C(s_t, a_t) \leftarrow (1 - \eta)\, C(s_t, a_t) + W_t, \qquad \kappa_t = W_t \,/\, C(s_t, a_t), \qquad y_t = G_t \tag{3}$$

$$N(s_t, a_t) \leftarrow (1 - \eta)\, N(s_t, a_t) + 1, \qquad \kappa_t = 1 \,/\, N(s_t, a_t), \qquad y_t = W_t\, G_t \tag{4}$$

With the step size and the target of (3) or of (4) both make the same update:

$$Q(s_t, a_t) \leftarrow Q(s_t, a_t) + \kappa_t\,\bigl(y_t - Q(s_t, a_t)\bigr) \tag{5}$$

With $\eta = 0$ every return counts for ever, as the textbook has it, which for control means those of all the targets that there
were before: they keep the values of bad ones for as long again as they were followed. $\eta > 0$ forgets them.

The behaviour takes any action with probability $\varepsilon$; otherwise, for control, a greedy one of the table when the step is taken,
and for prediction a best one of the true model. The weights have mean 1 over episodes wherever the behaviour may take every
action that the target may take. Without that *coverage* the method is refused: no weight makes up for what never happens.

An episode cut by its time limit is *truncated*: its last state stands in with what the target expects of it,
$G_T = \sum_a \pi(a \mid s_T)\, Q(s_T, a)$.

What this file leaves out:

1. Weights per decision, which give each reward only the weight of the actions before it, and so vary less.
2. The rest of an episode before an action that the target never takes: its weight is 0. Weighted sampling then stops, as there is
   nothing to learn; ordinary sampling counts such returns as 0, and would be biased if it stopped too.
3. Upper confidence bounds for the behaviour: it would take one action for certain, and cover no other.
4. An agent whose world is edited keeps the record it began with: a longer time limit does not lengthen its episodes.
5. A way to the optimum where episodes are long: only their ends, as far as the target would have gone the same way, teach anything.
   After 20 million steps at $\varepsilon = 0.2$ with $\eta = 3 \cdot 10^{-5}$ the greedy policy earns .48 to .73 of .740 on the lake
   (five seeds), 7.89 of 7.93 in the taxi with $\eta = 0.1$ (one seed), and beside the cliff it may not reach the goal at all;
   one-step methods reach all three.

Sources: Sutton and Barto (2018), *Reinforcement Learning*, sections 5.5 to 5.7; Precup, Sutton and Singh (2000), *Eligibility
Traces for Off-Policy Policy Evaluation*; Mahmood, Van Hasselt and Sutton (2014), *Weighted importance sampling for off-policy
learning with linear function approximation*, for the forgetting.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from app.core.config import Hyper
from app.core.contracts import Environment, Problem
from app.core.jit import kernel
from app.core.randomness import philox_block, unit
from app.core.scalars import Scalar
from app.core.specs import AlgorithmSpec, Inspector, Smoke, Term
from app.core.text import _
from app.parts.episodes import Record, eligibility_of, episode_record
from app.parts.evaluated import EvaluatedPolicy, policy_to_evaluate
from app.parts.exact import Exact, policy_changes
from app.parts.exploration import (
    Discount,
    EpsilonGreedy,
    ExplorationKnobs,
    InitialValue,
    exploration_knobs,
    exploration_rate,
)
from app.parts.importance import (
    behave,
    behaviour_chance,
    best_policy,
    count_weight,
    refuse_uncovered,
    tables_of_control,
    tables_of_prediction,
    target_chance,
    target_value,
)
from app.parts.tabular import sample_outcome
from app.parts.tabular_agent import (
    BASIC_SIGNALS,
    CONTROL_SCALARS,
    DRAWS,
    F64,
    Method,
    TabularAgent,
    action_values,
    first_state,
)

TRACE = ("s", "a", "g", "w", "y", "q old", "kappa", "q new")
SCALARS = (
    Scalar("tabular/mean_weight", _("Mean importance weight"), "", "neither",
           _("Mean over all episodes of how much likelier the target would have made the whole episode; its expectation is 1, and it is far from it where few episodes weigh much.")),
    Scalar("tabular/effective_episodes", _("Effective episodes"), _("episodes"), "up",
           _("How many equally weighted episodes the weighted ones are worth: the sum of the weights squared, over the sum of their squares.")),
)  # fmt: skip


class OffPolicyMonteCarloConfig(EvaluatedPolicy, InitialValue, EpsilonGreedy, Discount):
    """Hyperparameters of off-policy Monte Carlo; the defaults are those of Sutton and Barto's section 5.7, with a discount."""

    target: str = Hyper(
        "greedy", choices=("greedy", "evaluated"), settled=True,
        help=_("What is learned about: the greedy policy (control), or the policy named below (prediction)."),
    )  # fmt: skip
    importance_sampling: str = Hyper(
        "weighted", choices=("weighted", "ordinary"), settled=True,
        help=_("Divide by the sum of the weights (biased, less noise) or by the number of the returns (unbiased, more noise)."),
    )  # fmt: skip
    forgetting: float = Hyper(
        0.0, low=0, high=1, symbol=r"\eta", live="step", advanced=True,
        help=_("How much of the weight of earlier returns each new one takes away: raising it follows a target that changes, with more noise; 0 averages all."),
    )  # fmt: skip
    visit: str = Hyper(
        "every", choices=("first", "every"), live="update",
        help=_("Whether a pair counts once in an episode, from its first visit, or at each of its visits."),
    )  # fmt: skip
    epsilon: float = Hyper(
        0.5, low=0, high=1, symbol=r"\varepsilon_0", live="step",
        help=_("Probability of a random action of the behaviour: raising it tries more and gives the target's own episodes less weight."),
    )  # fmt: skip


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each); H is the longest episode that is recorded."""

    q: Any  # (1, S, A) float64
    divisor: Any  # (1, S, A) float64: the sum of the weights, or the number of the returns
    weights: Any  # (1, 3) float64: episodes, sum of their weights, and of the squares
    target: Any  # (1, S, A) float64: the evaluated policy; for control the greedy one is read from q
    base: Any  # (1, S, A) float64: what the behaviour of prediction mixes with random actions
    states: Any  # (1, H) int64, of the running episode, as all below
    actions: Any  # (1, H) int64
    rewards: Any  # (1, H) float64
    is_first: Any  # (1, H) bool: whether the pair was not taken earlier in the episode
    chances: Any  # (1, H) float64: b(a | s) when it was taken
    taken_in: Any  # (1, S, A) int64: 1 + the number of the last episode that took the pair


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    exploration: ExplorationKnobs
    gamma: float
    is_control: bool
    is_weighted: bool
    is_first_visit: bool
    forgetting: float


def memory(config: OffPolicyMonteCarloConfig, exact: Exact) -> Memory:
    """Return the table, the policies and an empty record of an episode."""
    q, record = action_values(config.initial_q, exact), episode_record(exact.horizon)
    target, base = policy_to_evaluate(config, exact), best_policy(exact)
    chances, taken_in = np.ones((1, exact.horizon)), np.zeros(q.shape, np.int64)
    return Memory(q, np.zeros(q.shape), np.zeros((1, 3)), target[None], base[None], *record, chances, taken_in)


def knobs(config: OffPolicyMonteCarloConfig) -> Knobs:
    """Return what the kernel reads."""
    is_weighted, is_first = config.importance_sampling == "weighted", config.visit == "first"
    return Knobs(
        exploration_knobs(config), config.gamma, config.target == "greedy", is_weighted, is_first, config.forgetting
    )


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Act for `max_steps` ≥ 1 steps and learn from every episode that ends, fewer where the records are full.

    Step t draws from block t of the stream `key`: whether to explore, the random action, the tie, the outcome.
    `ended` has room for the ends, returns, lengths and terminated flags of E episodes, each (E,).
    Returns the number of steps taken and of episodes that ended.
    """
    cumulative, next_states, rewards, terminates, cumulative_start, max_episode_steps = world  # once: see World
    ends, returns, lengths, terminations = ended
    visits, taken_in = course.visits[0], memory.taken_in[0]
    states, actions, record, is_first = memory.states[0], memory.actions[0], memory.rewards[0], memory.is_first[0]
    limit = min(max_episode_steps, states.shape[0])
    state, length, episode, step = course.position[0]
    earned = course.earned[0]
    words = np.empty((4, DRAWS), np.uint64)
    taken = n_ended = 0
    has_learned, is_finite = False, True
    while taken < max_steps and n_ended < ends.shape[0] and is_finite:
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
        epsilon = exploration_rate(knobs.exploration, step)
        action = behave(memory, state, epsilon, knobs.is_control, words[:3, draw])

        outcome = sample_outcome(cumulative, state, action, unit(words[3, draw]))
        reward = rewards[state, action, outcome]
        next_state = next_states[state, action, outcome]
        terminated = terminates[state, action, outcome]
        truncated = not terminated and length + 1 >= limit

        visits[state, action] += 1
        states[length], actions[length], record[length] = state, action, reward
        is_first[length], taken_in[state, action] = taken_in[state, action] != episode + 1, episode + 1
        memory.chances[0, length] = behaviour_chance(memory, state, action, epsilon, knobs.is_control)

        earned, length, step, taken = earned + reward, length + 1, step + 1, taken + 1
        last_state, state = state, next_state
        has_learned = terminated or truncated
        if has_learned:
            follows = 0.0 if terminated else target_value(memory, next_state, knobs.is_control)
            is_finite = learn_from_episode(memory, knobs, length, follows, course.trace[0])
            ends[n_ended], returns[n_ended], lengths[n_ended], terminations[n_ended] = step, earned, length, terminated
            n_ended, episode, length, earned = n_ended + 1, episode + 1, 0, 0.0
            state = first_state(cumulative_start, episode, key)

    course.position[0] = state, length, episode, step
    course.earned[0] = earned
    if not has_learned:
        course.trace[0][:] = np.nan
    last = course.last_transition[0]
    last[0], last[1], last[2], last[3], last[4], last[5] = last_state, action, reward, next_state, terminated, truncated
    return taken, n_ended


@kernel
def learn_from_episode(memory: Any, knobs: Any, length: Any, follows: Any, trace: Any) -> Any:
    """Learn from the recorded episode, from its end back to its beginning; `follows` is the return after its last step.

    Writes the numbers of the last update made, and returns whether all values are finite.
    """
    q, divisor = memory.q[0], memory.divisor[0]
    states, actions, rewards, is_first = memory.states[0], memory.actions[0], memory.rewards[0], memory.is_first[0]
    count_weight(memory, knobs.is_control, length)
    g, weight, q_new = follows, 1.0, 0.0
    for t in range(length - 1, -1, -1):
        state, action = states[t], actions[t]
        g = rewards[t] + knobs.gamma * g  # (1)
        if is_first[t] or not knobs.is_first_visit:
            divisor[state, action] *= 1 - knobs.forgetting
            divisor[state, action] += weight if knobs.is_weighted else 1.0
            if knobs.is_weighted:
                y, kappa = g, weight / divisor[state, action]  # (3)
            else:
                y, kappa = weight * g, 1.0 / divisor[state, action]  # (4)
            q_old = q[state, action]
            q_new = q_old + kappa * (y - q_old)  # (5)
            q[state, action] = q_new
            trace[0], trace[1], trace[2], trace[3] = state, action, g, weight
            trace[4], trace[5], trace[6], trace[7] = y, q_old, kappa, q_new
        weight *= target_chance(memory, state, action, knobs.is_control) / memory.chances[0, t]  # (2)
        if weight == 0 and knobs.is_weighted:
            break
    return np.isfinite(q_new)


def check(config: OffPolicyMonteCarloConfig, environment: Environment) -> None:
    """Raise InvalidInput where returns have no end, or where the target may take an action that the behaviour never takes."""
    refuse_uncovered(config, config.target == "greedy", environment)


def eligibility(agent: TabularAgent) -> F64:
    """Return the weight (S, A) with which the next reward enters the return of each pair of the running episode."""
    held, length = agent.memory, int(agent.course.position[0, 1])
    record = Record(held.states, held.actions, held.rewards, held.is_first)
    return eligibility_of(record, length, q=held.q[0], gamma=agent.knobs.gamma, first=agent.knobs.is_first_visit)


def scalars(agent: TabularAgent) -> dict[str, float]:
    """Return ε and what the weights were like so far; for prediction also what is said of a greedy policy."""
    episodes, total, squares = agent.memory.weights[0].tolist()
    values = {
        "tabular/epsilon": float(exploration_rate(agent.knobs.exploration, agent.step)),
        "tabular/mean_weight": total / episodes if episodes else 1.0,
        "tabular/effective_episodes": total**2 / squares if squares else 0.0,
    }
    if agent.method.truth == "optimal":
        return values
    q = agent.memory.q[0]
    before, agent.recorded_greedy = agent.recorded_greedy, agent.exact.greedy_sets(q)
    changes = policy_changes(before, agent.recorded_greedy)
    return {**values, "tabular/greedy_return": agent.exact.greedy_return(q), "tabular/policy_changes": changes}


CONTROL = Method(
    name="off_policy_monte_carlo",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=tables_of_control,
    scalars=scalars,
    signals={"eligibility": eligibility},
    updates="episode",
    call_steps=100_000,
)
PREDICTION = replace(CONTROL, tables=tables_of_prediction, truth="target", evaluates_by="policy")


def agent(config: OffPolicyMonteCarloConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of action values and the record of an episode."""
    return TabularAgent(config, problem, CONTROL if config.target == "greedy" else PREDICTION)


SPEC = AlgorithmSpec(
    id="off_policy_monte_carlo",
    name=_("Off-policy Monte Carlo"),
    summary=_("Learns about one policy from the episodes of another, weighting each return by importance sampling."),
    family="tabular",
    version=1,
    config=OffPolicyMonteCarloConfig,
    agent=agent,
    check=check,
    smoke=Smoke("FrozenLake-v1", 50_000),
    emits=(*CONTROL_SCALARS, "tabular/epsilon", *(scalar.name for scalar in SCALARS)),
    signals=(*BASIC_SIGNALS, "eligibility"),
    tabular=True,
    default_steps=500_000,
    inspector=Inspector(
        equation=r"Q(s,a) \leftarrow Q(s,a) + \kappa\,\bigl(y - Q(s,a)\bigr)",
        terms=(
            Term("s", 0), Term("a", 1), Term("G", 2), Term("W", 3), Term("y", 4), Term("Q(s,a)", 5), Term(r"\kappa", 6),
        ),
        result=7,
        number=5,
        old=5,
        state=0,
        action=1,
        backup="episode",
        waits=_("The episode is still going on: Monte Carlo learns when it has ended. Step to its end."),
        about=_("The episode has ended, and its pairs learn from the end back, as far as the target would have gone the same way. Shown is the last of these updates: {entry}."),
    ),
    parent="monte_carlo_control",
    references=(
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, sections 5.5 to 5.7",
        "Precup, Sutton and Singh (2000), Eligibility Traces for Off-Policy Policy Evaluation, ICML",
    ),
    scalars=SCALARS,
)  # fmt: skip
