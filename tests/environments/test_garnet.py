"""A garnet is a proper model, the same for the same seed, and branches as often as it says."""

import numpy as np
import pytest

from app.environments.garnet import GarnetConfig, model, references
from app.parts.tabular import bellman_residual, optimal_values


@pytest.mark.parametrize("config", [GarnetConfig(), GarnetConfig(n_states=2, branching=20), GarnetConfig(branching=1)])
def test_it_is_a_proper_model(config: GarnetConfig) -> None:
    mdp = model(config)
    branches = min(config.branching, config.n_states)
    assert mdp.probabilities.shape == (config.n_states, config.n_actions, branches)
    np.testing.assert_allclose(mdp.probabilities.sum(axis=2), 1.0)
    assert (mdp.probabilities >= 0).all()
    ordered = np.sort(mdp.next_states, axis=2)
    assert (np.diff(ordered, axis=2) > 0).all(), "successors of one action differ"
    assert ordered.min() >= 0
    assert ordered.max() < config.n_states
    assert mdp.reachable().all()


def test_the_seed_decides() -> None:
    one, same, other = (
        model(GarnetConfig()),
        model(GarnetConfig(max_episode_steps=7)),
        model(GarnetConfig(instance_seed=1)),
    )
    assert all(np.array_equal(a, b) for a, b in zip(one.arrays, same.arrays, strict=True))
    assert not np.array_equal(one.rewards, other.rewards)


def test_its_optimum_solves_the_bellman_equation_and_beats_chance() -> None:
    mdp = model(GarnetConfig())
    assert bellman_residual(mdp, optimal_values(mdp, 0.99), 0.99) < 1e-9
    optimum, chance = references(GarnetConfig())
    assert optimum.value > chance.value
