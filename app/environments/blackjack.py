"""Blackjack-v1: draw cards towards 21 without going over, then let the dealer play.

Rules and numbers are those of gymnasium's `Blackjack-v1` as registered (`sab=True`, Sutton and Barto's example 5.1): cards
come from an endless deck, the dealer draws below 17, a natural (ace and ten at once) beats every hand but a natural.
A state is (sum · 11 + dealer's card) · 2 + usable ace: 704 numbers, of which most stand for no hand. One differs:
gymnasium shows a natural as 21 with a usable ace, like the same sum from more cards, although it wins more often. Here the
unused sum 31 stands for a natural, so the state says all there is to know and the table is exact.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.batch import TabularEnvironment
from app.parts.layout import Layout
from app.parts.tabular import (
    Outcome,
    TabularMDP,
    finite_horizon_optimum,
    finite_horizon_return,
    mdp_from_outcomes,
    uniform_policy,
)

CARDS = tuple((card, (4 if card == 10 else 1) / 13) for card in range(1, 11))  # value and probability; the ace is 1
N_STATES = 32 * 11 * 2
NATURAL = 31
LOWEST, HIGHEST = 4, 21
STICK = 0
LONGEST = 32  # a hand holds at most 21 cards


class BlackjackConfig(Config):
    """Nothing to choose."""


Hand = tuple[int, bool]  # sum, and whether an ace in it counts as 11


def with_card(hand: Hand, card: int) -> Hand:
    """Return a hand after one more card; an ace counts 11 unless that goes over 21.

    >>> with_card((13, True), 10), with_card((10, False), 1)
    ((13, False), (21, True))
    """
    low = hand[0] - 10 * hand[1] + card
    is_usable = (hand[1] or card == 1) and low + 10 <= 21
    return low + 10 * is_usable, is_usable


def number_of(total: int, dealer: int, is_usable: bool) -> int:
    """Return the state number of a sum, the dealer's open card and whether an ace is usable."""
    return (total * 11 + dealer) * 2 + is_usable


@lru_cache(maxsize=1)
def dealt() -> dict[int, float]:
    """Return hand → probability of the player's first two cards; a natural has its own sum."""
    hands: dict[tuple[int, bool], float] = {}
    for one, p_one in CARDS:
        for other, p_other in CARDS:
            total, is_usable = with_card(with_card((0, False), one), other)
            key = (NATURAL if total == HIGHEST else total, is_usable)
            hands[key] = hands.get(key, 0.0) + p_one * p_other
    return {number_of(total, 0, is_usable): p for (total, is_usable), p in hands.items()}


@lru_cache(maxsize=32)
def dealer_ends(card: int) -> tuple[tuple[int, float], ...]:
    """Return (sum, probability) of the dealer's final hand from an open card; 0 is over 21, 31 a natural."""
    ends: dict[int, float] = {}

    def draw(hand: Hand, probability: float, n_cards: int) -> None:
        total = hand[0]
        if total >= 17:
            end = 0 if total > HIGHEST else NATURAL if n_cards == 2 and total == HIGHEST else total
            ends[end] = ends.get(end, 0.0) + probability
            return
        for next_card, p in CARDS:
            draw(with_card(hand, next_card), probability * p, n_cards + 1)

    draw(with_card((0, False), card), 1.0, 1)
    return tuple(sorted(ends.items()))


@lru_cache(maxsize=1)
def model() -> TabularMDP:
    """Return the exact model."""
    outcomes = [[_outcomes(state, action) for action in range(2)] for state in range(N_STATES)]
    start = np.zeros(N_STATES)
    for hand, p_hand in dealt().items():
        for card, p_card in CARDS:
            start[hand + 2 * card] += p_hand * p_card
    return mdp_from_outcomes(outcomes, start / start.sum(), layout())


