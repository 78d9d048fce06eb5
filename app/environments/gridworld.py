"""A gridworld drawn as text: rows separated by `/`, one letter a cell, rows and columns counted from 0.

`#` wall, `.` floor, `S` start (several allowed, drawn equally often), `G` goal, `X` pit, `<` `>` `^` `v` wind. One step is:

1. The move goes as chosen with probability 1 − slip, and to either side of it with probability slip / 2 each.
   A wall or the border stops it: the agent stays where it is.
2. If the cell acted from is a wind cell, and the move did not end on a goal or a pit, the wind pushes the agent one cell
   further in its direction, unless a wall or the border stops that.
3. The reward is step_reward plus that of the cell where the step ended (also where the agent stayed): its entry in
   `rewards`, else goal_reward on a goal, pit_reward on a pit, 0 elsewhere. Goals and pits end the episode.

Walls, goals and pits keep their state numbers (row · columns + column) and count as ended.
"""

import json
import math
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationInfo, field_validator

from app.core.config import LONGEST_TEXT, Config, Hyper
from app.core.errors import shorten
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _, filled
from app.parts.batch import TabularEnvironment
from app.parts.layout import Layout
from app.parts.tabular import TabularMDP, finite_horizon_optimum

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

LETTERS = "#.SGX<>^v"
ENDS = "GX"
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))  # Up, Right, Down, Left as (row, column)
WIND = {"^": 0, ">": 1, "v": 2, "<": 3}
LARGEST = 40
LARGEST_REWARD = 1e6
DEFAULT_LAYOUT = "S....#..../.###.#.##./.#...#..#./.#.###.##./...#...X#./.###.##.#./.....#^.../.XX#.....G"
NAMED_PROBLEMS = 3
NAMED_CHANGES = 4
SIGNS = {  # one and several
    "#": (_("wall"), _("walls")),
    "S": (_("start"), _("starts")),
    "G": (_("goal"), _("goals")),
    "X": (_("pit"), _("pits")),
    "^": (_("wind up"), _("cells of wind up")),
    "v": (_("wind down"), _("cells of wind down")),
    "<": (_("wind to the left"), _("cells of wind to the left")),
    ">": (_("wind to the right"), _("cells of wind to the right")),
}
REWARD = re.compile(r"\s*(-?\d{1,6})\s*,\s*(-?\d{1,6})\s*:\s*(\S{1,40})\s*")


class GridworldConfig(Config):
    """The drawing, its rewards, and how the ground behaves."""

    layout: str = Hyper(
        DEFAULT_LAYOUT, max_length=2 * LARGEST * (LARGEST + 1), live="step",
        help=_("Rows separated by /: # wall, . floor, S start, G goal, X pit, < > ^ v wind."),
    )  # fmt: skip
    rewards: str = Hyper(
        "", max_length=LONGEST_TEXT, live="step",
        help=_("Rewards of single cells as row,column:reward; … counted from 0; each replaces the cell's usual reward."),
    )  # fmt: skip
    slip: float = Hyper(
        0.0, low=0.0, high=1.0, symbol="p", unit=_("probability"), live="step",
        help=_("Probability of moving to one side of the chosen direction; raising it makes caution pay."),
    )  # fmt: skip
    step_reward: float = Hyper(
        -0.04, low=-LARGEST_REWARD, high=LARGEST_REWARD, unit=_("reward"), live="step",
        help=_("Reward of every step; raising it makes the agent less hurried."),
    )  # fmt: skip
    goal_reward: float = Hyper(
        1.0, low=-LARGEST_REWARD, high=LARGEST_REWARD, unit=_("reward"), live="step",
        help=_("Reward of reaching a goal; raising it makes detours worth while."),
    )  # fmt: skip
    pit_reward: float = Hyper(
        -1.0, low=-LARGEST_REWARD, high=LARGEST_REWARD, unit=_("reward"), live="step",
        help=_("Reward of falling into a pit; raising it makes the agent bolder."),
    )  # fmt: skip
    max_episode_steps: int = Hyper(
        200, low=1, high=10_000, unit=_("env steps"),
        help=_("When an episode is cut; raising it lets early episodes wander longer."),
    )  # fmt: skip

    def changes_since(self, before: "GridworldConfig") -> str:
        """Return what was drawn differently, cell by cell where it is little, else counted."""
        values = [
            f"{name.replace('_', ' ')} {_told(old)} → {_told(new)}"
            for name, old in before.model_dump().items()
            if name not in {"layout", "rewards"} and old != (new := getattr(self, name))
        ]
        return ", ".join([*_drawn_since(before, self), *values]) or _("nothing changed")

    @field_validator("layout")
    @classmethod
    def _check_layout(cls, text: str) -> str:
        rows = rows_of(text)
        problems = _shape_problems(rows) or _letter_problems(rows) or _goal_problems(rows)
        if problems:
            raise ValueError("; ".join(problems[:NAMED_PROBLEMS]))
        return "/".join(rows)

    @field_validator("rewards", mode="before")
    @classmethod
    def _write_rewards(cls, value: Any) -> Any:
        """Accept {"row,column": reward}, as an object or as its JSON text, beside the text form."""
        if isinstance(value, str) and value.lstrip().startswith("{") and len(value) <= LONGEST_TEXT:
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise ValueError(_('is not valid JSON; write {"row,column": reward} or row,column:reward; …')) from None
        if not isinstance(value, dict):
            return value
        if len(value) > LARGEST**2:
            rule = _("holds {count} cells; a grid has at most {limit}")
            raise ValueError(filled(rule, count=len(value), limit=LARGEST**2))
        return ";".join(f"{shorten(cell)}:{shorten(reward)}" for cell, reward in value.items())

    @field_validator("rewards")
    @classmethod
    def _check_rewards(cls, text: str, info: ValidationInfo) -> str:
        rewards = parse_rewards(text)
        if "layout" in info.data:
            problems = _reward_problems(rewards, rows_of(info.data["layout"]))
            if problems:
                raise ValueError("; ".join(problems[:NAMED_PROBLEMS]))
        written = ";".join(f"{row},{col}:{_short(reward)}" for (row, col), reward in sorted(rewards.items()))
        if len(written) > LONGEST_TEXT:  # what is shown must be what can be sent again
            rule = _("has {length} characters written out, at most {limit} are allowed; use fewer digits")
            raise ValueError(filled(rule, length=len(written), limit=LONGEST_TEXT))
        return written


