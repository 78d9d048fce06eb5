r"""Q-learning.

Learns the value of every action in every state from single steps, and always learns about the greedy policy,
whatever it does to explore. Compiled with numba, the loop below is the loop that runs.

The return that is maximised discounts a reward $k$ steps ahead by $\gamma^k$. The target of one step bootstraps from the
best action in the next state, and from nothing where the environment has ended:

$$y_t = r_{t+1} + \gamma \,(1 - \text{terminated}_{t+1}) \max_{a} Q(s_{t+1}, a) \tag{1}$$

$$\delta_t = y_t - Q(s_t, a_t) \tag{2}$$

$$Q(s_t, a_t) \leftarrow Q(s_t, a_t) + \alpha_t\, \delta_t \tag{3}$$

An episode cut by its time limit is *truncated*, not terminated: the world goes on, so (1) still bootstraps.

The step size is constant, or shrinks with the number of visits $N$ of the pair, which is what makes Q converge to Q*
(for $\omega$ in $(\tfrac12, 1]$, if every pair is visited for ever):

$$\alpha_t = \alpha \, / \, N(s_t, a_t)^{\omega} \tag{4}$$

Exploration is $\varepsilon$-greedy. Among $k$ actions the greedy one has probability $1 - \varepsilon + \varepsilon / k$; ties are broken at random:

$$a_t = \begin{cases} \text{any action} & \text{with probability } \varepsilon_t \\ \arg\max_a Q(s_t, a) & \text{otherwise} \end{cases} \tag{5}$$

with $\varepsilon_t$ constant or falling from $\varepsilon_0$ to $\varepsilon_1$ within $T$ steps, along a line or by equal factors:

$$\varepsilon_t = \varepsilon_0 + (\varepsilon_1 - \varepsilon_0) \min(t / T, 1) \tag{6}$$

$$\varepsilon_t = \varepsilon_0 \, (\varepsilon_1 / \varepsilon_0)^{\min(t / T,\, 1)} \tag{7}$$

What this file leaves out:

1. Traces: each step changes one number. Watkins' Q(λ) changes all recently visited ones.
2. The correction of the maximum's upward bias in (1); that is double Q-learning.
3. A model: the environment's exact tables are only drawn from, never looked into.

Sources: Watkins (1989), *Learning from Delayed Rewards*; Watkins and Dayan (1992), *Q-learning*, Machine Learning 8;
Sutton and Barto (2018), *Reinforcement Learning*, section 6.5; Even-Dar and Mansour (2003), *Learning Rates for Q-learning*, JMLR 5.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from app.core.config import Config, Hyper
from app.core.contracts import Array, Environment, Problem, Tree
from app.core.errors import TrainingDiverged
from app.core.jit import kernel
from app.core.randomness import Stream, below, philox, philox_block, unit
from app.core.report import Episodes, Report
from app.core.signals import Signal
from app.core.specs import AlgorithmSpec, Inspector, Smoke, Term
from app.core.text import _
from app.parts.exact import Exact, model_of, policy_changes
from app.parts.tabular import greedy_policy, sample_outcome, sample_start

SCHEDULES = ("constant", "linear", "exponential")
CALL_STEPS = 1_000_000  # about 30 ms of kernel, so that a pause or an edit never waits longer
CALL_EPISODES = 65_536  # episodes that one call can record; it ends early when they are used up
DRAWS = 256  # blocks of random words made at once; the result does not depend on it
RESETS = 1 << 32  # episodes start from lanes of their own, so that they never share a draw with a step
TRACE = ("s", "a", "r", "max q next", "q old", "delta", "alpha", "gamma", "q new")


class QLearningConfig(Config):
    """Hyperparameters of Q-learning; the defaults are those of Sutton and Barto's example 6.6, with a discount."""

    alpha: float = Hyper(
        0.5, low=0, high=1, symbol=r"\alpha", live="step",
        help=_("Step size: raising it learns faster from each step and remembers more of its noise."),
    )  # fmt: skip
    alpha_schedule: str = Hyper(
        "constant", choices=("constant", "visits"),
        help=_("Constant, or divided by a power of how often the state–action pair was visited."),
    )  # fmt: skip
    alpha_exponent: float = Hyper(
        0.6, low=0, high=1, symbol=r"\omega", advanced=True,
        help=_("Power of the visit count that divides the step size; raising it averages over more of the past."),
    )  # fmt: skip
    gamma: float = Hyper(
        0.99, low=0, high=1, symbol=r"\gamma",
        help=_("Discount: raising it makes later rewards count more; 1 is for tasks that always can end."),
    )  # fmt: skip
    epsilon: float = Hyper(
        0.1, low=0, high=1, symbol=r"\varepsilon_0", live="step",
        help=_("Probability of a random action: raising it explores more and earns less while learning."),
    )  # fmt: skip
    epsilon_schedule: str = Hyper(
        "constant", choices=SCHEDULES,
        help=_("Whether exploration stays constant or falls to its final value, on a line or by equal factors."),
    )  # fmt: skip
    epsilon_final: float = Hyper(
        0.01, low=0, high=1, symbol=r"\varepsilon_1", live="step", advanced=True,
        help=_("Where a falling exploration ends: raising it keeps more exploration for ever."),
    )  # fmt: skip
    epsilon_decay_steps: int = Hyper(
        50_000, low=1, high=1_000_000_000, unit="env steps", symbol="T", scale="log", advanced=True,
        help=_("Steps until exploration reaches its final value: raising it explores longer."),
    )  # fmt: skip
    initial_q: float = Hyper(
        0.0, low=-1e6, high=1e6, symbol="Q_0", advanced=True, settled=True,
        help=_("First estimate of every action: above any reachable return, everything untried looks attractive and gets tried."),
    )  # fmt: skip


