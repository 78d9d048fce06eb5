r"""A model of a finite world, learned from the transitions that were seen, and how far it is from the true one.

Each pair keeps up to M outcomes that were seen after it, each with the number of times:

$$\hat p(o \mid s, a) = N(s, a, o) \,/\, \textstyle\sum_{o'} N(s, a, o') \tag{1}$$

where an outcome $o$ is a next state, a reward and whether the episode ended. A *last* model keeps only the last one, which is right
where a pair has one outcome, and follows a world that changes at once; a *counts* model keeps them all, and is right in the limit.

S states, A actions, M outcomes. A leading axis of length 1 is that of the lanes.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from app.core.contracts import Array
from app.core.jit import kernel
from app.core.scalars import Scalar
from app.core.signals import Signal
from app.core.text import _
from app.parts.exact import Exact
from app.parts.exploration import best_value
from app.parts.tabular_agent import TabularAgent

SPARE = 4  # outcomes of a pair beyond the most that the world has when a run begins, for a world that changes

MODEL_SCALARS = (
    Scalar("tabular/model_error", _("Model error"), _("probability"), "down",
           _("Total variation between the learned and the true next states, mean over the pairs that were taken: 0 is a right model, 1 one that is wrong for sure.")),
)  # fmt: skip
MODEL_SIGNALS = (
    Signal("model_next", "(S, A)", "state", _("The likeliest next state of each pair in the learned model, −1 where the pair was never taken.")),
    Signal("true_next", "(S, A)", "state", _("The likeliest next state of each pair in the true model, which the learner does not see.")),
)  # fmt: skip


class LearnedModel(NamedTuple):
    """What was seen after each pair; a count of 0 is an empty place."""

    next_states: Any  # (1, S, A, M) int64
    rewards: Any  # (1, S, A, M) float64
    ends: Any  # (1, S, A, M) bool
    counts: Any  # (1, S, A, M) int64


def empty_model(exact: Exact, counts: bool) -> LearnedModel:
    """Return a model that has seen nothing; `counts` says that it keeps more than the last outcome of a pair."""
    n_outcomes = exact.mdp.probabilities.shape[2] + SPARE if counts else 1
    shape = (1, exact.mdp.n_states, exact.mdp.n_actions, n_outcomes)
    return LearnedModel(
        np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape, np.bool_), np.zeros(shape, np.int64)
    )


class Predecessors(NamedTuple):
    """Which places of the model lead to a state: lists of places (s·A + a)·M + m, linked in arrays; −1 ends a list."""

    first_before: Any  # (1, S) int64
    next_before: Any  # (1, S·A·M) int64


def no_predecessors(model: LearnedModel) -> Predecessors:
    """Return the predecessors in a model that has seen nothing."""
    return Predecessors(np.full((1, model.counts.shape[1]), -1), np.full((1, model.counts.size), -1))


@kernel
def place_of(next_states: Any, rewards: Any, ends: Any, counts: Any, outcome: Any) -> Any:
    """Return the place (index in M) of an outcome: where it is, else an empty one, else that of the rarest, and whether it is there.

    `outcome` is (state, action, next state, reward, whether the episode ended).
    """
    state, action, next_state, reward, ended = outcome
    rarest = 0
    for place in range(counts.shape[2]):
        count = counts[state, action, place]
        if count == 0:
            return place, False
        is_same = next_states[state, action, place] == next_state and ends[state, action, place] == ended
        if is_same and rewards[state, action, place] == reward:
            return place, True
        rarest = place if count < counts[state, action, rarest] else rarest
    return rarest, False


@kernel
def observe(next_states: Any, rewards: Any, ends: Any, counts: Any, outcome: Any) -> Any:
    """Count an outcome, of a model (S, A, M); one that finds no room takes the place of the rarest.

    Kernels unpack the model once and hand its arrays on: handing on the tuple costs half the speed.
    """
    state, action, next_state, reward, ended = outcome
    place, is_there = place_of(next_states, rewards, ends, counts, outcome)
    counts[state, action, place] = counts[state, action, place] + 1 if is_there and counts.shape[2] > 1 else 1
    next_states[state, action, place], rewards[state, action, place] = next_state, reward
    ends[state, action, place] = ended


@kernel
def link(first_before: Any, next_before: Any, next_state: Any, place: Any) -> None:
    """Note that a place of the model leads to a state."""
    next_before[place] = first_before[next_state]
    first_before[next_state] = place


@kernel
def unlink(first_before: Any, next_before: Any, next_state: Any, place: Any) -> None:
    """Forget that a place of the model led to a state."""
    found = first_before[next_state]
    if found == place:
        first_before[next_state] = next_before[place]
        return
    while next_before[found] != place:
        found = next_before[found]
    next_before[found] = next_before[place]


@kernel
def expectation(next_states: Any, rewards: Any, ends: Any, counts: Any, q: Any, state: Any, action: Any) -> Any:
    """Return, under the model, the expected reward of a pair and the expected max_a q (S, A) that follows, 0 behind an end."""
    reward, follows, total = 0.0, 0.0, 0
    for place in range(counts.shape[2]):
        count = counts[state, action, place]
        if count == 0:
            break
        reward += count * rewards[state, action, place]
        if not ends[state, action, place]:
            follows += count * best_value(q, next_states[state, action, place])
        total += count
    return reward / max(total, 1), follows / max(total, 1)


@kernel
def likeliest_next(next_states: Any, weights: Any) -> Any:
    """Return the likeliest next state of every pair (S, A), −1 where there is none, of outcomes and weights (S, A, M)."""
    n_states, n_actions, n_outcomes = weights.shape
    likeliest = np.full((n_states, n_actions), -1)
    for state in range(n_states):
        for action in range(n_actions):
            most = 0.0
            for place in range(n_outcomes):
                total = 0.0
                for other in range(n_outcomes):
                    if next_states[state, action, other] == next_states[state, action, place]:
                        total += weights[state, action, other]
                if total > most:
                    most, likeliest[state, action] = total, next_states[state, action, place]
    return likeliest


@kernel
def model_error(model: Any, probabilities: Any, next_states: Any, visits: Any) -> Any:
    """Return the total variation between learned and true next states, its mean over the pairs with visits (S, A).

    `probabilities` and `next_states` (S, A, K) are the true ones.
    """
    counts, seen = model.counts[0], model.next_states[0]
    difference = np.zeros(counts.shape[0])
    error, n_pairs = 0.0, 0
    for state in range(counts.shape[0]):
        for action in range(counts.shape[1]):
            total = 0.0
            for place in range(counts.shape[2]):
                total += counts[state, action, place]
            if visits[state, action] == 0 or total == 0:
                continue
            n_pairs += 1
            for place in range(counts.shape[2]):
                difference[seen[state, action, place]] += counts[state, action, place] / total  # (1)
            for place in range(probabilities.shape[2]):
                difference[next_states[state, action, place]] -= probabilities[state, action, place]
            for place in range(counts.shape[2]):
                error += take_half(difference, seen[state, action, place])
            for place in range(probabilities.shape[2]):
                error += take_half(difference, next_states[state, action, place])
    return error / max(n_pairs, 1)


@kernel
def take_half(difference: Any, state: Any) -> Any:
    """Return half the size of an entry of difference (S,) and set it to 0, so that it counts once."""
    half = abs(difference[state]) / 2
    difference[state] = 0.0
    return half


def model_signals() -> Mapping[str, Any]:
    """Return the functions of MODEL_SIGNALS, of an agent whose memory has the fields of `LearnedModel`."""
    return {"model_next": _model_next, "true_next": _true_next}


def model_scalars(agent: TabularAgent) -> dict[str, float]:
    """Return how wrong the model of an agent is, whose memory has the fields of `LearnedModel`."""
    mdp, visits = agent.exact.mdp, agent.course.visits[0]
    return {"tabular/model_error": float(model_error(_model_of(agent), mdp.probabilities, mdp.next_states, visits))}


def next_probabilities(agent: TabularAgent, state: int) -> tuple[Array, Array]:
    """Return the learned (1) and the true probabilities (A, S) of the next state, by action; a row of zeros was never taken."""
    model, mdp = _model_of(agent), agent.exact.mdp
    learned, true = np.zeros((2, mdp.n_actions, mdp.n_states))
    rows = np.arange(mdp.n_actions)[:, None]
    counts = model.counts[0, state]
    np.add.at(learned, (rows, model.next_states[0, state]), counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
    np.add.at(true, (rows, mdp.next_states[state]), mdp.probabilities[state])
    return learned, true


def _model_of(agent: TabularAgent) -> LearnedModel:
    return LearnedModel(*(getattr(agent.memory, name) for name in LearnedModel._fields))


def _model_next(agent: TabularAgent) -> Array:
    model = _model_of(agent)
    return np.asarray(likeliest_next(model.next_states[0], model.counts[0].astype(np.float64)))


def _true_next(agent: TabularAgent) -> Array:
    return np.asarray(likeliest_next(agent.exact.mdp.next_states, agent.exact.mdp.probabilities))
