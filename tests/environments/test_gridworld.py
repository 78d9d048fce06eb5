"""Gridworlds: what each letter does, by hand; and every bad drawing is refused with value, rule and way out."""

from typing import Any

import numpy as np
import pytest

from app.core.errors import InvalidInput
from app.environments.gridworld import DEFAULT_LAYOUT, MOVES, SPEC, WIND, GridworldConfig, model, references
from app.parts import tabular
from app.parts.tabular import TabularMDP

UP, RIGHT, DOWN, LEFT = range(4)


def world(layout: str, **options: Any) -> TabularMDP:
    return model(GridworldConfig.parse({"layout": layout, "step_reward": 0.0, **options}, "environment_config"))


def outcomes(mdp: TabularMDP, state: int, action: int) -> list[tuple[float, int, float, bool]]:
    rows = zip(*(array[state, action] for array in mdp.arrays), strict=True)
    return [(float(p), int(s), float(r), bool(t)) for p, s, r, t in rows if p > 0]


def test_walls_and_borders_stop_a_move() -> None:
    mdp = world("S#G/...")
    assert outcomes(mdp, 0, RIGHT) == [(1.0, 0, 0.0, False)]
    assert outcomes(mdp, 0, UP) == [(1.0, 0, 0.0, False)]
    assert outcomes(mdp, 0, DOWN) == [(1.0, 3, 0.0, False)]


def test_goals_and_pits_pay_and_end() -> None:
    mdp = world("SG/XG", goal_reward=5.0, pit_reward=-7.0, step_reward=-1.0)
    assert outcomes(mdp, 0, RIGHT) == [(1.0, 1, 4.0, True)]
    assert outcomes(mdp, 0, DOWN) == [(1.0, 2, -8.0, True)]
    assert outcomes(mdp, 0, LEFT) == [(1.0, 0, -1.0, False)]


def test_slip_goes_to_both_sides() -> None:
    mdp = world(".../.S./..G", slip=0.2)
    assert outcomes(mdp, 4, UP) == [(0.8, 1, 0.0, False), (0.1, 3, 0.0, False), (0.1, 5, 0.0, False)]


def test_wind_pushes_one_cell_further_from_the_cell_acted_in() -> None:
    mdp = world("..../..../S^.G/....")
    assert outcomes(mdp, 9, RIGHT) == [(1.0, 6, 0.0, False)], "right to (2,2), then blown up to (1,2)"
    assert outcomes(mdp, 9, UP) == [(1.0, 1, 0.0, False)], "two cells up"
    assert outcomes(mdp, 9, DOWN) == [(1.0, 9, 0.0, False)], "down and blown back"
    assert outcomes(mdp, 8, RIGHT) == [(1.0, 9, 0.0, False)], "entering a wind cell does not blow"


def test_wind_is_stopped_by_walls_and_borders_and_spares_the_ended() -> None:
    assert outcomes(world("S^G/..."), 1, LEFT) == [(1.0, 0, 0.0, False)], "the border stops the wind"
    assert outcomes(world(".#./S^G/..."), 4, UP) == [(1.0, 4, 0.0, False)], "a wall stops move and wind"
    assert outcomes(world(".../S^G/..."), 4, RIGHT) == [(1.0, 5, 1.0, True)], "a goal ends before the wind blows"
    assert outcomes(world("S.>.G"), 2, RIGHT) == [(1.0, 4, 1.0, True)], "blown onto the goal"
    assert outcomes(world("S/v/./G"), 1, DOWN) == [(1.0, 3, 1.0, True)]


def test_rewards_of_single_cells_replace_the_usual_one() -> None:
    mdp = world("S.G", rewards={"0,1": 0.5, "0,2": 9}, step_reward=-1.0)
    assert outcomes(mdp, 0, RIGHT) == [(1.0, 1, -0.5, False)]
    assert outcomes(mdp, 1, RIGHT) == [(1.0, 2, 8.0, True)]
    assert outcomes(mdp, 1, UP) == [(1.0, 1, -0.5, False)], "also where the agent stays"


def test_several_starts_are_drawn_equally_often() -> None:
    np.testing.assert_array_equal(world("S.G.S").start, [0.5, 0, 0, 0, 0.5])


