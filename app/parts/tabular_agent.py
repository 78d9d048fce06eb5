"""The frame of every learner that keeps a table: its world, its course through it, its reports, its exact diagnostics.

An algorithm's file holds the loop (a kernel), the arrays that the loop changes, and a `Method` that names them; what is the
same for all of them stands here. S states, A actions, K outcomes of a pair, E episodes of one call, N observations.

The loop is called as `learn(world, course, memory, knobs, key, ended, max_steps)` and returns the steps taken and the episodes
that ended. It takes at most `max_steps` ≥ 1 steps, fewer where the records of `ended` are full or a value is no longer finite,
and it may be cut after any step: whatever it needs of the running episode lies in `memory`, and is begun anew where
`course.position` says that the episode's length is 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config
from app.core.contracts import Array, Environment, Problem, Tree
from app.core.errors import TrainingDiverged
from app.core.jit import kernel
from app.core.randomness import Stream, philox, unit
from app.core.report import Episodes, Report
from app.parts.exact import Exact, model_of, policy_changes
from app.parts.exploration import behaviour_policy, exploration_rate
from app.parts.tabular import TabularMDP, greedy_policy, sample_start, sampled_actions

F64 = NDArray[np.float64]
CALL_STEPS = 1_000_000  # about 30 ms of a quick kernel, so that a pause or an edit never waits longer
CALL_EPISODES = 65_536  # episodes that one call can record; it ends early when they are used up
DRAWS = 256  # blocks of random words that a kernel makes at once; the result does not depend on it
RESETS = 1 << 32  # episodes start from lanes of their own, so that they never share a draw with a step

BASIC_SIGNALS = ("v", "q", "policy", "behaviour", "truth", "visits", "last_transition", "trace")
CONTROL_SCALARS = (
    "tabular/max_bellman_residual", "tabular/value_error_max", "tabular/value_error_rms", "tabular/policy_changes",
    "tabular/greedy_return", "tabular/behaviour_return", "tabular/states_visited",
)  # fmt: skip
PREDICTION_SCALARS = (
    "tabular/max_bellman_residual", "tabular/value_error_max", "tabular/value_error_rms", "tabular/behaviour_return",
    "tabular/states_visited",
)  # fmt: skip


class World(NamedTuple):
    """What the kernel draws transitions from.

    A kernel unpacks it before its loop: asking the tuple inside the loop costs half the speed (reference counts).
    """

    cumulative: Any  # (S, A, K) running sums of the probabilities
    next_states: Any  # (S, A, K)
    rewards: Any  # (S, A, K)
    terminated: Any  # (S, A, K)
    cumulative_start: Any  # (S,)
    max_episode_steps: int


class Course(NamedTuple):
    """Where a learner stands, with a leading axis of lanes (one agent each)."""

    visits: Any  # (1, S, A) int64: how often each action was taken in each state
    position: Any  # (1, 4) int64: state, length of the running episode, its number, total steps
    earned: Any  # (1,) float64: return of the running episode so far
    trace: Any  # (1, slots) float64: the numbers of the last update, in the order of the method's trace; NaN where none was made
    last_transition: Any  # (1, 6) float64: state, action, reward, next state, terminated, truncated


@kernel
def first_state(cumulative_start: Any, episode: Any, key: Any) -> Any:
    """Return the state in which an episode starts."""
    return sample_start(cumulative_start, unit(philox(episode, RESETS, key)[0]))


@dataclass(frozen=True)
class Tables:
    """What a learner believes and does: v (S,), q (S, A), its target policy and the policy it behaves by (S, A)."""

    v: F64
    q: F64
    target: F64
    behaviour: F64


@dataclass(frozen=True)
class Method:
    """What makes one learner out of the frame.

    Attributes:
        name: of its stream of draws.
        learn: the compiled loop.
        memory: `(config, exact) → NamedTuple` of the arrays that learning changes, each with a leading axis of lanes.
        knobs: `config → NamedTuple` of what the kernel reads of the configuration.
        trace: names of the trace's slots.
        tables: `agent → Tables`.
        scalars: `agent → scalars` beside the exact ones.
        signals: name → `agent → array`, beside BASIC_SIGNALS.
        truth: whether values are compared with V* or with the exact values of the target policy.
        evaluates_by: whether evaluation episodes take the likeliest actions of the target policy, or draw from it (prediction).
        updates: whether values change at every step, or when an episode ends.
        call_steps: most steps of one call, so that it lasts 20–50 ms at most.
        entered: what to put right in a memory that holds something of the model, after the world changed.
    """

    name: str
    learn: Callable[..., tuple[int, int]]
    memory: Callable[[Any, Exact], Any]
    knobs: Callable[[Any], Any]
    trace: tuple[str, ...]
    tables: "Callable[[TabularAgent], Tables]"
    scalars: "Callable[[TabularAgent], dict[str, float]]" = lambda agent: {}
    signals: "Mapping[str, Callable[[TabularAgent], Array]]" = field(default_factory=dict)
    truth: Literal["optimal", "target"] = "optimal"
    evaluates_by: Literal["likeliest", "policy"] = "likeliest"
    updates: Literal["step", "episode"] = "step"
    call_steps: int = CALL_STEPS
    entered: "Callable[[TabularAgent], None]" = lambda agent: None


class TabularAgent:
    """One learner with a table."""

    def __init__(self, config: Config, problem: Problem, method: Method) -> None:
        self.method, self.config = method, config
        self._place(problem.environment)
        mdp = self.exact.mdp
        key = problem.stream(method.name).key
        self.key = key[0], key[1]
        start = first_state(mdp.cumulative_start, 0, self.key)
        shape = (1, mdp.n_states, mdp.n_actions)
        self.course = Course(
            np.zeros(shape, np.int64), np.array([[start, 0, 0, 0]]), np.zeros(1), np.full((1, len(method.trace)), np.nan),
            np.zeros((1, 6)),
        )  # fmt: skip
        self.memory = method.memory(config, self.exact)
        self.knobs = method.knobs(config)
        self.recorded_greedy = self.exact.greedy_sets(self.tables().q)
        size = CALL_EPISODES
        self.ended = (np.empty(size, np.int64), np.empty(size), np.empty(size, np.int64), np.empty(size, np.bool_))

    @property
    def truth_is(self) -> Literal["optimal", "target"]:
        """Whether v estimates V* or the values of the policy that is shown."""
        return self.method.truth

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return int(self.course.position[0, 3])

    def update(self, max_steps: int) -> Report:
        """Take and learn from at most `max_steps` steps."""
        method = self.method
        taken, n_ended = method.learn(
            self.world, self.course, self.memory, self.knobs, self.key, self.ended, min(max_steps, method.call_steps)
        )
        self._check_finite()
        ends, returns, lengths, terminated = self.ended
        episodes = Episodes(
            ends[:n_ended].copy(), returns[:n_ended].copy(), lengths[:n_ended].copy(), terminated[:n_ended].copy()
        )  # fmt: skip
        return Report(taken, updates=taken if method.updates == "step" else n_ended, episodes=episodes)

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return actions (N,) for states (N,): of the target policy as the method evaluates it, or of the one it behaves by."""
        tables = self.tables()
        if random is None or (greedy and self.method.evaluates_by == "likeliest"):
            likeliest: Array = tables.target[observations].argmax(axis=1)
            return likeliest
        return sampled_actions(tables.target if greedy else tables.behaviour, observations, random)

    def tables(self) -> Tables:
        """Return the values and the policies now."""
        return self.method.tables(self)

    def truth(self) -> F64:
        """Return the exact values (S,) that v estimates: V*, or those of the target policy."""
        if self.method.truth == "optimal":
            return self.exact.optimum
        return self.exact.values_of(self.tables().target)

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return the tables, the truth beside them, and the numbers of the last update."""
        course = self.course
        own = {name: lambda function=function: function(self) for name, function in self.method.signals.items()}
        return {
            "v": lambda: self.tables().v,
            "q": lambda: self.tables().q,
            "policy": lambda: self.tables().target,
            "behaviour": lambda: self.tables().behaviour,
            "truth": self.truth,
            "visits": lambda: course.visits[0].sum(axis=1),
            "last_transition": lambda: course.last_transition[0].copy(),
            "trace": lambda: course.trace[0].copy(),
            **own,
        }

    def diagnostics(self) -> dict[str, float]:
        """Return the exact errors and returns; policy changes count from the last call."""
        tables, exact = self.tables(), self.exact
        values = {
            "tabular/behaviour_return": exact.return_of(tables.behaviour),
            "tabular/states_visited": float(self.course.visits[0].any(axis=1).sum()),
            **self.method.scalars(self),
        }
        if self.method.truth == "target":
            return {**exact.policy_scalars(tables.v, tables.target), **values}
        before, self.recorded_greedy = self.recorded_greedy, exact.greedy_sets(tables.q)
        changes = policy_changes(before, self.recorded_greedy)
        return {**exact.scalars(tables.v, tables.q), "tabular/policy_changes": changes, **values}

    def edit(self, config: Config) -> None:
        """Continue under an edited configuration from the next step on."""
        self.config, self.knobs = config, self.method.knobs(config)

    def enter(self, environment: Environment) -> None:
        """Continue in a changed world of the same states and actions from the next step on.

        Raises:
            InvalidInput: γ = 1, and a state of the changed world cannot end.
        """
        self._place(environment)
        self.method.entered(self)
        state, _length, episode, step = self.course.position[0]
        if not self.exact.reachable[state]:  # the ground is gone: the next episode starts
            start = first_state(self.exact.mdp.cumulative_start, episode + 1, self.key)
            self.course.position[0] = start, 0, episode + 1, step
            self.course.earned[0] = 0.0

    def state(self) -> Tree:
        """Return the tables, the running episode and the counters; draws follow from the counters."""
        return {name: array.copy() for name, array in self._arrays().items()}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        for name, array in self._arrays().items():
            array[...] = tree[name]

    def _place(self, environment: Environment) -> None:
        gamma = float(getattr(self.config, "gamma", 1.0))
        mdp, horizon = model_of(environment, gamma), environment.max_episode_steps
        self.exact = Exact(mdp, gamma, horizon)
        self.world = world_of(mdp, horizon)

    def _check_finite(self) -> None:
        for name, array in self.memory._asdict().items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise TrainingDiverged(name, self.step, float(array[~np.isfinite(array)][0]))

    def _arrays(self) -> dict[str, Array]:
        return {**self.memory._asdict(), **self.course._asdict(), "recorded_greedy": self.recorded_greedy}


def world_of(mdp: TabularMDP, horizon: int) -> World:
    """Return what a kernel needs of a model and its time limit."""
    return World(mdp.cumulative, mdp.next_states, mdp.rewards, mdp.terminated, mdp.cumulative_start, horizon)


def action_values(initial_q: float, exact: Exact) -> F64:
    """Return a fresh table (1, S, A): `initial_q` where an agent may have to act, 0 behind the ends."""
    q = np.zeros((1, exact.mdp.n_states, exact.mdp.n_actions))
    q[:, exact.reachable] = initial_q
    return q


def control_tables(agent: TabularAgent) -> Tables:
    """Return the tables of a learner that explores, whose memory has q (1, S, A) and whose knobs have `exploration`."""
    q = agent.memory.q[0].copy()
    behaviour = behaviour_policy(q, agent.course.visits[0], agent.knobs.exploration, agent.step)
    return Tables(q.max(axis=1), q, greedy_policy(q), behaviour)


def exploration_scalars(agent: TabularAgent) -> dict[str, float]:
    """Return ε, and the mean step size over the states where an agent may have to act."""
    knobs, visits = agent.knobs, agent.course.visits[0]
    alphas = knobs.step_size.alpha / np.maximum(visits, 1) ** knobs.step_size.alpha_exponent
    return {
        "tabular/epsilon": float(exploration_rate(knobs.exploration, agent.step)),
        "tabular/alpha": float(alphas[agent.exact.reachable].mean()),
    }


def check(config: Any, environment: Environment) -> None:
    """Raise InvalidInput where γ = 1 and returns have no end."""
    model_of(environment, config.gamma)
