"""A2C: its equations, both ends of an episode, and Stable-Baselines3's gradient and step on a shared rollout."""

from typing import Any

import numpy as np
import pytest

from app.algorithms.policy_based.a2c import A2CAgent, A2CConfig, policy_loss, value_loss
from app.core.codecs import trees_equal
from app.core.contracts import Problem
from app.core.errors import InvalidInput, TrainingDiverged
from tests.algorithms.doubles import ours_in_doubles
from tests.algorithms.policy_based.peers import peer, shift, their_gradient, their_weights
from tests.algorithms.walk import Push, Walk

SMALL = {"n_envs": 2, "n_steps": 16, "net_arch": "8,8", "learning_rate": 0.01}


def agent(world: type[Walk] = Walk, seed: int = 0, **changes: Any) -> A2CAgent:
    return A2CAgent(A2CConfig.parse(SMALL | changes), Problem(world(), seed, 1000))


def filled(world: type[Walk] = Walk, **changes: Any) -> A2CAgent:
    """An agent whose rollout is complete and not yet learnt from."""
    built = agent(world, **changes)
    shift(built, 0.3)
    assert built.collect(1000)
    return built


def test_losses_worked_by_hand() -> None:
    """−(2 · log ½ − 1 · log ¼) / 2 = −(−2 log 2 + 2 log 2) / 2 = 0; ((1−3)² + 0) / 2 = 2."""
    assert policy_loss(np.log([0.5, 0.25]), np.array([2.0, -1.0])) == pytest.approx(0.0, abs=1e-15)
    assert value_loss(np.array([1.0, 2.0]), np.array([3.0, 2.0])) == 2.0


@pytest.mark.parametrize("world", [Walk, Push])
@pytest.mark.parametrize("use_rms_prop", [True, False])
def test_gradient_and_step_equal_those_of_stable_baselines3_on_a_shared_rollout(
    world: type[Walk], use_rms_prop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike

    ours_in_doubles(monkeypatch)
    built = filled(world, ent_coef=0.01, use_rms_prop=use_rms_prop, max_grad_norm=1e6)
    policy = {"optimizer_class": RMSpropTFLike, "optimizer_kwargs": {"alpha": 0.99, "eps": 1e-5}}
    theirs = peer(
        "A2C", built, policy if use_rms_prop else None, ent_coef=0.01, learning_rate=0.01, use_rms_prop=use_rms_prop
    )
    theirs.train()
    numbers, logged = built.learn(), theirs.logger.name_to_value
    assert numbers["train/policy_loss"] == pytest.approx(logged["train/policy_loss"], abs=1e-9)
    assert numbers["train/value_loss"] == pytest.approx(logged["train/value_loss"], rel=1e-9)
    assert numbers["train/entropy"] == pytest.approx(-logged["train/entropy_loss"], rel=1e-9)
    np.testing.assert_allclose(built.networks.gradient, their_gradient(built, theirs), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(built.networks.weights, their_weights(built, theirs), rtol=1e-7, atol=1e-9)


def test_truncation_bootstraps_the_value_and_termination_does_not() -> None:
    built = filled(gae_lambda=0.0)
    rollout, targets = built.rollout, built.estimate()[0].returns.reshape(16, 2)
    assert rollout.terminated.any()
    assert rollout.truncated.any()
    np.testing.assert_allclose(targets[rollout.terminated], rollout.rewards[rollout.terminated], atol=1e-5)
    expected = (rollout.rewards + 0.99 * rollout.final_values)[rollout.truncated]
    np.testing.assert_allclose(targets[rollout.truncated], expected, atol=1e-5)
    wrong = rollout.rewards[rollout.truncated]  # what the target would be if a time limit were an end
    assert np.abs(targets[rollout.truncated] - wrong).min() > 1e-4


def test_the_last_step_of_a_rollout_is_followed_by_the_value_of_the_state_reached() -> None:
    built = filled(gae_lambda=0.0)
    rollout, targets = built.rollout, built.estimate()[0].returns.reshape(16, 2)
    runs = ~(rollout.terminated | rollout.truncated)[-1]
    assert runs.any()
    expected = rollout.rewards[-1] + 0.99 * built.values(built.observations)
    np.testing.assert_allclose(targets[-1][runs], expected[runs], rtol=1e-5)


@pytest.mark.parametrize("world", [Walk, Push])
def test_neither_cutting_nor_resuming_changes_a_run(world: type[Walk]) -> None:
    whole, cut = agent(world, normalize=True), agent(world, normalize=True)
    while whole.env_steps < 200:
        whole.update(200 - whole.env_steps)
    while cut.env_steps < 90:
        cut.update(6)
    resumed = agent(world, seed=9, normalize=True)
    resumed.batch = agent(world, normalize=True).batch
    resumed.action_random = cut.action_random
    resumed.load(cut.state())
    while resumed.env_steps < 200:
        resumed.update(min(8, 200 - resumed.env_steps))
    assert not trees_equal(whole.state(), resumed.state())


def test_it_learns_to_walk_right() -> None:
    built = agent(n_envs=4, n_steps=5, use_rms_prop=False)
    first = built.signals()["policy_at"](np.zeros((1, 2), np.float32))[0, 1]
    while built.env_steps < 4000:
        built.update(1000)
    assert first < 0.6
    assert built.signals()["policy_at"](np.zeros((1, 2), np.float32))[0, 1] > 0.9


def test_schedule_normalisation_and_edits() -> None:
    scalars = agent(learning_rate_schedule="linear", normalize_advantage=True).update(1000).scalars
    assert scalars["train/learning_rate"] == pytest.approx(0.01 * (1 - 32 / 1000))
    built = agent()
    built.edit(built.config.edited({"learning_rate": 0.5}))
    assert built.update(1000).scalars["train/learning_rate"] == 0.5


def test_a_number_that_is_not_finite_stops_the_run_before_it_harms_the_weights() -> None:
    built = filled()
    built.rollout.rewards[3, 1] = np.inf
    before = built.networks.weights.copy()
    with pytest.raises(TrainingDiverged, match=r"train/loss became (nan|inf) at step 32"):
        built.learn()
    assert built.networks.weights.tobytes() == before.tobytes()


def test_a_rollout_that_is_too_large_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"config\.n_steps.*more than 262\u202f144"):
        A2CConfig.parse({"n_envs": 64, "n_steps": 16_384})


def test_one_sample_at_a_time_is_learnt_from_as_it_is() -> None:
    built = agent(n_envs=1, n_steps=1, normalize_advantage=True)
    before = built.networks.weights.copy()
    while built.env_steps < 20:
        assert built.update(20)
    assert np.isfinite(built.networks.weights).all()
    assert (built.networks.weights != before).any()
