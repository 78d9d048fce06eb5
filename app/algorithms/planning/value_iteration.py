r"""Value iteration.

Computes the value of every state from the exact model, without acting once: sweep after sweep, each state's value is
replaced by the best that one step and the old values of the next states promise. Compiled with numba, the loop below is
the loop that runs.

The backup of one state and action. Its outcomes $k$ have probability $p_k$, reward $r_k$ and next state $s'_k$; those that
terminate have no next value. The expected reward $r(s, a) = \sum_k p_k r_k$ and the probabilities $c_k = p_k (1 - \text{terminated}_k)$
of going on never change, so they are computed once:

$$Q(s, a) = r(s, a) + \gamma \sum_k c_k\, V(s'_k) \tag{1}$$

$$V(s) \leftarrow \max_a Q(s, a) \tag{2}$$

$$\Delta = \max_s \bigl| V_{\text{new}}(s) - V_{\text{old}}(s) \bigr| \tag{3}$$

Sweeps end when $\Delta < \theta$. For $\gamma < 1$ each sweep brings $V$ closer to $V^*$ by at least the factor $\gamma$, so that
afterwards $\max_s |V(s) - V^*(s)| \le \gamma \Delta / (1 - \gamma)$. With $\gamma = 1$ it still converges where every policy worth
following ends.

A *synchronous* sweep reads only the values of the sweep before. An *in-place* one (Gauss–Seidel) reads what it has just
written, which needs one table instead of two and usually fewer sweeps; how many then depends on the order of the states.

What this file leaves out:

1. Orders of backup: the states are swept by number. Prioritised sweeping starts where the change is largest.
2. Several evaluation sweeps for each improvement; that is modified policy iteration.
3. States in which nobody ever acts (behind an end, inside a wall): their value stays 0.

Sources: Bellman (1957), *Dynamic Programming*; Puterman (1994), *Markov Decision Processes*, section 6.3;
Sutton and Barto (2018), *Reinforcement Learning*, section 4.4.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from app.core.config import Config, Hyper
from app.core.contracts import Array, Environment, Problem, Tree
from app.core.errors import TrainingDiverged
from app.core.jit import kernel
from app.core.randomness import Stream
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.exact import Exact, model_of, policy_changes
from app.parts.tabular import TabularMDP, greedy_policy, q_from_v

SWEEPS = ("synchronous", "in_place")


class ValueIterationConfig(Config):
    """Hyperparameters of value iteration."""

    gamma: float = Hyper(
        0.99, low=0, high=1, symbol=r"\gamma",
        help=_("Discount: raising it makes later rewards count more and needs more sweeps; 1 is for tasks that always can end."),
    )  # fmt: skip
    theta: float = Hyper(
        1e-12, above=0, high=1e6, symbol=r"\theta", scale="log",
        help=_("Largest change of a sweep that counts as converged: raising it ends sooner and less exact."),
    )  # fmt: skip
    sweep: str = Hyper(
        "synchronous", choices=SWEEPS,
        help=_("Synchronous reads the values of the sweep before; in place reads what it has just written."),
    )  # fmt: skip


class Model(NamedTuple):
    """What the kernel reads: S states, A actions, K outcomes of a pair, n states to sweep."""

    rewards: Any  # (S, A) expected reward
    continues: Any  # (S, A, K) probability of each outcome, 0 where it terminates
    next_states: Any  # (S, A, K)
    states: Any  # (n,) int64: in which an agent may have to act


def model_from(mdp: TabularMDP, states: Array) -> Model:
    """Return what sweeps over `states` (n,) need of a model."""
    rewards = (mdp.probabilities * mdp.rewards).sum(axis=2)
    return Model(rewards, np.where(mdp.terminated, 0.0, mdp.probabilities), mdp.next_states, states)


@kernel
def sweep(model: Any, v: Any, v_new: Any, gamma: Any) -> Any:
    """Back up every state of v (S,) into v_new (S,), which may be the same array; return the largest change."""
    rewards, continues, next_states, states = model
    _, n_actions, n_outcomes = continues.shape
    change = 0.0
    for state in states:
        v_old, best = v[state], -np.inf
        for action in range(n_actions):
            v_next = 0.0
            for k in range(n_outcomes):
                v_next += continues[state, action, k] * v[next_states[state, action, k]]
            q = rewards[state, action] + gamma * v_next  # (1)
            best = max(best, q)
        v_new[state] = best  # (2)
        change = max(change, abs(best - v_old))  # (3)
    return change


class ValueIteration:
    """A planner: one update is one sweep. S states, A actions, N observations asked about."""

    def __init__(self, config: ValueIterationConfig, problem: Problem) -> None:
        self.config = config
        self.mdp = model_of(problem.environment, config.gamma)
        self.exact = Exact(self.mdp, config.gamma, problem.environment.max_episode_steps)
        self.model = model_from(self.mdp, np.flatnonzero(self.exact.reachable))
        self.v = np.zeros((1, self.mdp.n_states))
        self.v_new = np.zeros((1, self.mdp.n_states))
        self.sweeps = np.zeros(1, np.int64)
        self.recorded_greedy = self.exact.greedy_sets(self._q())

    def update(self, max_steps: int) -> Report:
        """Sweep once; the report says when the values no longer change."""
        v, v_new = self.v[0], self.v[0] if self.config.sweep == "in_place" else self.v_new[0]
        change = sweep(self.model, v, v_new, self.config.gamma)
        v[:] = v_new
        self.sweeps += 1
        if not np.isfinite(change):
            raise TrainingDiverged("V(s)", int(self.sweeps[0]), change)
        q = self._q()
        before, self.recorded_greedy = self.recorded_greedy, self.exact.greedy_sets(q)
        scalars = {**self.exact.scalars(v, q), "tabular/policy_changes": policy_changes(before, self.recorded_greedy)}
        return Report(1, updates=1, scalars=scalars, finished=change < self.config.theta)

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return the greedy actions (N,) for states (N,); a planner has no other."""
        actions: Array = self._q()[observations].argmax(axis=1)
        return actions

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return the values, the action values that follow from them, and the greedy policy."""
        return {"v": lambda: self.v[0].copy(), "q": self._q, "policy": lambda: greedy_policy(self._q())}

    def diagnostics(self) -> dict[str, float]:
        """Nothing beyond what every sweep reports."""
        return {}

    def edit(self, config: Config) -> None:
        """Nothing can change while it runs."""

    def state(self) -> Tree:
        """Return the values and the number of sweeps."""
        return {name: array.copy() for name, array in self._arrays().items()}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        for name, array in self._arrays().items():
            array[...] = tree[name]

    def _q(self) -> Array:
        return q_from_v(self.mdp, self.v[0], self.config.gamma)

    def _arrays(self) -> dict[str, Array]:
        return {"v": self.v, "sweeps": self.sweeps, "recorded_greedy": self.recorded_greedy}


def check(config: ValueIterationConfig, environment: Environment) -> None:
    """Raise InvalidInput where γ = 1 and returns have no end."""
    model_of(environment, config.gamma)


SPEC = AlgorithmSpec(
    id="value_iteration",
    name=_("Value iteration"),
    summary=_("Computes the best value of every state from the exact model, sweep after sweep, without acting once."),
    family="planning",
    version=1,
    config=ValueIterationConfig,
    agent=ValueIteration,
    check=check,
    smoke=Smoke("FrozenLake-v1", 200),
    emits=(
        "tabular/max_bellman_residual", "tabular/value_error_max", "tabular/value_error_rms", "tabular/policy_changes",
        "tabular/greedy_return",
    ),
    signals=("v", "q", "policy"),
    tabular=True,
    needs_model=True,
    emits_episodes=False,
    step_unit="sweep",
    default_steps=2_000,
    references=(
        "Bellman (1957), Dynamic Programming, Princeton University Press",
        "Puterman (1994), Markov Decision Processes, section 6.3, Wiley",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 4.4",
    ),
)  # fmt: skip
