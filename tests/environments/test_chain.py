"""The chain's optimum is Strens': 3.677 a step in the long run, by going forward everywhere."""

import pytest

from app.environments.chain import ChainConfig, model, references
from app.parts.tabular import greedy_actions, optimal_values, q_from_v


def test_the_optimum_earns_3677_in_a_thousand_steps_of_the_long_run() -> None:
    short, long = (references(ChainConfig(max_episode_steps=steps))[0].value for steps in (1_000, 2_000))
    assert long - short == pytest.approx(3677, abs=0.5)


def test_forward_is_best_everywhere_but_not_for_the_short_sighted() -> None:
    mdp = model(ChainConfig())
    assert not greedy_actions(q_from_v(mdp, optimal_values(mdp, 0.99), 0.99)).any()
    assert greedy_actions(q_from_v(mdp, optimal_values(mdp, 0.3), 0.3))[0] == 1


def test_slip_swaps_the_actions() -> None:
    mdp = model(ChainConfig(slip=1.0))
    sure = model(ChainConfig(slip=0.0))
    for state in range(5):
        assert mdp.next_states[state, 0, 1] == sure.next_states[state, 1, 0]
        assert mdp.rewards[state, 0, 1] == sure.rewards[state, 1, 0]