def rows_of(text: str) -> list[str]:
    """Return the rows of a layout, separated by `/` or line breaks; blanks around the text do not count."""
    return [row.strip() for row in text.strip().strip("/").replace("\r", "").replace("\n", "/").split("/")]


def parse_rewards(text: str) -> dict[tuple[int, int], float]:
    """Return (row, column) → reward of `row,column:reward; …`; raises ValueError with the rule and the way out.

    >>> parse_rewards("0,3:-1; 2,2:0.5")
    {(0, 3): -1.0, (2, 2): 0.5}
    """
    rewards: dict[tuple[int, int], float] = {}
    for item in filter(str.strip, text.split(";")):
        match = REWARD.fullmatch(item)
        if match is None:
            rule = _("{text!r} is not of the form row,column:reward, for example 2,3:-1")
            raise ValueError(rule.format(text=shorten(item.strip(), 40)))
        try:
            reward = float(match[3])
        except ValueError:
            rule = _("{text!r} at {row},{col} is not a number")
            raise ValueError(rule.format(text=match[3], row=match[1], col=match[2])) from None
        if not math.isfinite(reward) or abs(reward) > LARGEST_REWARD:
            rule = _("the reward {text} at {row},{col} must be finite and from -{limit} to {limit}")
            raise ValueError(filled(rule, text=match[3], row=match[1], col=match[2], limit=int(LARGEST_REWARD)))
        cell = (int(match[1]), int(match[2]))
        if cell in rewards:
            rule = _("cell {row},{col} is named twice; keep one of its rewards")
            raise ValueError(rule.format(row=cell[0], col=cell[1]))
        rewards[cell] = reward
    return rewards


def _short(reward: float) -> str:
    return str(int(reward)) if reward == int(reward) else repr(reward)


def _shape_problems(rows: list[str]) -> list[str]:
    if not rows[0]:
        return [_("is empty; draw at least a start and a goal, for example S..G")]
    width = len(rows[0])
    if len(rows) > LARGEST or max(map(len, rows)) > LARGEST:
        widest = max(map(len, rows))
        rule = _("is {rows} rows by {cols} columns; at most {limit} by {limit} are allowed")
        return [rule.format(rows=len(rows), cols=widest, limit=LARGEST)]
    rule = _("row {number} has {length} letters where row 0 has {width}; make all rows equally long")
    return [
        rule.format(number=number, length=len(row), width=width) for number, row in enumerate(rows) if len(row) != width
    ]


def _letter_problems(rows: list[str]) -> list[str]:
    rule, known = _("{letter!r} in row {row}, column {col} means nothing; use {known}"), " ".join(LETTERS)
    return [
        rule.format(letter=shorten(letter), row=number, col=col, known=known)
        for number, row in enumerate(rows)
        for col, letter in enumerate(row)
        if letter not in LETTERS
    ]


