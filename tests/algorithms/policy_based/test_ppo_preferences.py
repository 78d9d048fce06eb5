"""PPO from preferences: the loss by hand, abilities recovered, the falling schedule, and learning without any reward."""

from typing import Any

import numpy as np
import pytest

from app import catalog
from app.algorithms.policy_based.ppo_preferences import (
    preference_loss,
    preference_slope,
    preferred,
    wanted_labels,
)
from app.core.contracts import Problem, Tree
from app.core.errors import InvalidInput
from tests.algorithms.walk import Walk

SMALL = {"n_envs": 4, "n_steps": 32, "batch_size": 64, "n_labels": 60, "clip_steps": 10, "reward_steps": 5}


def learner(environment: str = "CartPole-v1", *, steps: int = 1000, origin: Tree | None = None, **config: Any) -> Any:
    spec, world = catalog.algorithm("ppo_preferences"), catalog.environment(environment)
    problem = Problem(world.make(world.config()), 1, steps, origin)
    return spec.agent(spec.config.parse({**SMALL, **config}), problem)


def test_the_loss_and_its_slope_are_those_worked_by_hand() -> None:
    sums = np.array([[1.0, 1.0], [np.log(3.0), 0.0]])
    assert preferred(sums).tolist() == pytest.approx([0.5, 0.75])
    loss = preference_loss(sums, np.array([1.0, 0.0]))
    assert loss == pytest.approx(-(np.log(0.5) + np.log(0.25)) / 2)
    tie = preference_loss(sums[1:], np.array([0.5]))
    assert tie == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)
    slope = preference_slope(sums, np.array([1.0, 0.0]))
    np.testing.assert_allclose(slope, [[-0.25, 0.25], [0.375, -0.375]])


@pytest.mark.parametrize("error_share", [0.0, 0.2])
def test_the_slope_is_the_gradient(error_share: float) -> None:
    random = np.random.default_rng(0)
    sums, shares = random.normal(size=(5, 2)), np.array([1, 0, 0.5, 1, 0])
    for index in np.ndindex(sums.shape):
        moved = [sums.copy(), sums.copy()]
        moved[0][index] += 1e-6
        moved[1][index] -= 1e-6
        difference = (
            preference_loss(moved[0], shares, error_share) - preference_loss(moved[1], shares, error_share)
        ) / 2e-6
        assert preference_slope(sums, shares, error_share)[index] == pytest.approx(difference, abs=1e-8)