class World(NamedTuple):
    """What the kernel draws transitions from. S states, A actions, K outcomes of a pair.

    A kernel unpacks it before its loop: asking the tuple inside the loop costs half the speed (reference counts).
    """

    cumulative: Any  # (S, A, K) running sums of the probabilities
    next_states: Any  # (S, A, K)
    rewards: Any  # (S, A, K)
    terminated: Any  # (S, A, K)
    cumulative_start: Any  # (S,)
    max_episode_steps: int


class Memory(NamedTuple):
    """Everything that learning changes, with a leading axis of lanes (one agent each)."""

    q: Any  # (1, S, A) float64
    visits: Any  # (1, S, A) int64: how often each action was taken in each state
    position: Any  # (1, 4) int64: state, length of the running episode, its number, total steps
    earned: Any  # (1,) float64: return of the running episode so far
    trace: Any  # (1, 9) float64: the numbers of the last update, in the order of TRACE
    last_transition: Any  # (1, 6) float64: state, action, reward, next state, terminated, truncated


class Knobs(NamedTuple):
    """The configuration as the kernel reads it; an exponent of 0 keeps the step size constant."""

    alpha: float
    alpha_exponent: float
    gamma: float
    epsilon: float
    epsilon_schedule: int
    epsilon_final: float
    epsilon_decay_steps: int


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
    """Return ε at a step of the run."""
    progress = min(step / knobs.epsilon_decay_steps, 1.0)
    if knobs.epsilon_schedule == 1:
        return knobs.epsilon + (knobs.epsilon_final - knobs.epsilon) * progress  # (6)
    if knobs.epsilon_schedule == 2 and knobs.epsilon > 0:
        return knobs.epsilon * (knobs.epsilon_final / knobs.epsilon) ** progress  # (7)
    return knobs.epsilon


@kernel
def step_size(knobs: Any, n_visits: Any) -> Any:
    """Return α for the n-th visit of a pair."""
    if knobs.alpha_exponent == 0:
        return knobs.alpha
    return knobs.alpha / n_visits**knobs.alpha_exponent  # (4)


@kernel
def first_state(cumulative_start: Any, episode: Any, key: Any) -> Any:
    """Return the state in which an episode starts."""
    return sample_start(cumulative_start, unit(philox(episode, RESETS, key)[0]))


