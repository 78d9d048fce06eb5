"""Blackjack's table is what gymnasium's own code does, enumerated draw by draw; its optimum is −.0431."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from gymnasium.envs.toy_text.blackjack import BlackjackEnv, deck, sum_hand, usable_ace

from app.environments.blackjack import NATURAL, BlackjackConfig, layout, model, number_of, references
from app.parts import tabular


class OutOfCardsError(Exception):
    """The peer asked for one more card than it was given."""


class Shoe:
    """Deals the given cards in order, in the place of gymnasium's random generator."""

    def __init__(self, cards: tuple[int, ...]) -> None:
        self.cards = list(cards)

    def choice(self, _deck: list[int]) -> int:
        if not self.cards:
            raise OutOfCardsError
        return self.cards.pop(0)


def peer_outcomes(player: list[int], dealer: list[int], action: int) -> Iterator[tuple[float, int, float, bool]]:
    """Yield (probability, state, reward, terminated) of a step, over every sequence of cards the peer can draw."""
    waiting: list[tuple[int, ...]] = [()]
    while waiting:
        cards = waiting.pop()
        peer: Any = BlackjackEnv(sab=True)
        peer._np_random = Shoe(cards)
        peer.player, peer.dealer = list(player), list(dealer)
        try:
            (total, shown, ace), reward, terminated, _cut, _info = peer.step(action)
        except OutOfCardsError:
            waiting.extend((*cards, card) for card in range(1, 11))
            continue
        probability = np.prod([deck.count(card) / len(deck) for card in cards])
        yield float(probability), number_of(total, shown, bool(ace)), reward, terminated


def tally(outcomes: Iterator[tuple[float, int, float, bool]]) -> dict[tuple[int, float, bool], float]:
    """Return (state, reward, terminated) → probability."""
    found: dict[tuple[int, float, bool], float] = {}
    for probability, *rest in outcomes:
        if probability:
            key: Any = tuple(rest)
            found[key] = found.get(key, 0.0) + probability
    return found


HANDS = ([2, 2], [10, 6], [1, 6], [10, 10], [1, 2, 8], [5, 6, 10], [1, 10])


@pytest.mark.parametrize("player", HANDS, ids=str)
@pytest.mark.parametrize("shown", [1, 5, 10])
def test_sticking_and_hitting_are_gymnasiums(player: list[int], shown: int) -> None:
    mdp = model()
    total = NATURAL if sorted(player) == [1, 10] else sum_hand(player)
    state = number_of(total, shown, bool(usable_ace(player)))
    hit = tally(peer_outcomes(player, [shown, 10], 1))
    assert tally(zip(*(array[state, 1].tolist() for array in mdp.arrays), strict=True)) == pytest.approx(hit)
    stuck: dict[float, float] = {}
    for hidden in range(1, 11):
        for probability, _state, reward, terminated in peer_outcomes(player, [shown, hidden], 0):
            assert terminated
            stuck[reward] = stuck.get(reward, 0.0) + probability * deck.count(hidden) / len(deck)
    mine = tally(zip(*(array[state, 0].tolist() for array in mdp.arrays), strict=True))
    assert {reward: p for (_state, reward, _end), p in mine.items()} == pytest.approx(stuck)


def test_the_optimum_is_a_small_loss() -> None:
    optimum, random_policy = references(BlackjackConfig())
    assert optimum.value == pytest.approx(-0.0431, abs=5e-5)
    assert random_policy.value == pytest.approx(-0.3942, abs=5e-5)


def test_counting_a_natural_as_any_21_would_lose_more() -> None:
    """What the state 31 is for: without it the same play seems to earn a third of a percent less."""
    mdp = model()
    v = tabular.optimal_values(mdp, 1.0)
    merged = sum(
        mdp.start[number_of(NATURAL, card, True)] * (v[number_of(NATURAL, card, True)] - v[number_of(21, card, True)])
        for card in range(1, 11)
    )
    assert merged == pytest.approx(0.00344, abs=1e-5)


def test_the_optimal_policy_is_the_books() -> None:
    """Sutton and Barto, figure 5.2: without a usable ace stick on 17 against 7 to ace, on 13 against 2, on 12 against 4."""
    mdp = model()
    best = tabular.greedy_actions(tabular.q_from_v(mdp, tabular.optimal_values(mdp, 1.0), 1.0))

    def lowest_stick(card: int, is_usable: bool) -> int:
        return next(s for s in range(12 if is_usable else 4, 22) if best[number_of(s, card, is_usable)] == 0)

    assert [lowest_stick(card, False) for card in range(1, 11)] == [17, 13, 13, 12, 12, 12, 17, 17, 17, 17]
    assert [lowest_stick(card, True) for card in range(1, 11)] == [19, 18, 18, 18, 18, 18, 18, 18, 19, 19]


def test_every_hand_lies_on_one_of_the_two_maps() -> None:
    states = layout().cell_states
    assert states is not None
    on_a_map = states[states >= 0]
    assert sorted(on_a_map) == np.flatnonzero(model().reachable()).tolist()
    assert len(on_a_map) == 290
