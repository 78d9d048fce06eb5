"""Finite Markov decision processes as plain arrays, their exact solution, and the draws that kernels take from them.

Letters: S states, A actions, K outcomes of one state–action pair (padded with probability 0).
An outcome that terminates has no successor value: V is the expected return until an end, whatever `next_states` says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, eye_array
from scipy.sparse.linalg import spsolve

from app.core.errors import InvalidInput, shorten
from app.core.jit import kernel
from app.core.randomness import Stream
from app.core.text import _, filled
from app.parts.backups import (
    distances,
    horizon_values,
    horizon_visits,
    optimal_horizon_values,
    policy_rows,
    q_into,
    way_out,
)
from app.parts.layout import Layout, numbered
from app.parts.optimum import MOST_STEPS, EarningLoop, Solver

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]
Outcome = tuple[float, int, float, bool]  # probability, next state, reward, terminated

PROBABILITY_ERROR = 1e-9  # what rounding may leave
GAMMA = "config.gamma"  # the hyperparameter that a refusal names


@dataclass(frozen=True, eq=False)
class TabularMDP:
    """An exact model.

    Attributes:
        probabilities: of each outcome (S, A, K) float64.
        next_states: (S, A, K) int64.
        rewards: (S, A, K) float64.
        terminated: whether the outcome ends the episode (S, A, K) bool.
        start: probability of starting in each state (S,) float64.
        layout: where the states lie, for those that can be drawn on maps.
    """

    probabilities: F64
    next_states: I64
    rewards: F64
    terminated: Bools
    start: F64
    layout: Layout | None = None

    def __post_init__(self) -> None:
        """Raise InvalidInput where the outcomes of an action, or the starts, have no probabilities."""
        wrong = _no_distribution(self.probabilities)
        if wrong.any():
            state, action = (int(index) for index in np.argwhere(wrong)[0])
            rule = _("must be ≥ 0 and sum to 1: in {state}, action {action}").format(
                state=self.name_of(state), action=action
            )
            raise _no_probabilities("probabilities", self.probabilities[state, action], rule)
        if _no_distribution(self.start):
            raise _no_probabilities("start", self.start, _("must be ≥ 0 and sum to 1 over the states"))

    @property
    def n_states(self) -> int:
        """S."""
        return int(self.probabilities.shape[0])

    @property
    def n_actions(self) -> int:
        """A."""
        return int(self.probabilities.shape[1])

    @cached_property
    def cumulative(self) -> F64:
        """Running sums of the probabilities over the outcomes (S, A, K), for `sample_outcome`."""
        return _running_sums(self.probabilities)

    @cached_property
    def cumulative_start(self) -> F64:
        """Running sums of the start probabilities (S,), for `sample_start`."""
        return _running_sums(self.start)

    @property
    def arrays(self) -> tuple[F64, I64, F64, Bools]:
        """(probabilities, next_states, rewards, terminated), the order in which kernels take them."""
        return self.probabilities, self.next_states, self.rewards, self.terminated

    def reachable(self) -> Bools:
        """Return the states (S,) in which an agent may have to act: the starts and what follows without an end."""
        return self._reachable

    @cached_property
    def _reachable(self) -> Bools:
        possible = (self.probabilities > 0) & ~self.terminated
        reached = self.start > 0
        frontier = reached
        while frontier.any():
            successors = np.zeros_like(reached)
            successors[self.next_states[frontier][possible[frontier]]] = True
            frontier = successors & ~reached
            reached = reached | frontier
        return reached

    def can_finish(self) -> Bools:
        """Return the states (S,) from which some sequence of actions ends the episode with positive probability."""
        return _can_end(self, self.probabilities)

    def name_of(self, state: int) -> str:
        """Return a state in words, as its world calls it."""
        return self.layout.name_of(state) if self.layout else numbered(state)


def mdp_from_outcomes(
    outcomes: Sequence[Sequence[Sequence[Outcome]]], start: F64, layout: Layout | None = None
) -> TabularMDP:
    """Return the model whose outcomes of action a in state s are `outcomes[s][a]`, padded to equal length."""
    n_states, n_actions = len(outcomes), len(outcomes[0])
    longest = max(len(row) for actions in outcomes for row in actions)
    shape = (n_states, n_actions, longest)
    arrays = np.zeros(shape), np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape, np.bool_)
    for state, actions in enumerate(outcomes):
        arrays[1][state] = state
        for action, row in enumerate(actions):
            for index, outcome in enumerate(row):
                where = (state, action, index)
                for array, value in zip(arrays, outcome, strict=True):
                    array[where] = value
    return TabularMDP(*arrays, start, layout)


def policy_evaluation(mdp: TabularMDP, policy: F64, gamma: float) -> F64:
    r"""Return V of a policy by solving $(I - \gamma P_\pi) V = r_\pi$.

    Args:
        policy: probability of each action in each state (S, A).
        gamma: discount; at 1 the policy must be able to end from every reachable state.

    Returns:
        V (S,); at γ = 1 unreachable states from which the policy never ends count as 0.

    Raises:
        InvalidInput: γ = 1 and a policy that never ends, with the states named.
    """
    _check_shape("policy", policy, (mdp.n_states, mdp.n_actions))
    weights = policy[:, :, None] * mdp.probabilities
    solved = np.ones(mdp.n_states, np.bool_)
    if gamma >= 1:
        solved = _can_end(mdp, weights)
        _refuse_endless(mdp, gamma, solved, "under this policy")
    rewards = np.where(solved, (weights * mdp.rewards).sum(axis=(1, 2)), 0.0)
    weights = np.where(mdp.terminated | ~solved[:, None, None] | ~solved[mdp.next_states], 0.0, weights)
    rows = np.broadcast_to(np.arange(mdp.n_states)[:, None, None], weights.shape)
    used = weights > 0
    transitions = csc_array((weights[used], (rows[used], mdp.next_states[used])), shape=(mdp.n_states, mdp.n_states))
    values: F64 = np.asarray(spsolve((eye_array(mdp.n_states) - gamma * transitions).tocsc(), rewards))
    return values


def optimal_values(mdp: TabularMDP, gamma: float, tolerance: float = 1e-12) -> F64:
    """Return V* (S,) by policy iteration with linear solves.

    At γ = 1 going on for ever is worth 0 where it costs and earns nothing, and states that cannot end count as 0.

    Raises:
        InvalidInput: γ = 1 where a reachable state cannot reach an end, or where a loop earns without end.
    """
    check_gamma(mdp, gamma)
    solver = Solver(mdp.arrays, gamma, tolerance)
    if solver.hopeless.any():
        _refuse_endless(
            mdp, gamma, ~solver.hopeless, filled(_("within {steps} steps, whatever one does"), steps=MOST_STEPS)
        )
    try:
        return solver.optimum()
    except EarningLoop as loop:
        where = mdp.name_of(int(loop.states[0]))
        rule = _("the optimal values grow without end: the loop through {state} earns {reward:.3g} a step")
        raise InvalidInput.one(
            GAMMA, 1, rule.format(state=where, reward=loop.reward_per_step),
            _("Choose gamma below 1, or make every step cost something."),
        ) from None  # fmt: skip


def optimal_actions(mdp: TabularMDP, v: F64, gamma: float, tolerance: float = 1e-9) -> Bools:
    """Return the optimal actions (S, A) under V* (S,): those within `tolerance` of the best that may lead to an end.

    Where every action is equally good, most would only walk about for ever; of those the ones that may come nearer to
    an end, by best actions alone, are kept. All are kept where no best action ever ends.
    """
    best = greedy_policy(q_from_v(mdp, v, gamma), tolerance * max(1.0, float(np.abs(v).max()))) > 0
    weights = mdp.probabilities * best[:, :, None]
    distance = distances(weights, mdp.next_states, mdp.terminated)
    after = np.where(mdp.terminated, -1.0, distance[mdp.next_states])
    is_nearer = ((weights > 0) & (after < distance[:, None, None])).any(axis=2)
    return np.where(is_nearer.any(axis=1, keepdims=True), is_nearer, best)


def check_gamma(mdp: TabularMDP, gamma: float) -> None:
    """Raise InvalidInput where γ lies outside [0, 1], or is 1 and a reachable state cannot reach an end."""
    if not 0 <= gamma <= 1:
        raise InvalidInput.one(GAMMA, gamma, _("must lie in [0, 1]"), _("Choose for example 0.99."))
    if gamma == 1:
        _refuse_endless(mdp, gamma, mdp.can_finish(), _("by any actions"))


def q_from_v(mdp: TabularMDP, v: F64, gamma: float) -> F64:
    """Return Q (S, A): q(s, a) = Σ p · (r + γ · v(next), the last term only where the outcome does not terminate)."""
    _check_shape("v", v, (mdp.n_states,))
    q = np.empty((mdp.n_states, mdp.n_actions))
    q_into(*mdp.arrays, v, gamma, q)
    return q


def bellman_residual(mdp: TabularMDP, v: F64, gamma: float) -> float:
    """Return the largest change that one exact backup v ← max_a q would make."""
    return float(np.abs(q_from_v(mdp, v, gamma).max(axis=1) - v).max())


def greedy_policy(q: F64, tolerance: float = 1e-9) -> F64:
    """Return probabilities (S, A) of the greedy policy; actions within `tolerance` of the best share equally."""
    best = q >= q.max(axis=1, keepdims=True) - tolerance
    policy: F64 = best / best.sum(axis=1, keepdims=True)
    return policy


def greedy_actions(q: F64) -> I64:
    """Return the first best action of each state (S,)."""
    return np.asarray(q.argmax(axis=1), np.int64)


def one_hot(actions: I64, n_actions: int) -> F64:
    """Return the deterministic policy (S, A) that takes `actions` (S,)."""
    return np.eye(n_actions)[actions]


def sampled_actions(policy: F64, states: I64, random: Stream) -> I64:
    """Return an action (N,) for each of the states (N,), drawn from a policy (S, A)."""
    passed = random.uniforms(len(states))[:, None] >= np.cumsum(policy[states], axis=1)
    chosen: I64 = np.minimum(passed.sum(axis=1), policy.shape[1] - 1)
    return chosen


def uniform_policy(mdp: TabularMDP) -> F64:
    """Return the policy (S, A) that takes every action equally often."""
    return np.full((mdp.n_states, mdp.n_actions), 1.0 / mdp.n_actions)


def finite_horizon_return(mdp: TabularMDP, policy: F64, horizon: int) -> float:
    """Return the expected undiscounted return of a policy (S, A) from the starts, cut after `horizon` steps."""
    _check_shape("policy", policy, (mdp.n_states, mdp.n_actions))
    return float(mdp.start @ horizon_values(*mdp.arrays, np.ascontiguousarray(policy, np.float64), horizon))


def finite_horizon_values(mdp: TabularMDP, policy: F64, horizon: int) -> F64:
    """Return the expected undiscounted return (S,) of a policy (S, A) from each state, cut after `horizon` steps."""
    _check_shape("policy", policy, (mdp.n_states, mdp.n_actions))
    values: F64 = horizon_values(*mdp.arrays, np.ascontiguousarray(policy, np.float64), horizon)
    return values


def occupancy(mdp: TabularMDP, policy: F64, horizon: int) -> F64:
    """Return the share of steps (S,) that a policy (S, A) spends in each state, over episodes of at most `horizon` steps."""
    _check_shape("policy", policy, (mdp.n_states, mdp.n_actions))
    first, followers, weights, _expected = policy_rows(*mdp.arrays, np.ascontiguousarray(policy, np.float64))
    visits = horizon_visits(mdp.start, first, followers, weights, horizon)
    shares: F64 = visits / visits.sum()
    return shares


def endless_states(mdp: TabularMDP, policy: F64) -> Bools:
    """Return the reachable states (S,) from which a policy (S, A) never ends, whatever happens."""
    possible = policy[:, :, None] * mdp.probabilities
    return mdp.reachable() & ~_can_end(mdp, possible)


def finite_horizon_optimum(mdp: TabularMDP, horizon: int) -> float:
    """Return the best expected undiscounted return within `horizon` steps by any policy, also one that counts them."""
    expected = (mdp.probabilities * mdp.rewards).sum(axis=2)
    continues = np.where(mdp.terminated, 0.0, mdp.probabilities)
    return float(mdp.start @ optimal_horizon_values(expected, continues, mdp.next_states, horizon))


# Kernels: usable from Python and from other kernels, by name.


@kernel
def sample_outcome(cumulative: Any, state: Any, action: Any, u: Any) -> Any:
    """Return the outcome (index in K) that the uniform draw u in [0, 1) selects; `cumulative` is (S, A, K).

    It counts the running sums that u has passed: no branch, so none is mispredicted (Q-learning a third faster).
    """
    outcome = 0
    for index in range(cumulative.shape[2] - 1):
        outcome += u >= cumulative[state, action, index]
    return outcome


@kernel
def sample_start(cumulative_start: Any, u: Any) -> Any:
    """Return the start state that the uniform draw u in [0, 1) selects; `cumulative_start` is (S,)."""
    state = 0
    while u >= cumulative_start[state]:
        state += 1
    return state


def _can_end(mdp: TabularMDP, weights: F64) -> Bools:
    order, _ = way_out(weights, mdp.next_states, mdp.terminated)
    ends = np.zeros(mdp.n_states, np.bool_)
    ends[order] = True
    return ends


def _refuse_endless(mdp: TabularMDP, gamma: float, ends: Bools, how: str) -> None:
    endless = np.flatnonzero(mdp.reachable() & ~ends)
    if len(endless):
        named = ", ".join(mdp.name_of(int(state)) for state in endless[:3])
        if len(endless) > 3:
            named = _("{names} and {count} more").format(names=named, count=len(endless) - 3)
        rule = _("must be < 1 here: {names} cannot reach an end {how}").format(names=named, how=how)
        raise InvalidInput.one(GAMMA, gamma, rule, _("Lower gamma, or change the task so that every state can end."))


def _no_distribution(probabilities: F64) -> Bools:
    """Return where the last axis holds no probabilities: a negative one, or a sum that is not 1."""
    is_one = np.abs(probabilities.sum(axis=-1) - 1) <= PROBABILITY_ERROR  # NaN is not
    return np.asarray(~is_one | (probabilities.min(axis=-1) < -PROBABILITY_ERROR))


def _no_probabilities(where: str, values: F64, rule: str) -> InvalidInput:
    way_out = _("Correct them, or divide them by their sum.")
    return InvalidInput.one(where, shorten(values.tolist()), rule, way_out)


def _running_sums(probabilities: F64) -> F64:
    """Return cumulative sums along the last axis; from the last possible outcome on they are exactly 1."""
    possible_from_here = np.flip(np.logical_or.accumulate(np.flip(probabilities > 0, -1), axis=-1), -1)
    possible_later = np.zeros(probabilities.shape, np.bool_)
    possible_later[..., :-1] = possible_from_here[..., 1:]
    return np.where(possible_later, probabilities.cumsum(axis=-1), 1.0)


def _check_shape(name: str, array: F64, expected: tuple[int, ...]) -> None:
    if array.shape != expected:
        raise ValueError(f"{name}: shape {shorten(array.shape)}, expected {expected}")
