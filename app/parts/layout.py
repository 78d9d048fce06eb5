"""Where the states of a table lie on one or several maps, so that they can be drawn, pointed at and named.

Letters: P maps, S states. A map has rows · cols cells, numbered row by row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.text import _

I64 = NDArray[np.int64]
EMPTY = " "  # the letter of a cell that holds nothing
WIDEST_ROW = 21


@dataclass(frozen=True)
class Layout:
    """How states lie on maps. Without `cell_states` there is one map, and the state of a cell is row · cols + col.

    Attributes:
        cells: one letter a cell, row by row (rows · cols): `#` wall, `.` floor, `S` start, `G` goal, `X` pit or cliff,
            `< > ^ v` wind, a blank for nothing. A wall keeps its number and is never reached.
        planes: the names of the maps (P), where there are several.
        cell_states: the state of every cell of every map (P, rows · cols) int64, −1 where there is none.
        labels: a short sign for each cell (rows · cols), drawn in its corner; empty text for none.
        row_names, col_names: what stands beside each row and above each column.
        axes: what the rows and the columns are, in words.
        walls: pairs of neighbouring cells with a wall between them.
        names: what the state of each cell (rows · cols) is called where it is no place on a grid; empty text for none.
        pattern: what the states of a map are called, with {row}, {col} and {plane} for the names of these.
        elsewhere: `state → its name` of those that lie on no map.
        rewards: (cell, reward) of the cells whose reward is not the usual one.
    """

    rows: int
    cols: int
    cells: str
    planes: tuple[str, ...] = ()
    cell_states: I64 | None = field(default=None, compare=False)
    labels: tuple[str, ...] = ()
    row_names: tuple[str, ...] = ()
    col_names: tuple[str, ...] = ()
    axes: tuple[str, str] = (_("row"), _("column"))
    walls: tuple[tuple[int, int], ...] = ()
    names: tuple[str, ...] = ()
    pattern: str = ""
    elsewhere: Callable[[int], str] = field(default=lambda state: "", compare=False)
    rewards: tuple[tuple[int, float], ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return what the browser draws the maps with; only what this layout has is in it."""
        extras: dict[str, Any] = {
            "planes": list(self.planes),
            "labels": list(self.labels),
            "row_names": list(self.row_names),
            "col_names": list(self.col_names),
            "axes": list(self.axes) if self.row_names or self.col_names else [],
            "walls": [list(pair) for pair in self.walls],
            "names": list(self.names),
            "pattern": self.pattern,
            "rewards": [list(pair) for pair in self.rewards],
        }
        present = {name: value for name, value in extras.items() if value}
        return {"rows": self.rows, "cols": self.cols, "cells": self.cells, **present}

    def places(self) -> dict[str, Any]:
        """Return `cell_states` as nested lists for the browser, or nothing where a cell's state is its number."""
        return {} if self.cell_states is None else {"cell_states": self.cell_states.tolist()}

    def name_of(self, state: int) -> str:
        """Return a state in words: its own name, else its number and where it lies."""
        cell, plane = state, ""
        if self.cell_states is not None:
            found = np.argwhere(self.cell_states == state)
            if not len(found):
                return self.elsewhere(state) or numbered(state)
            cell = int(found[0, 1])
            plane = self.planes[found[0, 0]] if self.planes else ""
        if self.names:
            return self.names[cell] or numbered(state)
        row, col = divmod(cell, self.cols)
        row_name = self.row_names[row] if self.row_names else str(row)
        col_name = self.col_names[col] if self.col_names else str(col)
        if self.pattern:
            return self.pattern.format(row=row_name, col=col_name, plane=plane)
        where = f"{self.axes[0]} {row_name}, {self.axes[1]} {col_name}"
        return f"{numbered(state)} ({plane}, {where})" if plane else f"{numbered(state)} ({where})"


def numbered(state: int) -> str:
    """Return a state that has no name."""
    return _("state {number}").format(number=state)


def in_a_row(letters: str, labels: Sequence[str] = (), *, names: Sequence[str], widest: int = WIDEST_ROW) -> Layout:
    """Return the layout of states in a row, wrapped into as few rows as do not exceed `widest` cells.

    Args:
        letters: one letter a state.
        labels: one sign a state.
        names: what each state is called.
        widest: most cells of a row.

    >>> in_a_row("S.G", names="abc").rows
    1
    >>> wrapped = in_a_row("S...G", names="abcde", widest=3)
    >>> wrapped.rows, wrapped.cols, wrapped.cell_states.tolist()
    (2, 3, [[0, 1, 2, 3, 4, -1]])
    """
    count = len(letters)
    rows = -(-count // widest)
    cols = -(-count // rows)
    room = rows * cols
    if room == count:
        return Layout(rows, cols, letters, labels=tuple(labels), names=tuple(names))
    states = np.where(np.arange(room) < count, np.arange(room), -1)[None, :]
    blanks = [""] * (room - count)
    filled = (*labels, *blanks) if labels else ()
    return Layout(rows, cols, letters.ljust(room, EMPTY), cell_states=states, labels=filled, names=(*names, *blanks))
