"""The frame of every planner: the model it sweeps over, its reports, its exact diagnostics.

A planner never acts. An algorithm's file holds the sweep (a kernel) and a `Plan` that names what the sweep changes; what is
the same for all of them stands here. One update is one sweep, so nothing depends on how updates are cut into calls.
S states, A actions, K outcomes of a pair, n states to sweep, N observations asked about.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config, Hyper
from app.core.contracts import Array, Environment, Problem, Tree
from app.core.errors import TrainingDiverged
from app.core.jit import kernel
from app.core.randomness import Stream
from app.core.report import Report
from app.core.text import _
from app.parts.exact import Exact, model_of, policy_changes
from app.parts.tabular import TabularMDP, greedy_policy, q_from_v, sampled_actions

F64 = NDArray[np.float64]
ROUNDING = 1e-15  # of the largest value: changes below it may go on for ever

BACKUP_TRACE = ("s", "a", "r", "v next", "v old", "gamma", "v new")
BASIC_SIGNALS = ("v", "q", "policy", "truth", "trace")
CONTROL_SCALARS = (
    "tabular/max_bellman_residual", "tabular/value_error_max", "tabular/value_error_rms", "tabular/policy_changes",
    "tabular/greedy_return",
)  # fmt: skip
EVALUATION_SCALARS = (
    "tabular/max_bellman_residual", "tabular/value_error_max", "tabular/value_error_rms", "tabular/greedy_return",
)  # fmt: skip


class Planning(Config):
    """The discount of a planner, and when its values count as converged."""

    gamma: float = Hyper(
        0.99, low=0, high=1, symbol=r"\gamma",
        help=_("Discount: raising it makes later rewards count more and needs more sweeps; 1 is for tasks that always can end."),
    )  # fmt: skip
    theta: float = Hyper(
        1e-12, above=0, high=1e6, symbol=r"\theta", scale="log", live="step",
        help=_("Largest change of a sweep that counts as converged: raising it ends sooner and less exact."),
    )  # fmt: skip


class SweepOrder(Config):
    """Which values a sweep reads."""

    sweep: str = Hyper(
        "synchronous", choices=("synchronous", "in_place"), live="step",
        help=_("Synchronous reads the values of the sweep before; in place reads what it has just written."),
    )  # fmt: skip


class Model(NamedTuple):
    """What a sweep reads."""

    rewards: Any  # (S, A) expected reward
    continues: Any  # (S, A, K) probability of each outcome, 0 where it terminates
    next_states: Any  # (S, A, K)
    states: Any  # (n,) int64: in which an agent may have to act


def model_from(mdp: TabularMDP, states: Array) -> Model:
    """Return what sweeps over `states` (n,) need of a model."""
    rewards = (mdp.probabilities * mdp.rewards).sum(axis=2)
    return Model(rewards, np.where(mdp.terminated, 0.0, mdp.probabilities), mdp.next_states, states)


def has_converged(change: float, v: F64, theta: float) -> bool:
    """Return whether a sweep that changed v (S,) by at most `change` counts as the last: it is below θ, or rounding."""
    return bool(change < max(theta, ROUNDING * float(np.abs(v).max())))


@kernel
def best_action(model: Any, v: Any, gamma: Any, state: Any) -> Any:
    """Return the first best action of `state` under v (S,)."""
    rewards, continues, next_states, _ = model
    best, chosen = -np.inf, 0
    for action in range(continues.shape[1]):
        v_next = 0.0
        for k in range(continues.shape[2]):
            v_next += continues[state, action, k] * v[next_states[state, action, k]]
        q = rewards[state, action] + gamma * v_next
        chosen = action if q > best else chosen
        best = max(best, q)
    return chosen


@kernel
def note_backup(model: Any, v: Any, gamma: Any, state: Any, action: Any, trace: Any) -> None:
    """Write the numbers of the backup v(state) ← r + γ · Σ c · v(next) along `action` into a trace (7,): BACKUP_TRACE."""
    rewards, continues, next_states, _ = model
    v_next = 0.0
    for k in range(continues.shape[2]):
        v_next += continues[state, action, k] * v[next_states[state, action, k]]
    reward = rewards[state, action]
    trace[0], trace[1], trace[2], trace[3] = state, action, reward, v_next
    trace[4], trace[5], trace[6] = v[state], gamma, reward + gamma * v_next


@dataclass(frozen=True)
class Swept:
    """What one sweep did: updates it completed, whether nothing is left to do, and what it measured itself."""

    updates: int = 1
    is_finished: bool = False
    scalars: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What makes one planner out of the frame.

    Attributes:
        memory: `(config, exact) → NamedTuple` of the arrays that sweeps change, each with a leading axis of lanes; one is v (1, S).
        sweep: does one sweep over `planner.memory`, and leaves the numbers of one change in `planner.trace`.
        trace: names of the trace's slots.
        policy: `(planner, q (S, A)) → policy (S, A)` that is drawn and acts.
        scalars: `(planner, q (S, A)) → exact scalars` beside the greedy policy's.
        truth: whether values are compared with V* or with the exact values of `policy`.
        evaluates_by: whether evaluation episodes take the likeliest actions of `policy`, or draw from it (mixtures).
        kept: arrays of the memory that survive a change of the world, for γ < 1.
        entered: computes anew, after a change of the world, what follows from the arrays that were kept.
    """

    memory: Callable[[Any, Exact], Any]
    sweep: "Callable[[Planner], Swept]"
    trace: tuple[str, ...]
    policy: "Callable[[Planner, F64], F64]" = lambda planner, q: greedy_policy(q)
    scalars: "Callable[[Planner, F64], dict[str, float]]" = lambda planner, q: {}
    truth: Literal["optimal", "target"] = "optimal"
    evaluates_by: Literal["likeliest", "policy"] = "likeliest"
    kept: tuple[str, ...] = ("v",)
    entered: "Callable[[Planner], None]" = lambda planner: None


