"""States lie on maps: every cell has its state, every state its name, and the browser gets only what there is."""

import numpy as np

from app.parts.layout import Layout, in_a_row


def test_without_cell_states_the_state_of_a_cell_is_its_number() -> None:
    layout = Layout(2, 3, "S....G")
    assert layout.name_of(4) == "row 1, column 1"
    assert layout.facts() == {"rows": 2, "cols": 3, "cells": "S....G"}
    assert layout.places() == {}


def test_a_state_is_named_by_its_map_and_the_names_beside_it() -> None:
    states = np.array([[0, 1], [2, -1]])
    layout = Layout(
        1, 2, "..", ("by day", "by night"), states,
        row_names=("ten",), col_names=("left", "right"), axes=("dealer", "side"),
    )  # fmt: skip
    assert layout.name_of(2) == "by night, dealer ten, side left"
    assert layout.name_of(3) == "", "a state that lies on no map has no place"
    assert layout.places() == {"cell_states": [[0, 1], [2, -1]]}
    assert layout.facts()["axes"] == ["dealer", "side"]


def test_a_long_row_is_wrapped_and_what_is_left_over_is_blank() -> None:
    layout = in_a_row("." * 50, [str(number) for number in range(50)])
    assert (layout.rows, layout.cols) == (3, 17)
    assert layout.cells.endswith(". ")
    assert layout.cell_states is not None
    assert layout.cell_states[0].tolist() == [*range(50), -1]
    assert len(layout.labels) == 51


def test_what_fits_in_a_row_needs_no_cell_states() -> None:
    assert in_a_row("S..G").cell_states is None