@kernel
def learn(world: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Act and learn for `max_steps` ≥ 1 steps, fewer where the records are full or q is no longer finite.

    Step t draws from block t of the stream `key`: whether to explore, the random action, the tie, the outcome.
    `ended` has room for the ends, returns, lengths and terminated flags of E episodes, each (E,).
    Returns the number of steps taken and of episodes that ended.
    """
    cumulative, next_states, rewards, terminates, cumulative_start, max_episode_steps = world  # once: see World
    ends, returns, lengths, terminations = ended
    q, visits = memory.q[0], memory.visits[0]
    state, length, episode, step = memory.position[0]
    earned = memory.earned[0]
    words = np.empty((4, DRAWS), np.uint64)
    taken = n_ended = 0
    q_new = 0.0
    while taken < max_steps and n_ended < ends.shape[0] and np.isfinite(q_new):
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
        if unit(words[0, draw]) < exploration_rate(knobs, step):
            action = below(words[1, draw], q.shape[1])
        else:
            action = greedy_action(q, state, words[2, draw])  # (5)

        outcome = sample_outcome(cumulative, state, action, unit(words[3, draw]))
        reward = rewards[state, action, outcome]
        next_state = next_states[state, action, outcome]
        terminated = terminates[state, action, outcome]
        truncated = not terminated and length + 1 >= max_episode_steps

        visits[state, action] += 1
        alpha = step_size(knobs, visits[state, action])
        max_q_next = 0.0 if terminated else best_value(q, next_state)
        target = reward + knobs.gamma * max_q_next  # (1)
        q_old = q[state, action]
        delta = target - q_old  # (2)
        q_new = q_old + alpha * delta  # (3)
        q[state, action] = q_new

        earned, length, step, taken = earned + reward, length + 1, step + 1, taken + 1
        last_state, state = state, next_state
        if terminated or truncated:
            ends[n_ended], returns[n_ended], lengths[n_ended], terminations[n_ended] = step, earned, length, terminated
            n_ended, episode, length, earned = n_ended + 1, episode + 1, 0, 0.0
            state = first_state(cumulative_start, episode, key)

    memory.position[0] = state, length, episode, step
    memory.earned[0] = earned
    trace, last = memory.trace[0], memory.last_transition[0]
    trace[0], trace[1], trace[2], trace[3], trace[4] = last_state, action, reward, max_q_next, q_old
    trace[5], trace[6], trace[7], trace[8] = delta, alpha, knobs.gamma, q_new
    last[0], last[1], last[2], last[3], last[4], last[5] = last_state, action, reward, next_state, terminated, truncated
    return taken, n_ended


class QLearning:
    """One agent with a table of action values. S states, A actions, N observations asked about."""

    def __init__(self, config: QLearningConfig, problem: Problem) -> None:
        mdp = model_of(problem.environment, config.gamma)
        horizon = problem.environment.max_episode_steps
        self.exact = Exact(mdp, config.gamma, horizon)
        self.world = World(
            mdp.cumulative, mdp.next_states, mdp.rewards, mdp.terminated, mdp.cumulative_start, horizon
        )  # fmt: skip
        key = problem.stream("q_learning").key
        self.key = key[0], key[1]
        shape = (1, mdp.n_states, mdp.n_actions)
        q = np.zeros(shape)
        q[:, self.exact.reachable] = config.initial_q
        start = first_state(mdp.cumulative_start, 0, self.key)
        self.memory = Memory(
            q, np.zeros(shape, np.int64), np.array([[start, 0, 0, 0]]), np.zeros(1), np.zeros((1, len(TRACE))), np.zeros((1, 6))
        )  # fmt: skip
        self.recorded_greedy = self.exact.greedy_sets(q[0])
        size = CALL_EPISODES
        self.ended = (np.empty(size, np.int64), np.empty(size), np.empty(size, np.int64), np.empty(size, np.bool_))
        self.edit(config)

    def update(self, max_steps: int) -> Report:
        """Take and learn from at most `max_steps` steps."""
        taken, n_ended = learn(self.world, self.memory, self.knobs, self.key, self.ended, min(max_steps, CALL_STEPS))
        q_new = float(self.memory.trace[0, TRACE.index("q new")])
        if not np.isfinite(q_new):
            raise TrainingDiverged("Q(s, a)", int(self.memory.position[0, 3]), q_new)
        ends, returns, lengths, terminated = self.ended
        episodes = Episodes(
            ends[:n_ended].copy(), returns[:n_ended].copy(), lengths[:n_ended].copy(), terminated[:n_ended].copy()
        )  # fmt: skip
        return Report(taken, updates=taken, episodes=episodes)

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return actions (N,) for states (N,)."""
        actions: Array = self.memory.q[0][observations].argmax(axis=1)
        if greedy or random is None:
            return actions
        explores = random.uniforms(len(actions)) < exploration_rate(self.knobs, self.memory.position[0, 3])
        return np.where(explores, random.integers(self.memory.q.shape[2], len(actions)), actions)

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return the tables, and the numbers of the last update."""
        memory = self.memory
        return {
            "v": lambda: memory.q[0].max(axis=1),
            "q": lambda: memory.q[0].copy(),
            "policy": lambda: greedy_policy(memory.q[0]),
            "visits": lambda: memory.visits[0].sum(axis=1),
            "last_transition": lambda: memory.last_transition[0].copy(),
            "trace": lambda: memory.trace[0].copy(),
        }

    def diagnostics(self) -> dict[str, float]:
        """Return the exact errors and the state of exploration; policy changes count from the last call."""
        q, visits = self.memory.q[0], self.memory.visits[0]
        before, self.recorded_greedy = self.recorded_greedy, self.exact.greedy_sets(q)
        alphas = self.knobs.alpha / np.maximum(visits, 1) ** self.knobs.alpha_exponent
        return {
            **self.exact.scalars(q.max(axis=1), q),
            "tabular/policy_changes": policy_changes(before, self.recorded_greedy),
            "tabular/states_visited": float(visits.any(axis=1).sum()),
            "tabular/epsilon": float(exploration_rate(self.knobs, self.memory.position[0, 3])),
            "tabular/alpha": float(alphas[self.exact.reachable].mean()),
        }

    def edit(self, config: Config) -> None:
        """Continue under an edited configuration from the next step on."""
        assert isinstance(config, QLearningConfig)
        self.config = config
        self.knobs = Knobs(
            config.alpha, config.alpha_exponent if config.alpha_schedule == "visits" else 0.0, config.gamma,
            config.epsilon, SCHEDULES.index(config.epsilon_schedule), config.epsilon_final, config.epsilon_decay_steps,
        )  # fmt: skip

    def state(self) -> Tree:
        """Return the tables, the running episode and the counters; draws follow from the counters."""
        return {name: array.copy() for name, array in self._arrays().items()}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        for name, array in self._arrays().items():
            array[...] = tree[name]

    def _arrays(self) -> dict[str, Array]:
        return {**self.memory._asdict(), "recorded_greedy": self.recorded_greedy}


def check(config: QLearningConfig, environment: Environment) -> None:
    """Raise InvalidInput where γ = 1 and returns have no end."""
    model_of(environment, config.gamma)


SPEC = AlgorithmSpec(
    id="q_learning",
    name=_("Q-learning"),
    summary=_("Learns the value of every action from single steps, towards the best next action, while exploring."),
    family="tabular",
    version=1,
    config=QLearningConfig,
    agent=QLearning,
    check=check,
    smoke=Smoke("CliffWalking-v1", 20_000, {"gamma": 1.0}),
    emits=(
        "tabular/max_bellman_residual", "tabular/value_error_max", "tabular/value_error_rms", "tabular/policy_changes",
        "tabular/greedy_return", "tabular/states_visited", "tabular/epsilon", "tabular/alpha",
    ),
    signals=("v", "q", "policy", "visits", "last_transition", "trace"),
    tabular=True,
    default_steps=200_000,
    inspector=Inspector(
        equation=r"Q(s,a) \leftarrow Q(s,a) + \alpha\,\bigl(r + \gamma \max_{a'} Q(s',a') - Q(s,a)\bigr)",
        terms=(
            Term("s", 0), Term("a", 1), Term("r", 2), Term(r"\max_{a'} Q(s',a')", 3), Term("Q(s,a)", 4),
            Term(r"\delta", 5), Term(r"\alpha", 6), Term(r"\gamma", 7),
        ),
        result=8,
        number=3,
    ),
    references=(
        "Watkins (1989), Learning from Delayed Rewards, thesis, Cambridge",
        "Watkins and Dayan (1992), Q-learning, Machine Learning 8",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 6.5",
        "Even-Dar and Mansour (2003), Learning Rates for Q-learning, JMLR 5",
    ),
    own_signals=(
        Signal("trace", "(9,)", "mixed", _("The numbers of the last update: ") + ", ".join(TRACE) + "."),
    ),
)  # fmt: skip
