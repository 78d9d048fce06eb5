r"""The optimal values of a finite model by policy iteration: sweeps find better actions, a linear solve says their worth.

It starts from a policy that ends wherever an end is possible, and changes an action only where another is strictly
better. For γ = 1 this decides by itself whether the optimum is finite. Let $V \le T_\pi V$ hold, which each sweep keeps.
If π never leaves a set of states any more, its mean reward there is $\mu^\top (T_\pi V - V)$ with μ the share of time
spent in each; the last change made that positive somewhere. So π has stopped ending exactly when it has found a loop
that earns. Letters: S states, A actions, K outcomes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, eye_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from app.parts.backups import can_stay, improve, way_out

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]
Arrays = tuple[F64, I64, F64, Bools]  # probabilities, next states, rewards, terminated: (S, A, K) each

ROUNDS = 100  # far above the handful that policy iteration needs
SWEEPS = 40  # between two linear solves
ROUNDING = 1e-15  # of the largest value, times the expected number of steps: what a linear solve may be off by
MOST_STEPS = 1_000_000  # to an end, in the mean, under the best actions; beyond it 1 − P is as good as singular
HURRY = 1 - 1e-7  # the discount under which those actions are found
ZERO = 1e-14  # of the largest reward: a mean reward below it is a rounding of 0


@dataclass(frozen=True)
class EarningLoop(Exception):
    """γ = 1 and some policy earns without end, or as good as: in which states (n,), and how much a step."""

    states: I64
    reward_per_step: float


class Solver:
    """One model under one discount.

    At γ = 1 an agent may also go on for ever where that costs and earns nothing; states from which no end is possible
    count as 0. Otherwise the optimum is over the policies that end.

    Attributes:
        hopeless: at γ = 1, where an end is possible but takes more than MOST_STEPS steps whatever one does (S,).
    """

    def __init__(self, arrays: Arrays, gamma: float, tolerance: float) -> None:
        self.probabilities, self.next_states, rewards, self.terminated = arrays
        self.gamma, self.tolerance = gamma, tolerance
        self.expected = (self.probabilities * rewards).sum(axis=2)
        self.continues = np.where(self.terminated, 0.0, self.probabilities)
        n_states, self.n_actions = self.expected.shape
        self.order, self.actions = way_out(self.probabilities, self.next_states, self.terminated)
        self.can_rest, self.hopeless = np.zeros(n_states, np.bool_), np.zeros(n_states, np.bool_)
        if gamma == 1:
            self._hurry()
            is_free = np.abs(self.expected) <= ZERO * max(float(np.abs(rewards).max()), ZERO)
            ends = ((self.probabilities > 0) & self.terminated).any(axis=2)
            self.can_rest = can_stay(is_free & ~ends, self.probabilities, self.next_states)
        else:
            self.order = np.concatenate([self.order, np.flatnonzero(self.actions < 0)])
            self.actions = np.maximum(self.actions, 0)

    def optimum(self) -> F64:
        """Return V* (S,).

        Raises:
            EarningLoop: γ = 1 and the optimal values grow without end.
        """
        values = np.full(len(self.actions), -np.inf)
        for _ in range(ROUNDS):
            before, values = values, self._worth(self.expected)
            self._check_size(values)
            if not (values > before + self._noise(values)).any():
                break
            actions, lower = self.actions.copy(), values.copy()
            n_changes = improve(
                (self.expected, self.continues, self.next_states),
                self.order, self.can_rest, lower, self.actions, self.gamma, SWEEPS, self.tolerance,
            )  # fmt: skip
            if n_changes == 0:
                break
            if self.gamma == 1 and self._never_ends():
                # a loop that earns nothing, taken for better by rounding alone
                self.actions, self.tolerance, values = actions, 10 * self.tolerance, np.full_like(values, -np.inf)
        return values

    def _hurry(self) -> None:
        """Begin with actions that end within MOST_STEPS in the mean; where there are none, give a state up."""
        steps = self._worth(np.ones_like(self.expected))[self.order]
        if not ((steps < 1) | (steps > MOST_STEPS)).any():  # a solve gone wrong gives negative numbers of steps
            return
        arrays = (self.probabilities, self.next_states, -np.ones_like(self.probabilities), self.terminated)
        hurried = Solver(arrays, HURRY, self.tolerance)
        is_late = hurried.optimum()[self.order] < -MOST_STEPS
        self.hopeless[self.order[is_late]] = True
        self.order, self.actions = self.order[~is_late], hurried.actions

    def _check_size(self, values: F64) -> None:
        """Raise EarningLoop where γ = 1 and a value takes more than MOST_STEPS steps of the best reward to earn."""
        best, most = int(values.argmax()), MOST_STEPS * float(np.abs(self.expected).max())
        if self.gamma == 1 and values[best] > most:
            raise EarningLoop(np.array([best]), float(self.expected[best].max()))

    def _noise(self, values: F64) -> F64:
        """Return how much of a rise of values (S,) may be rounding."""
        steps = 1e4 if self.gamma == 1 else 1 / (1 - self.gamma)
        rounding = ROUNDING * steps * float(np.abs(values).max())
        return np.maximum(self.tolerance * np.maximum(1.0, np.abs(values)), rounding)

    def _worth(self, expected: F64) -> F64:
        """Return V (S,) of the present actions for mean rewards (S, A), 0 outside `order` and where the agent rests."""
        acting = self.order[self.actions[self.order] < self.n_actions]
        chosen = self.actions[acting]
        weights, n_states = self.continues[acting, chosen], len(self.actions)
        rows = np.broadcast_to(acting[:, None], weights.shape)
        used = weights > 0
        columns = self.next_states[acting, chosen][used]
        transitions = csc_array((weights[used], (rows[used], columns)), shape=(n_states, n_states))
        rewards = np.zeros(n_states)
        rewards[acting] = expected[acting, chosen]
        values: F64 = np.asarray(spsolve((eye_array(n_states) - self.gamma * transitions).tocsc(), rewards))
        return values

    def _never_ends(self) -> bool:
        """Return whether some state of `order` has lost its end; raises EarningLoop where staying there earns."""
        is_open = np.zeros(len(self.actions), np.bool_)
        is_open[self.order] = True
        states, chosen = np.arange(len(self.actions)), np.clip(self.actions, 0, self.n_actions - 1)
        next_states = self.next_states[states, chosen]
        ends = self.terminated[states, chosen] | ~is_open[next_states] | (self.actions == self.n_actions)[:, None]
        probabilities = self.probabilities[states, chosen]
        ending, _ = way_out(probabilities[:, None], next_states[:, None], ends[:, None])
        is_open[ending] = False
        endless = np.flatnonzero(is_open)
        if len(endless):
            self._check_loops(endless, chosen[endless])
        return len(endless) > 0

    def _check_loops(self, endless: I64, chosen: I64) -> None:
        number = np.zeros(len(self.actions), np.int64)
        number[endless] = np.arange(len(endless))
        weights = self.probabilities[endless, chosen]
        rows = np.broadcast_to(np.arange(len(endless))[:, None], weights.shape)
        used = weights > 0
        columns = number[self.next_states[endless, chosen][used]]
        transitions = csr_array((weights[used], (rows[used], columns)), shape=(len(endless), len(endless)))
        n_sets, of_set = connected_components(transitions, connection="strong")
        is_left = np.zeros(n_sets, np.bool_)
        is_left[of_set[rows[used]][of_set[rows[used]] != of_set[columns]]] = True
        for one in np.flatnonzero(~is_left):
            inside = np.flatnonzero(of_set == one)
            rewards = self.expected[endless[inside], chosen[inside]]
            mean = float(_shares(transitions[inside][:, inside]) @ rewards)
            if mean > self.tolerance * max(1e-300, float(np.abs(rewards).max())):
                raise EarningLoop(endless[inside], mean)


def _shares(transitions: csr_array) -> F64:
    """Return the share of time (n,) spent in each state of an irreducible chain (n, n)."""
    n_states = transitions.shape[0]
    balance = (eye_array(n_states) - transitions.T).tolil()
    balance[n_states - 1] = np.ones(n_states)
    shares: F64 = np.atleast_1d(spsolve(balance.tocsc(), np.eye(n_states)[-1]))
    return shares