def one_step(rows: list[str], cell: int, direction: int) -> int:
    """The rules of the module, one cell at a time."""
    row, col = divmod(cell, len(rows[0]))

    def shifted(row: int, col: int, direction: int) -> tuple[int, int]:
        down, right = MOVES[direction]
        to_row, to_col = row + down, col + right
        is_free = 0 <= to_row < len(rows) and 0 <= to_col < len(rows[0]) and rows[to_row][to_col] != "#"
        return (to_row, to_col) if is_free else (row, col)

    wind = WIND.get(rows[row][col])
    row, col = shifted(row, col, direction)
    if wind is not None and rows[row][col] not in "GX":
        row, col = shifted(row, col, wind)
    return row * len(rows[0]) + col


@pytest.mark.parametrize("seed", range(40))
def test_the_whole_table_equals_the_rules_cell_by_cell(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_rows, n_cols = rng.integers(1, 8), rng.integers(2, 8)
    letters = rng.choice(list("#...X<>^v"), n_rows * n_cols)
    letters[0], letters[-1] = "S", "G"
    rows = ["".join(row) for row in letters.reshape(n_rows, n_cols)]
    mdp = model(
        GridworldConfig.model_construct(**{**GridworldConfig().model_dump(), "layout": "/".join(rows), "slip": 0.2})
    )
    cells = "".join(rows)
    for cell in range(len(cells)):
        for action in range(4):
            expected = [(1.0, cell, 0.0, True)]
            if cells[cell] not in "#GX":
                turns = ((0.8, action), (0.1, (action - 1) % 4), (0.1, (action + 1) % 4))
                moves = [(p, one_step(rows, cell, direction)) for p, direction in turns]
                usual = {"G": 1.0, "X": -1.0}
                expected = [(p, to, -0.04 + usual.get(cells[to], 0.0), cells[to] in "GX") for p, to in moves]
            assert outcomes(mdp, cell, action) == expected


def test_values_by_hand() -> None:
    v = tabular.optimal_values(world("S..G"), 0.5)
    np.testing.assert_allclose(v, [0.25, 0.5, 1.0, 0.0], atol=1e-15)


def test_every_form_of_rewards_is_read_as_the_same_text() -> None:
    forms: list[Any] = ["1,0:-2; 0,1:0.5", '{"0,1": 0.5, "1,0": -2}', {"1,0": -2, "0,1": 0.5}]
    read = {GridworldConfig.parse({"layout": "S.G/...", "rewards": form}).rewards for form in forms}
    assert read == {"0,1:0.5;1,0:-2"}
    config = GridworldConfig.parse({"layout": "S.G/...", "rewards": forms[0]})
    assert GridworldConfig.parse(config.model_dump(mode="json")) == config


def test_line_breaks_separate_rows_too() -> None:
    assert GridworldConfig.parse({"layout": "S.\r\n.G\n"}).layout == "S./.G"


def test_the_default_world_can_be_solved_at_every_discount() -> None:
    config = GridworldConfig()
    assert config.layout == DEFAULT_LAYOUT
    mdp = model(config)
    assert tabular.optimal_values(mdp, 1.0)[0] == pytest.approx(references(config)[0].value)
    environment = SPEC.make(config)
    assert (environment.n_actions, environment.observation_size) == (4, 80)
    assert len(SPEC.actions) == 4


def test_slip_of_one_still_reaches_a_goal_round_the_corner() -> None:
    assert world("S.G", slip=1.0).can_finish()[0], "up or down slips sideways"


def test_gamma_one_is_refused_where_wind_makes_a_trap() -> None:
    # from (1,1) on, the wind blows down; the lower corridor's own wind blows every move back
    mdp = world("S.G/#v#/#v#/#v#")
    trapped = mdp.reachable() & ~mdp.can_finish()
    assert trapped.any()
    with pytest.raises(InvalidInput, match=r"row \d, column 1\).* cannot reach an end"):
        tabular.optimal_values(mdp, 1.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"layout": "S.G/.."}, "row 1 has 2 letters where row 0 has 3; make all rows equally long"),
        ({"layout": "SQG"}, "'Q' in row 0, column 1 means nothing; use # . S G X < > ^ v"),
        ({"layout": "..G"}, "has no start; put an S"),
        ({"layout": "S.."}, "has no goal; put a G"),
        ({"layout": "S#G"}, "no goal can be reached from the start in row 0, column 0"),
        ({"layout": "SG#S"}, "no goal can be reached from the start in row 0, column 3"),
        ({"layout": "S<>G"}, "no goal can be reached from the start in row 0, column 0"),
        ({"layout": "SXG"}, "no goal can be reached from the start in row 0, column 0"),
        ({"layout": ""}, "is empty"),
        ({"layout": "S" + "." * 40 + "G"}, "is 1 rows by 42 columns; at most 40 by 40"),
        ({"layout": "S/" + "./" * 40 + "G"}, "is 42 rows by 1 columns; at most 40 by 40"),
        ({"layout": "S" * 1_000_000}, "at most 3\u202f280 characters"),
        ({"layout": 7}, "must be text"),
        ({"rewards": "8,0:1"}, "cell 8,0 lies outside the grid; rows are 0 to 7, columns 0 to 9"),
        ({"rewards": {"0,-1": 1}}, "cell 0,-1 lies outside the grid"),
        ({"rewards": "0,5:1"}, "cell 0,5 is a wall"),
        ({"rewards": "0,0:1;0,0:2"}, "named twice"),
        ({"rewards": "0,0:nan"}, "must be finite"),
        ({"rewards": '{"0,0": 1e400}'}, "must be finite"),
        ({"rewards": {"0,0": True}}, "not a number"),
        ({"rewards": "0,0"}, "not of the form row,column:reward"),
        ({"rewards": '{"0,0":'}, "not valid JSON"),
        ({"rewards": '{"a":' * 5_000}, "not valid JSON"),
        ({"rewards": {f"{n},0": 1 for n in range(1_601)}}, "at most 1\u202f600"),
        ({"rewards": ["0,0:1"]}, "must be text"),
        ({"slip": 1.5}, "slip=1.5: must be ≤ 1"),
        ({"slip": -0.1}, "must be ≥ 0"),
        ({"slip": float("nan")}, "must be a finite number"),
        ({"step_reward": float("inf")}, "must be a finite number"),
        ({"goal_reward": 1e9}, "must be ≤ 1\u202f000\u202f000"),
        ({"pit_reward": "x"}, "must be a number"),
        ({"max_episode_steps": 0}, "must be ≥ 1"),
        ({"wind": 1}, "unknown name"),
    ],
)
def test_bad_input_is_refused_with_the_rule(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        GridworldConfig.parse(values, "environment_config")
    violation = refused.value.violations[0]
    assert message in str(refused.value)
    assert violation.where.startswith(f"environment_config.{next(iter(values))}")
    assert violation.way_out
    assert len(str(refused.value)) < 1_000


def test_every_violation_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        GridworldConfig.parse({"layout": "S#G", "slip": 2, "rewards": "x"}, "environment_config")
    assert [violation.where.split(".")[1] for violation in refused.value.violations] == ["layout", "rewards", "slip"]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"layout": "S.#G/...."}, {"layout": "S..G/...."}, "wall at row 0, column 2 removed"),
        ({"layout": "S../..G"}, {"layout": "S../G.G"}, "goal at row 1, column 0 added"),
        ({"layout": "S../..G"}, {"layout": "S../G.."}, "goal moved from row 1, column 2 to row 1, column 0"),
        (
            {"layout": "S.X.G/....."},
            {"layout": "S.>.G/....."},
            "pit at row 0, column 2 removed, wind to the right at row 0, column 2 added",
        ),
        ({"layout": "S...G"}, {"layout": "S...G", "rewards": "0,2:-1"}, "reward at row 0, column 2: 0 → −1"),
        ({"layout": "S...G", "rewards": "0,4:5"}, {"layout": "S...G"}, "reward at row 0, column 4: 5 → 1"),
        ({"layout": "S..G/....", "rewards": "0,2:5"}, {"layout": "S.#G/...."}, "wall at row 0, column 2 added"),
        ({"layout": "SG"}, {"layout": "SG", "slip": 0.2, "goal_reward": -0.5}, "slip 0 → 0.2, goal reward 1 → −0.5"),
        (
            {"layout": "S.....#/......G"},
            {"layout": "S..XXX./......G", "rewards": "1,1:1;1,2:1"},
            "1 wall removed, 3 pits added, 2 rewards of cells changed",
        ),
        ({"layout": "SG"}, {"layout": "SG"}, "nothing changed"),
    ],
)
def test_an_edit_is_told_in_words(before: dict[str, Any], after: dict[str, Any], words: str) -> None:
    parse = GridworldConfig.parse
    assert parse(after).changes_since(parse(before)) == words