def _goal_problems(rows: list[str]) -> list[str]:
    """Name a missing start, and each start that can reach no goal.

    Slip changes no possibility, only probabilities: every direction stays possible. So sure moves decide.
    """
    cells, cols = "".join(rows), len(rows[0])
    starts = [cell for cell, letter in enumerate(cells) if letter == "S"]
    if not starts:
        return [_("has no start; put an S where episodes begin")]
    if "G" not in cells:
        return [_("has no goal; put a G where episodes should end")]
    leading = _leading_to_goals(rows)
    rule = _("no goal can be reached from the start in row {row}, column {col}; open a way to a G")
    return [rule.format(row=start // cols, col=start % cols) for start in starts if start not in leading]


def _leading_to_goals(rows: list[str]) -> set[int]:
    """Return the cells from which some sequence of moves ends on a goal."""
    cells = "".join(rows)
    sources: dict[int, list[int]] = {}
    for cell, targets in enumerate(_moved(rows).tolist()):
        if cells[cell] not in ENDS:
            for target in targets:
                sources.setdefault(target, []).append(cell)
    frontier = [cell for cell, letter in enumerate(cells) if letter == "G"]
    found = set(frontier)
    while frontier:
        fresh = [cell for cell in sources.get(frontier.pop(), ()) if cell not in found]
        found.update(fresh)
        frontier.extend(fresh)
    return found


def _reward_problems(rewards: dict[tuple[int, int], float], rows: list[str]) -> list[str]:
    problems = []
    for row, col in rewards:
        if not (0 <= row < len(rows) and 0 <= col < len(rows[0])):
            rule = _("cell {row},{col} lies outside the grid; rows are 0 to {last_row}, columns 0 to {last_col}")
            problems.append(rule.format(row=row, col=col, last_row=len(rows) - 1, last_col=len(rows[0]) - 1))
        elif rows[row][col] == "#":
            rule = _("cell {row},{col} is a wall, where no step ends; take it away or name another cell")
            problems.append(rule.format(row=row, col=col))
    return problems


def _shifted(walls: Bools, cells: I64, direction: int) -> I64:
    """Return the cells one step in a direction (N,), each itself where a wall (rows, columns) or the border is in the way."""
    (rows, cols), (down, right) = walls.shape, MOVES[direction]
    to_row, to_col = cells // cols + down, cells % cols + right
    is_inside = (to_row >= 0) & (to_row < rows) & (to_col >= 0) & (to_col < cols)
    to = np.where(is_inside, to_row * cols + to_col, cells)
    return np.where(walls.ravel()[to], cells, to)


def _moved(rows: list[str]) -> I64:
    """Return the cell (S, 4) that each move from each cell leads to, with the wind of the cell acted from."""
    letters = np.array(list("".join(rows)))
    walls, cells = (letters == "#").reshape(len(rows), -1), np.arange(len(letters))
    moved = np.stack([_shifted(walls, cells, direction) for direction in range(4)], axis=1)
    for letter, direction in WIND.items():
        windy = np.flatnonzero(letters == letter)
        blown = _shifted(walls, moved[windy].ravel(), direction).reshape(len(windy), 4)
        moved[windy] = np.where(np.isin(letters[moved[windy]], list(ENDS)), moved[windy], blown)
    return moved


@lru_cache(maxsize=16)
def model(config: GridworldConfig) -> TabularMDP:
    """Return the exact model; where there is slip, an action's outcomes are: as chosen, to its left, to its right."""
    rows = config.layout.split("/")
    letters, cols = np.array(list("".join(rows))), len(rows[0])
    arrivals = np.where(letters == "G", config.goal_reward, np.where(letters == "X", config.pit_reward, 0.0))
    for (row, col), reward in parse_rewards(config.rewards).items():
        arrivals[row * cols + col] = reward
    sides = [0, -1, 1] if config.slip else [0]
    reached = np.ascontiguousarray(_moved(rows)[:, (np.arange(4)[:, None] + sides) % 4])
    chances = np.array([1.0 - config.slip, config.slip / 2, config.slip / 2][: len(sides)])
    probabilities = np.broadcast_to(chances, reached.shape).copy()
    rewards, terminated = config.step_reward + arrivals[reached], np.isin(letters[reached], list(ENDS))
    closed = np.flatnonzero(np.isin(letters, ["#", *ENDS]))
    reached[closed], rewards[closed] = closed[:, None, None], 0.0
    probabilities[closed], terminated[closed] = np.eye(len(sides))[0], np.eye(len(sides))[0] > 0
    start = (letters == "S").astype(np.float64)
    own = tuple((row * cols + col, reward) for (row, col), reward in sorted(parse_rewards(config.rewards).items()))
    layout = Layout(len(rows), cols, "".join(rows), rewards=own)
    return TabularMDP(probabilities, reached, rewards, terminated, start / start.sum(), layout)


def make(config: GridworldConfig) -> TabularEnvironment:
    """Return the environment."""
    return TabularEnvironment("gridworld", model(config), config.max_episode_steps)


@lru_cache(maxsize=16)
def references(config: GridworldConfig) -> tuple[Reference, ...]:
    """Return the exact optimum within the time limit."""
    source = _("exact, from the model within {steps} steps").format(steps=config.max_episode_steps)
    return (Reference(_("Optimum"), finite_horizon_optimum(model(config), config.max_episode_steps), source),)


def _drawn_since(before: GridworldConfig, after: GridworldConfig) -> list[str]:
    """Return what the drawings and the rewards of single cells differ in: moved, added, removed, rewarded otherwise."""
    old, new = (config.layout.replace("/", "") for config in (before, after))
    cols = len(after.layout.split("/")[0])
    gone = {cell: a for cell, (a, b) in enumerate(zip(old, new, strict=True)) if a not in {b, "."}}
    come = {cell: b for cell, (a, b) in enumerate(zip(old, new, strict=True)) if b not in {a, "."}}
    paid = _paid_since(before, after, gone.keys() | come.keys())
    if len(gone) + len(come) + len(paid) > NAMED_CHANGES:
        return _counted(gone, come, len(paid))
    told = []
    for letter in dict.fromkeys([*gone.values(), *come.values()]):
        left, right = ([cell for cell, sign in cells.items() if sign == letter] for cells in (gone, come))
        if len(left) == len(right) == 1:
            words = _("{what} moved from {where} to {there}")
            told.append(words.format(what=SIGNS[letter][0], where=_at(left[0], cols), there=_at(right[0], cols)))
            continue
        told += [_("{what} at {where} removed").format(what=SIGNS[letter][0], where=_at(cell, cols)) for cell in left]
        told += [_("{what} at {where} added").format(what=SIGNS[letter][0], where=_at(cell, cols)) for cell in right]
    reward = _("reward at {where}: {old} → {new}")
    return told + [
        reward.format(where=_at(row * cols + col, cols), old=_told(was), new=_told(now))
        for (row, col), (was, now) in paid.items()
    ]


def _counted(gone: dict[int, str], come: dict[int, str], n_rewards: int) -> list[str]:
    told = []
    for words, cells in ((_("{count} {what} removed"), gone), (_("{count} {what} added"), come)):
        letters = list(cells.values())
        told += [
            words.format(count=letters.count(letter), what=SIGNS[letter][letters.count(letter) > 1])
            for letter in dict.fromkeys(letters)
        ]
    return told + ([_("{count} rewards of cells changed").format(count=n_rewards)] if n_rewards else [])


def _paid_since(
    before: GridworldConfig, after: GridworldConfig, redrawn: Collection[int]
) -> dict[tuple[int, int], tuple[float, float]]:
    """Return (row, column) → reward of entering before and after, of the cells where either is its own and they differ."""
    cols, found = len(after.layout.split("/")[0]), {}
    own = [parse_rewards(config.rewards) for config in (before, after)]
    for row, col in sorted(own[0].keys() | own[1].keys()):
        paid = [
            rewards.get((row, col), _usual(config, row * cols + col))
            for rewards, config in zip(own, (before, after), strict=True)
        ]
        is_dropped_with_its_sign = row * cols + col in redrawn and (row, col) not in own[1]
        if paid[0] != paid[1] and not is_dropped_with_its_sign:
            found[row, col] = paid[0], paid[1]
    return found


def _usual(config: GridworldConfig, cell: int) -> float:
    return {"G": config.goal_reward, "X": config.pit_reward}.get(config.layout.replace("/", "")[cell], 0.0)


def _at(cell: int, cols: int) -> str:
    return _("row {row}, column {col}").format(row=cell // cols, col=cell % cols)


def _told(value: float) -> str:
    return f"{value:g}".replace("-", "−")


SPEC = EnvironmentSpec(
    id="gridworld",
    name=_("Gridworld"),
    summary=_("Draw a world of walls, goals, pits and wind as text, and see what an agent makes of it."),
    version=1,
    kind="tabular",
    config=GridworldConfig,
    make=make,
    actions=(_("Up"), _("Right"), _("Down"), _("Left")),
    drawing="grid",
    keys=("ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"),
    size=_("up to 40 × 40 cells, 4 actions"),
    references=references,
    source=_("this application; the default is a small maze with pits and one windy cell"),
)
