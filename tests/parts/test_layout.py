"""States lie on maps: every cell has its state, every state its name, and the browser gets only what there is."""

import numpy as np
import pytest

from app import catalog
from app.parts.layout import Layout, in_a_row


def test_without_cell_states_the_state_of_a_cell_is_its_number() -> None:
    layout = Layout(2, 3, "S....G")
    assert layout.name_of(4) == "state 4 (row 1, column 1)"
    assert layout.facts() == {"rows": 2, "cols": 3, "cells": "S....G"}
    assert layout.places() == {}


def test_a_state_is_named_by_its_map_and_the_names_beside_it() -> None:
    states = np.array([[0, 1], [2, -1]])
    layout = Layout(
        1, 2, "..", ("by day", "by night"), states,
        row_names=("ten",), col_names=("left", "right"), axes=("dealer", "side"),
    )  # fmt: skip
    assert layout.name_of(2) == "state 2 (by night, dealer ten, side left)"
    assert layout.name_of(3) == "state 3", "a state that lies on no map has no place"
    assert layout.places() == {"cell_states": [[0, 1], [2, -1]]}
    assert layout.facts()["axes"] == ["dealer", "side"]


def test_a_long_row_is_wrapped_and_what_is_left_over_is_blank() -> None:
    numbers = [str(number) for number in range(50)]
    layout = in_a_row("." * 50, numbers, names=numbers)
    assert (layout.rows, layout.cols) == (3, 17)
    assert layout.cells.endswith(". ")
    assert layout.cell_states is not None
    assert layout.cell_states[0].tolist() == [*range(50), -1]
    assert len(layout.labels) == len(layout.names) == 51


def test_what_fits_in_a_row_needs_no_cell_states() -> None:
    assert in_a_row("S..G", names="abcd").cell_states is None


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ("bandit", {0: "the only state"}),
        ("chain", {0: "state 1 of 5", 4: "state 5 of 5"}),
        ("garnet", {7: "state 7"}),
        ("max_bias", {0: "the left end", 1: "B", 2: "A", 3: "the right end"}),
        ("random_walk", {0: "the left end", 1: "A", 5: "E", 6: "the right end"}),
        ("FrozenLake-v1", {6: "state 6 (row 1, column 2)"}),
        (
            "Blackjack-v1",
            {
                (15 * 11 + 7) * 2 + 1: "hand 15 against 7, usable ace",
                (15 * 11 + 1) * 2: "hand 15 against A, no usable ace",
                (24 * 11 + 1) * 2: "bust with 24 against A",
                (31 * 11 + 9) * 2: "bust with 31 against 9",
                (31 * 11 + 9) * 2 + 1: "hand A10 against 9, usable ace",
                0: "no hand",
            },
        ),
        (
            "Taxi-v4",
            {
                ((2 * 5 + 3) * 5 + 0) * 4 + 3: "taxi in row 2, column 3, passenger at Red, to Blue",
                ((0 * 5 + 4) * 5 + 4) * 4 + 0: "taxi in row 0, column 4, passenger in the taxi, to Red",
                ((0 * 5 + 4) * 5 + 1) * 4 + 1: "delivered at Green",
            },
        ),
    ],
)
def test_a_world_names_its_own_states(environment: str, names: dict[int, str]) -> None:
    spec = catalog.environments()[environment]
    mdp = spec.make(spec.config()).mdp
    assert {state: mdp.name_of(state) for state in names} == names


def test_a_row_of_many_states_counts_them() -> None:
    spec = catalog.environments()["random_walk"]
    mdp = spec.make(spec.config(n_states=99)).mdp
    assert [mdp.name_of(state) for state in (0, 12, 100)] == ["the left end", "state 12", "the right end"]
