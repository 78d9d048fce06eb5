"""The textbook grids: each can be drawn, and gives the numbers that its book prints."""

from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from app.environments.gridworld import GridworldConfig, model
from app.parts.tabular import TabularMDP, optimal_values, policy_evaluation, uniform_policy
from app.web.classics import CLASSICS


def world(id: str) -> TabularMDP:
    return model(GridworldConfig.parse(dict(next(one for one in CLASSICS if one.id == id).config)))


@pytest.mark.parametrize("classic", CLASSICS, ids=lambda one: one.id)
def test_each_can_be_drawn_and_solved_under_its_discount(classic: object) -> None:
    mdp = world(classic.id)  # type: ignore[attr-defined]
    assert np.isfinite(optimal_values(mdp, classic.gamma)).all()  # type: ignore[attr-defined]


def test_the_address_of_a_grid_names_its_layout() -> None:
    asked = parse_qs(urlsplit(CLASSICS[0].url).query)
    assert asked["layout"] == ["GSSS/SSSS/SSSS/SSSG"]
    assert asked["environment_config.step_reward"] == ["-1.0"]


def test_the_two_corners_have_the_random_walkers_values_of_the_book() -> None:
    mdp = world("corners")
    v = policy_evaluation(mdp, uniform_policy(mdp), 1.0).reshape(4, 4)
    expected = [[0, -14, -20, -22], [-14, -18, -20, -20], [-20, -20, -18, -14], [-22, -20, -14, 0]]
    np.testing.assert_allclose(v, expected, atol=1e-9)
    np.testing.assert_allclose(optimal_values(mdp, 1.0).reshape(4, 4)[0], [0, -1, -2, -3], atol=1e-12)


def test_the_four_by_three_world_has_the_utilities_of_the_book() -> None:
    v = optimal_values(world("four-by-three"), 1.0).reshape(3, 4)
    np.testing.assert_allclose(v[0, :3], [0.812, 0.868, 0.918], atol=5e-4)
    np.testing.assert_allclose(v[1, [0, 2]], [0.762, 0.660], atol=5e-4)
    np.testing.assert_allclose(v[2], [0.705, 0.655, 0.611, 0.388], atol=5e-4)


def test_shortest_ways_have_the_length_of_the_book() -> None:
    mdp = world("cliff")
    assert optimal_values(mdp, 1.0) @ mdp.start == pytest.approx(-13)
    mdp = world("dyna")
    assert optimal_values(mdp, 0.95) @ mdp.start == pytest.approx(0.95**13), "14 steps"
    mdp = world("blocking")
    assert optimal_values(mdp, 0.95) @ mdp.start == pytest.approx(0.95**9), "10 steps"


def test_the_frozen_lake_equals_gymnasiums() -> None:
    mdp = world("lake")
    assert optimal_values(mdp, 0.99)[0] == pytest.approx(0.542, abs=5e-4)
    assert optimal_values(mdp, 1.0)[0] == pytest.approx(14 / 17)
