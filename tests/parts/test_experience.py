"""What learners of networks of observations share: rows of actions, scaled observations, stretches of experience."""

from typing import Any

import numpy as np
import pytest

from app import catalog
from app.algorithms.policy_based.vae import VAEAgent, VAEConfig
from app.core.contracts import Problem
from app.core.errors import InvalidInput
from app.parts.experience import FARTHEST, moments_of
from app.parts.normalisation import RunningMoments


def agent(environment: str = "CartPole-v1", steps: int = 300, **config: Any) -> VAEAgent:
    """Return an agent that has acted at random for some steps."""
    spec = catalog.environment(environment)
    settings = {"learning_starts": 1_000, **config}
    made = VAEAgent(VAEConfig.parse(settings), Problem(spec.make(spec.config()), 1, 2_000))
    while made.env_steps < steps:
        made.update(steps - made.env_steps)
    return made


def test_rows_stand_for_actions_both_ways() -> None:
    choices, numbers = agent(steps=1), agent("Pendulum-v1", steps=1)
    np.testing.assert_array_equal(choices.rows(np.array([1, 0])), [[0, 1], [1, 0]])
    np.testing.assert_array_equal(choices.actions(choices.rows(np.array([1, 0]))), [1, 0])
    np.testing.assert_allclose(numbers.rows(np.array([[-2.0], [1.0]])), [[-1], [0.5]])
    np.testing.assert_allclose(numbers.actions(np.array([[-1.0], [0.5], [3.0]])), [[-2], [1], [2]])


def test_observations_are_scaled_by_what_was_seen() -> None:
    made = agent()
    real = made.replay.next_observations[: made.replay.size]
    start = made.replay.observations[:1]  # the first observation counts too
    np.testing.assert_allclose(made.seen.mean, np.concatenate([start, real]).mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(made.unscaled(made.scaled(real)), real, atol=1e-4)
    assert made.scaled(np.full((1, 4), 1e9)).max() == FARTHEST


def test_a_number_that_does_not_vary_stays_unscaled() -> None:
    moments = RunningMoments(2)
    moments.count = 0.0
    moments.add(np.array([[1.0, 5.0], [3.0, 5.0]]))
    np.testing.assert_allclose(moments_of(moments)[1], [1.0, 1.0])
    assert moments_of(moments)[0].tolist() == [2.0, 5.0]


@pytest.mark.parametrize("n_envs", [1, 3])
def test_a_stretch_is_of_one_episode_of_one_environment(n_envs: int) -> None:
    made = agent(n_envs=n_envs, steps=300)
    rows = made.newest_stretch(10)
    assert len(rows) == 10
    np.testing.assert_array_equal(made.replay.next_observations[rows[:-1]], made.replay.observations[rows[1:]])
    assert not made.replay.terminated[rows[:-1]].any()
    assert len(made.newest_stretch(10_000)) < 300


def test_what_depends_on_numbers_without_bounds_is_refused() -> None:
    spec = catalog.algorithm("vae")

    class Boundless:
        id, action_bounds = "boundless", np.array([[-np.inf, np.inf]])

    with pytest.raises(InvalidInput, match="lowest and a highest"):
        spec.check(spec.config(), Boundless())  # type: ignore[arg-type]


def test_a_batch_fits_into_the_buffer() -> None:
    with pytest.raises(InvalidInput, match="buffer_size"):
        VAEConfig.parse({"buffer_size": 64, "batch_size": 65})