def test_an_answer_that_fits_nothing_pulls_only_where_none_is_by_chance() -> None:
    """P̂ = 0.8 · 0.75 + 0.1; an answer against a margin of 50 has slope 1 without a share of chance, and none with it."""
    assert preferred(np.array([[np.log(3.0), 0.0]]), 0.2).tolist() == pytest.approx([0.7])
    sums, wrong = np.array([[50.0, 0.0]]), np.array([0.0])
    assert preference_loss(sums, wrong, 0.2) == pytest.approx(-np.log(0.1))
    np.testing.assert_allclose(preference_slope(sums, wrong, 0.2), [[0.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(preference_slope(sums, wrong), [[1.0, -1.0]])
    far = np.array([[800.0, -800.0], [-800.0, 800.0]])
    assert np.isfinite(preference_slope(far, np.array([0.0, 0.5]))).all()


def test_a_reward_is_found_among_wrong_answers() -> None:
    """One in five is wrong: what believes every answer bends to them, what takes two in five to be chance does not."""
    alike = {}
    for error_share in (0.0, 0.4):
        agent = learner(n_labels=300, reward_steps=600, reward_learning_rate=3e-3, error_share=error_share)
        random = np.random.default_rng(3)
        features = random.uniform(-1, 1, (300, 2, 10, 6)).astype(np.float32)
        truth = features[..., 0] - 0.5 * features[..., 5]
        shares = (truth.sum(axis=2)[:, 0] > truth.sum(axis=2)[:, 1]).astype(float)
        is_wrong = random.uniform(size=300) < 0.2
        agent.pairs.add(features, np.full((300, 2), 10), np.where(is_wrong, 1 - shares, shares))
        agent.fit()
        unseen = random.uniform(-1, 1, (500, 6)).astype(np.float32)
        alike[error_share] = np.corrcoef(agent.reward(unseen), unseen[:, 0] - 0.5 * unseen[:, 5])[0, 1]
    assert alike[0.4] > alike[0.0] + 0.1


def test_answers_are_asked_for_on_a_falling_schedule() -> None:
    known = [wanted_labels(400, progress) for progress in (0.0, 0.25, 0.5, 0.75, 1.0, 2.0)]
    assert known == [100, 231, 325, 381, 400, 400]
    assert wanted_labels(4, 0.0) == 1


def test_the_reward_model_finds_the_reward_that_made_the_answers() -> None:
    agent = learner(n_labels=400, reward_steps=150, reward_learning_rate=5e-3)
    random = np.random.default_rng(1)
    features = random.uniform(-1, 1, (400, 2, 10, 6)).astype(np.float32)
    truth = features[..., 0] - 0.5 * features[..., 5]
    shares = (truth.sum(axis=2)[:, 0] > truth.sum(axis=2)[:, 1]).astype(float)
    agent.pairs.add(features, np.full((400, 2), 10), shares)
    measured = agent.fit()
    assert measured["train/reward_accuracy"] > 0.85
    unseen = random.uniform(-1, 1, (500, 6)).astype(np.float32)
    assert np.corrcoef(agent.reward(unseen), unseen[:, 0] - 0.5 * unseen[:, 5])[0, 1] > 0.9


def test_the_policy_learns_from_the_predicted_reward_and_the_true_one_is_only_shown() -> None:
    agent = learner()
    report = agent.update(128)
    assert report.scalars["train/labels"] == wanted_labels(60, 0.128)
    assert report.episodes.returns.tolist() == report.episodes.lengths.tolist(), "one for every step: the true return"
    rewards, values = agent.noted.trajectories()[..., 0], agent.noted.trajectories()[..., 5]
    assert not np.isclose(rewards, 1.0).all(), "what it learned from is not the environment's reward"
    assert np.sqrt(np.square(rewards).mean()) == pytest.approx(1.0, abs=1e-3)
    assert np.isfinite(values).all()


def test_truncation_bootstraps_the_value_and_termination_does_not() -> None:
    spec = catalog.algorithm("ppo_preferences")
    config = spec.config.parse({**SMALL, "gae_lambda": 0.0, "reward_steps": 1, "clip_steps": 2})
    agent: Any = spec.agent(config, Problem(Walk(), 0, 1000))
    agent.collect(128)
    agent.judge_rollout()
    rollout, targets = agent.rollout, agent.estimate()[0].returns.reshape(agent.rollout.actions.shape)
    assert rollout.terminated.any()
    assert rollout.truncated.any()
    np.testing.assert_allclose(targets[rollout.terminated], rollout.rewards[rollout.terminated], atol=1e-5)
    expected = (rollout.rewards + config.gamma * rollout.final_values)[rollout.truncated]
    np.testing.assert_allclose(targets[rollout.truncated], expected, atol=1e-5)
    assert np.abs(targets[rollout.truncated] - rollout.rewards[rollout.truncated]).min() > 1e-4


def test_it_learns_from_stored_answers_alone_and_its_checkpoint_holds_them() -> None:
    random = np.random.default_rng(2)
    states = random.uniform(-0.2, 0.2, (30, 2, 12, 4)).astype(np.float32)
    labels = {"states": states, "actions": random.integers(0, 2, (30, 2, 12)),
              "lengths": np.tile([12, 6], (30, 1)), "shares": np.ones(30)}  # fmt: skip
    agent = learner(origin={"labels": labels}, labels="stored")
    report = agent.update(128)
    assert report.scalars["train/labels"] == 30
    again = learner(labels="stored")
    again.load(agent.state())
    assert again.update(128).scalars == agent.update(128).scalars
    with pytest.raises(InvalidInput, match="no stored labels"):
        learner(labels="stored").update(128)


def test_it_learns_to_balance_though_nobody_tells_it_the_reward() -> None:
    agent = learner(steps=16_000, n_envs=8, n_steps=64, batch_size=128, n_labels=200, clip_steps=25, reward_steps=10)
    lengths: list[float] = []
    for _rollout in range(31):
        lengths += agent.update(512).episodes.lengths.tolist()
    assert np.mean(lengths[:20]) < 40
    assert np.mean(lengths[-10:]) > 120


def test_an_edited_batch_size_holds_from_the_next_update_on() -> None:
    """A rollout of 128: 3 passes of 2 minibatches of 64, then 3 of 8 of 16."""
    agent = learner()
    agent.update(128)
    assert agent.optimiser.steps == 6
    agent.edit(agent.config.edited({"batch_size": 16}))
    agent.update(128)
    assert agent.optimiser.steps == 6 + 24
    with pytest.raises(InvalidInput, match=r"config.batch_size.*48.*must divide n_steps × n_envs = 128.*Use 32"):
        agent.edit(agent.config.edited({"batch_size": 48}))


def test_what_no_rater_could_be_shown_is_refused() -> None:
    spec, world = catalog.algorithm("ppo_preferences"), catalog.environment("CartPole-v1")
    made = world.make(world.config())
    with pytest.raises(InvalidInput, match="must be off"):
        spec.check(spec.config.parse({"normalize": True}), made)
    with pytest.raises(InvalidInput, match="must divide"):
        spec.config.parse({"batch_size": 100})
