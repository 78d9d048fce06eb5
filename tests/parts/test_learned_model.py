"""The learned model: what it keeps, what it expects, how wrong it is, and which pairs lead to a state."""

from typing import Any

import numpy as np
import pytest

from app.parts.exact import Exact
from app.parts.learned_model import (
    SPARE,
    LearnedModel,
    empty_model,
    expectation,
    likeliest_next,
    link,
    model_error,
    no_predecessors,
    observe,
    unlink,
)
from app.parts.tabular import mdp_from_outcomes

# State 0: action 0 leads to 1 or 2 evenly, action 1 ends. 1 and 2 end with rewards 1 and 3.
END = [(1.0, 0, 0.0, True)]
WORLD = mdp_from_outcomes(
    [[[(0.5, 1, 0.0, False), (0.5, 2, 0.0, False)], END], [[(1.0, 1, 1.0, True)], END], [[(1.0, 2, 3.0, True)], END]],
    np.eye(3)[0],
)


def model(counts: bool) -> LearnedModel:
    return empty_model(Exact(WORLD, 0.9, 10), counts)


def see(learned: LearnedModel, outcome: tuple[Any, ...]) -> None:
    observe(learned.next_states[0], learned.rewards[0], learned.ends[0], learned.counts[0], outcome)


def expected(learned: LearnedModel, q: Any, state: int, action: int) -> Any:
    return expectation(learned.next_states[0], learned.rewards[0], learned.ends[0], learned.counts[0], q, state, action)


def test_a_counts_model_expects_over_the_shares() -> None:
    learned, q = model(True), np.array([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]])
    for next_state in (1, 1, 1, 2):
        see(learned, (0, 0, next_state, 0.5, False))
    see(learned, (0, 1, 0, 7.0, True))
    assert expected(learned, q, 0, 0) == (0.5, (3 * 1.0 + 3.0) / 4)
    assert expected(learned, q, 0, 1) == (7.0, 0.0)  # nothing follows an end
    assert expected(learned, q, 1, 0) == (0.0, 0.0)  # never taken


def test_a_last_model_keeps_the_last_outcome() -> None:
    learned, q = model(False), np.array([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]])
    for next_state in (1, 2):
        see(learned, (0, 0, next_state, 0.0, False))
    assert expected(learned, q, 0, 0) == (0.0, 3.0)
    assert learned.counts.max() == 1


def test_an_outcome_that_finds_no_room_takes_the_place_of_the_rarest() -> None:
    learned = model(True)
    room = 2 + SPARE
    for number in range(room):
        for _time in range(2 if number else 1):
            see(learned, (0, 0, 1, float(number), False))
    see(learned, (0, 0, 2, 99.0, False))
    assert learned.rewards[0, 0, 0].tolist() == [99.0, *(float(number) for number in range(1, room))]
    assert learned.counts[0, 0, 0].tolist() == [1, *[2] * (room - 1)]


def test_model_error_is_the_total_variation_over_the_pairs_taken() -> None:
    learned, visits = model(True), np.array([[4, 1], [0, 0], [0, 0]])
    for next_state in (1, 1, 1, 2):
        see(learned, (0, 0, next_state, 0.0, False))
    see(learned, (0, 1, 0, 0.0, True))
    # Pair (0, 0): ½ (|¾ − ½| + |¼ − ½|) = ¼; pair (0, 1) is right; the mean over both is ⅛.
    assert model_error(learned, WORLD.probabilities, WORLD.next_states, visits) == pytest.approx(0.125, abs=1e-15)
    assert model_error(model(True), WORLD.probabilities, WORLD.next_states, visits * 0) == 0.0


def test_the_likeliest_next_state_adds_up_outcomes_that_lead_to_the_same() -> None:
    next_states, weights = np.array([[[1, 2, 2]], [[0, 0, 0]]]), np.array([[[0.4, 0.3, 0.3]], [[0.0, 0.0, 0.0]]])
    assert likeliest_next(next_states, weights).tolist() == [[2], [-1]]


def test_predecessors_are_linked_and_unlinked() -> None:
    before = no_predecessors(model(True))
    first, following = before.first_before[0], before.next_before[0]

    def listed(state: int) -> list[int]:
        found, place = [], int(first[state])
        while place >= 0:
            found.append(place)
            place = int(following[place])
        return found

    for place in (3, 5, 8):
        link(first, following, 2, place)
    link(first, following, 1, 4)
    assert listed(2) == [8, 5, 3]
    unlink(first, following, 2, 5)
    assert listed(2) == [8, 3]
    unlink(first, following, 2, 8)
    unlink(first, following, 2, 3)
    assert (listed(2), listed(1)) == ([], [4])
