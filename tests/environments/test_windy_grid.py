"""The windy grid's shortest ways are the book's: 15 steps, with king's moves 7."""

import pytest

from app.environments.windy_grid import COLS, GOAL, SPEC, START, WindyGridConfig, model, references


@pytest.mark.parametrize(("king_moves", "steps"), [(False, 15), (True, 7)])
def test_shortest_way(king_moves: bool, steps: int) -> None:
    assert references(WindyGridConfig(king_moves=king_moves))[0].value == -steps


def test_a_wind_that_varies_costs_steps() -> None:
    assert references(WindyGridConfig(is_stochastic=True))[0].value == pytest.approx(-20.628, abs=1e-3)
    assert references(WindyGridConfig(king_moves=True, is_stochastic=True))[0].value == pytest.approx(-10.965, abs=1e-3)


def test_the_wind_of_the_column_acted_from_shifts_up() -> None:
    mdp = model(False, False)
    assert mdp.next_states[START, 1, 0] == START + 1, "no wind in the first column"
    assert mdp.next_states[3 * COLS + 3, 1, 0] == 2 * COLS + 4, "wind 1"
    assert mdp.next_states[3 * COLS + 6, 3, 0] == 1 * COLS + 5, "wind 2"
    assert mdp.next_states[0 * COLS + 6, 2, 0] == 0 * COLS + 6, "down one, up two, held by the border"
    assert mdp.terminated[GOAL + COLS * 2 - 1, 1, 0] == (mdp.next_states[GOAL + COLS * 2 - 1, 1, 0] == GOAL)


def test_varying_wind_is_one_weaker_or_stronger_a_third_of_the_time_each() -> None:
    mdp = model(False, True)
    assert sorted(mdp.next_states[3 * COLS + 3, 1]) == [1 * COLS + 4, 2 * COLS + 4, 3 * COLS + 4]
    assert mdp.probabilities[3 * COLS + 3, 1] == pytest.approx([1 / 3] * 3)
    assert mdp.probabilities[START, 1].tolist() == [1, 0, 0]


def test_the_actions_there_are_come_first_among_the_named_ones() -> None:
    assert SPEC.make(WindyGridConfig()).n_actions == 4
    assert SPEC.make(WindyGridConfig(king_moves=True)).n_actions == len(SPEC.actions)
