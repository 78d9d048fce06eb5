"""What learners share that wait for the end of an episode: its record, where exploring starts begin, and what is eligible.

H longest episode that is recorded, S states, A actions. A leading axis of length 1 is that of the lanes.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.parts.exact import Exact

F64 = NDArray[np.float64]


class Record(NamedTuple):
    """The running episode: what was taken where and earned, and whether the pair was not taken earlier in it."""

    states: Any  # (1, H) int64
    actions: Any  # (1, H) int64
    rewards: Any  # (1, H) float64
    is_first: Any  # (1, H) bool


class StartStates(NamedTuple):
    """The states in which an agent may have to act, filled from the left, and how many they are."""

    states: Any  # (1, S) int64
    count: Any  # (1,) int64


def episode_record(horizon: int) -> Record:
    """Return an empty record for episodes of at most `horizon` steps."""
    shape = (1, horizon)
    return Record(np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape, np.bool_))


def fresh_start_states(exact: Exact) -> StartStates:
    """Return the states from which exploring starts draw."""
    starts = StartStates(np.zeros((1, exact.mdp.n_states), np.int64), np.zeros(1, np.int64))
    start_states_in(exact, starts)
    return starts


def start_states_in(exact: Exact, starts: StartStates) -> None:
    """Fill `starts` with the states of a world in which an agent may have to act."""
    states = np.flatnonzero(exact.reachable)
    starts.states[0, : len(states)] = states
    starts.count[0] = len(states)


def eligibility_of(record: Record, length: int, *, q: F64, gamma: float, first: bool) -> F64:
    """Return with which weight the next reward will enter the counted returns of each pair, shaped like q (S, A).

    A pair taken at step t of `length` has γ^(length − t); only its first time counts, or every time.
    """
    weights = gamma ** np.arange(length, 0, -1.0)
    if first:
        weights = weights * record.is_first[0, :length]
    eligible = np.zeros(q.shape)
    np.add.at(eligible, (record.states[0, :length], record.actions[0, :length]), weights)
    return eligible