class Planner:
    """One planner."""

    def __init__(self, config: Any, problem: Problem, plan: Plan) -> None:
        self.config, self.plan = config, plan
        self._place(problem.environment)
        self.memory = plan.memory(config, self.exact)
        self.sweeps = np.zeros(1, np.int64)
        self.trace = np.full((1, len(plan.trace)), np.nan)
        self.recorded_greedy = self.exact.greedy_sets(self.q())

    @property
    def gamma(self) -> float:
        """The discount."""
        return float(self.config.gamma)

    @property
    def truth_is(self) -> Literal["optimal", "target"]:
        """Whether v estimates V* or the values of the policy that is shown."""
        return self.plan.truth

    def q(self) -> F64:
        """Return the action values (S, A) that follow from the values now."""
        return q_from_v(self.exact.mdp, self.memory.v[0], self.gamma)

    def policy(self) -> F64:
        """Return the policy (S, A) now."""
        return self.plan.policy(self, self.q())

    def update(self, max_steps: int) -> Report:
        """Sweep once; the report says when nothing is left to do."""
        swept = self.plan.sweep(self)
        self.sweeps += 1
        v = self.memory.v[0]
        if not np.isfinite(v).all():
            raise TrainingDiverged("V(s)", int(self.sweeps[0]), float(v[~np.isfinite(v)][0]))
        scalars = {**self._exact_scalars(v, self.q()), **swept.scalars}
        return Report(1, updates=swept.updates, scalars=scalars, finished=swept.is_finished)

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return actions (N,) for states (N,) of its policy, as the plan evaluates it; a planner has no other."""
        policy = self.policy()
        if random is None or self.plan.evaluates_by == "likeliest":
            likeliest: Array = policy[observations].argmax(axis=1)
            return likeliest
        return sampled_actions(policy, observations, random)

    def truth(self) -> F64:
        """Return the exact values (S,) that v estimates."""
        return self.exact.optimum if self.plan.truth == "optimal" else self.exact.values_of(self.policy())

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return the values, what follows from them, the truth beside them, and the numbers of the last sweep."""
        return {
            "v": lambda: self.memory.v[0].copy(),
            "q": self.q,
            "policy": self.policy,
            "truth": self.truth,
            "trace": lambda: self.trace[0].copy(),
        }

    def diagnostics(self) -> dict[str, float]:
        """Nothing beyond what every sweep reports."""
        return {}

    def edit(self, config: Config) -> None:
        """Continue under an edited configuration from the next sweep on."""
        self.config = config

    def enter(self, environment: Environment) -> None:
        """Go on planning in a changed world of the same states and actions from the next sweep on.

        With γ = 1 it begins anew: there, values that are too good for the changed world need not be forgotten.

        Raises:
            InvalidInput: γ = 1, and a state of the changed world cannot end.
        """
        before = self.memory
        self._place(environment)
        self.memory = self.plan.memory(self.config, self.exact)
        if self.gamma < 1:
            for name in self.plan.kept:
                getattr(self.memory, name)[...] = getattr(before, name)
            self.memory.v[0][~self.exact.reachable] = 0.0
            self.plan.entered(self)

    def state(self) -> Tree:
        """Return the memory, the last change and the number of sweeps."""
        return {name: array.copy() for name, array in self._arrays().items()}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        for name, array in self._arrays().items():
            array[...] = tree[name]

    def _place(self, environment: Environment) -> None:
        mdp = model_of(environment, self.gamma)
        self.exact = Exact(mdp, self.gamma, environment.max_episode_steps)
        self.model = model_from(mdp, np.flatnonzero(self.exact.reachable))

    def _exact_scalars(self, v: F64, q: F64) -> dict[str, float]:
        own = self.plan.scalars(self, q)
        if self.plan.truth == "target":
            greedy = {"tabular/greedy_return": self.exact.greedy_return(q)}
            return {**self.exact.policy_scalars(v, self.plan.policy(self, q)), **greedy, **own}
        before, self.recorded_greedy = self.recorded_greedy, self.exact.greedy_sets(q)
        changes = policy_changes(before, self.recorded_greedy)
        return {**self.exact.scalars(v, q), "tabular/policy_changes": changes, **own}

    def _arrays(self) -> dict[str, Array]:
        own = {"sweeps": self.sweeps, "trace": self.trace, "recorded_greedy": self.recorded_greedy}
        return {**self.memory._asdict(), **own}


def check(config: Any, environment: Environment) -> None:
    """Raise InvalidInput where γ = 1 and returns have no end."""
    model_of(environment, config.gamma)