def _outcomes(state: int, action: int) -> list[Outcome]:
    total, dealer, is_usable = state // 22, state // 2 % 11, bool(state % 2)
    is_hand = LOWEST <= total <= HIGHEST or (total == NATURAL and is_usable)
    if dealer == 0 or not is_hand:
        return [(1.0, state, 0.0, True)]
    if action == STICK:
        return [(p, state, reward, True) for reward, p in _results(total, dealer)]
    hand = (HIGHEST if total == NATURAL else total, is_usable)
    drawn = [(p, with_card(hand, card)) for card, p in CARDS]
    return [
        (p, number_of(total, dealer, usable), -1.0 if total > HIGHEST else 0.0, total > HIGHEST)
        for p, (total, usable) in drawn
    ]


def _results(total: int, dealer: int) -> list[tuple[float, float]]:
    """Return (reward, probability) of sticking."""
    results = {-1.0: 0.0, 0.0: 0.0, 1.0: 0.0}
    for end, p in dealer_ends(dealer):
        if total == NATURAL or end == NATURAL:
            mine, theirs = total == NATURAL, end == NATURAL
            reward = float(mine) - float(theirs) if mine or total < HIGHEST else 0.0
        else:
            reward = float(total > end) - float(total < end)
        results[reward] += p
    return [(reward, p) for reward, p in results.items() if p > 0]


def layout() -> Layout:
    """Return two maps, without and with a usable ace: the dealer's open card down, the player's sum across."""
    totals = [*range(LOWEST, HIGHEST + 1), NATURAL]
    states: NDArray[np.int64] = np.full((2, 10, len(totals)), -1)
    for col, total in enumerate(totals):
        for card in range(1, 11):
            for is_usable in (False, True):
                exists = total >= 12 if is_usable else total <= HIGHEST
                if exists:
                    states[int(is_usable), card - 1, col] = number_of(total, card, is_usable)
    return Layout(
        10,
        len(totals),
        "." * 10 * len(totals),
        planes=(_("no usable ace"), _("usable ace")),
        cell_states=states.reshape(2, -1),
        row_names=("A", *(str(card) for card in range(2, 11))),
        col_names=(*(str(total) for total in totals[:-1]), "A10"),
        axes=(_("dealer shows"), _("player has")),
        pattern=_("hand {col} against {row}, {plane}"),
        elsewhere=_name_elsewhere,
    )


def _name_elsewhere(state: int) -> str:
    total, dealer, is_usable = state // 22, state // 2 % 11, bool(state % 2)
    if total <= HIGHEST or is_usable or dealer == 0:
        return _("no hand")
    return _("bust with {total} against {dealer}").format(total=total, dealer="A" if dealer == 1 else dealer)


def make(config: BlackjackConfig) -> TabularEnvironment:
    """Return the environment; no hand is long enough to be cut."""
    return TabularEnvironment("Blackjack-v1", model(), LONGEST)


@lru_cache(maxsize=1)
def references(config: BlackjackConfig) -> tuple[Reference, ...]:
    """Return the exact optimum and the random policy's return."""
    mdp, exact = model(), _("exact, from the model")
    return (
        Reference(_("Optimum"), finite_horizon_optimum(mdp, LONGEST), exact),
        Reference(_("Random policy"), finite_horizon_return(mdp, uniform_policy(mdp), LONGEST), exact),
    )


SPEC = EnvironmentSpec(
    id="Blackjack-v1",
    name=_("Blackjack"),
    summary=_("Hit or stick against a dealer who draws below 17: win 1, lose 1. Even the best policy loses a little."),
    version=1,
    kind="tabular",
    config=BlackjackConfig,
    make=make,
    actions=(_("Stick"), _("Hit")),
    drawing="cards",
    keys=("s", "h"),
    size=_("290 hands in 704 states, 2 actions"),
    success=1.0,
    references=references,
    source=_("gymnasium Blackjack-v1, after Sutton and Barto, Example 5.1"),
)
