"""Values beside the returns that followed them: which steps count, and what their returns are, by hand.

Covers app/panels/critic_truth.py and app/panels/replay.py.
"""

import numpy as np
import pytest

from app import catalog
from app.core.specs import Frame, Subject
from app.panels import critic_truth, replay
from app.parts.noted import RECENT


def rollout(ends: list[tuple[int, int]], following: list[float]) -> np.ndarray:
    """One environment, rewards 1, values 10, 20, …; `ends` gives terminated and truncated of each step."""
    count = len(ends)
    columns = [np.ones(count), 10.0 * (1 + np.arange(count)), following, *zip(*ends, strict=True), np.zeros(count)]
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)[None]


def test_returns_of_a_terminated_episode_by_hand() -> None:
    """γ = ½, rewards 1, the third step terminates: G = 1.75, 1.5, 1; the fourth step's episode has not ended."""
    pairs = critic_truth.of_rollout(rollout([(0, 0), (0, 0), (1, 0), (0, 0)], [20, 30, 0, 50]), 0.5)
    np.testing.assert_allclose(pairs, [[10, 1.75], [20, 1.5], [30, 1.0]])


def test_of_a_truncated_episode_only_early_steps_count() -> None:
    """γ = ½, cut after the fifth step with value 8 behind it: it weighs ½ … 1/32 = 0.03; four steps before it still 1/16."""
    pairs = critic_truth.of_rollout(rollout([(0, 0)] * 4 + [(0, 1)], [20, 30, 40, 50, 8]), 0.5)
    whole = 1 + 0.5 + 0.25 + 0.125 + 0.0625
    np.testing.assert_allclose(pairs, [[10, whole + 8 / 32], [20, 1.875 + 8 / 16]])
    wrong = critic_truth.of_rollout(rollout([(0, 0)] * 4 + [(1, 0)], [20, 30, 40, 50, 0]), 0.5)
    assert wrong[0, 1] == pytest.approx(whole), "as if nothing followed"
    assert len(wrong) == 5


def test_an_empty_rollout_has_no_pairs() -> None:
    assert critic_truth.of_rollout(np.zeros((0, 0, 6)), 0.9).shape == (0, 2)


def subject_of(name: str, steps: int, **config: float) -> Subject:
    algorithm, spec, place, agent = catalog.build(
        catalog.resolve(name, "CartPole-v1", config=config, preset="", total_steps=20_000, seed=1)
    )
    taken = 0
    while taken < steps:
        taken += agent.update(steps - taken).steps
    return Subject(agent, algorithm, spec, place)


def test_the_error_of_dqn_is_its_overestimation() -> None:
    subject = subject_of("dqn", 1_000, learning_starts=100)
    frame: Frame = critic_truth.SPEC.compute(subject, critic_truth.CriticOptions())
    pairs = subject.agent.signals()["followed"]()
    assert subject.agent.diagnostics()["train/overestimation"] == pytest.approx((pairs[:, 0] - pairs[:, 1]).mean())
    assert frame.arrays["shares"].sum() == pytest.approx(1.0, abs=1e-5)
    assert len(frame.meta["figures"]) == 2


def test_the_critic_of_ppo_stands_beside_the_returns_of_its_rollout() -> None:
    subject = subject_of("ppo", 512, n_envs=4, n_steps=128, batch_size=128)
    frame = critic_truth.SPEC.compute(subject, critic_truth.CriticOptions())
    assert frame.arrays["followed"].max() > 5
    assert frame.arrays["value"].shape == frame.arrays["followed"].shape


def test_an_edit_after_the_update_leaves_the_returns_as_they_were() -> None:
    subject = subject_of("ppo", 512, n_envs=4, n_steps=128, batch_size=128)
    before = critic_truth.SPEC.compute(subject, critic_truth.CriticOptions())
    subject.agent.edit(subject.agent.config.edited({"gamma": 0.5}))
    after = critic_truth.SPEC.compute(subject, critic_truth.CriticOptions())
    np.testing.assert_array_equal(after.arrays["followed"], before.arrays["followed"])


@pytest.mark.parametrize("name", ["ppo", "reinforce", "dqn"])
def test_it_is_said_under_which_discount_returns_were_counted(name: str) -> None:
    """Those of a rollout as the update took them; those of replayed steps are counted anew whenever the panel is drawn."""
    configs: dict[str, dict[str, float]] = {
        "ppo": {"n_envs": 4, "n_steps": 128, "batch_size": 128}, "reinforce": {"n_envs": 4, "n_episodes": 4},
        "dqn": {"learning_starts": 100},
    }  # fmt: skip
    subject = subject_of(name, 1_000, gamma=0.75, **configs[name])
    assert "γ = 0.75;" in critic_truth.SPEC.compute(subject, critic_truth.CriticOptions()).meta["figures"][0]["words"]
    subject.agent.edit(subject.agent.config.edited({"gamma": 0.5}))
    now = critic_truth.SPEC.compute(subject, critic_truth.CriticOptions()).meta["figures"][0]["words"]
    assert f"γ = {0.5 if name == 'dqn' else 0.75};" in now


def test_rollouts_under_another_discount_are_forgotten_with_the_first_update_under_a_new_one() -> None:
    """Rewards are 1, so under γ = ½ no return is above 2; a rollout whose values aimed at 1/(1 − 0.99) has no place beside it."""
    subject = subject_of("ppo", 512, n_envs=4, n_steps=64, batch_size=128)
    signals = subject.agent.signals()
    assert signals["recent_rollouts"]().shape == (4, 128, 6)
    subject.agent.edit(subject.agent.config.edited({"gamma": 0.5}))
    assert signals["recent_rollouts"]().shape == (4, 128, 6), "until then they stay, under the discount of then"
    before = critic_truth.SPEC.compute(subject, critic_truth.CriticOptions())
    assert before.arrays["followed"].max() > 2
    subject.agent.update(256)
    assert signals["recent_rollouts"]().shape == (4, 64, 6)
    np.testing.assert_array_equal(signals["recent_rollouts"](), signals["rollout"]())
    after = critic_truth.SPEC.compute(subject, critic_truth.CriticOptions())
    assert after.arrays["followed"].max() <= 2
    subject.agent.update(256)
    assert signals["recent_rollouts"]().shape == (4, 128, 6)


def test_an_episode_that_spans_rollouts_counts_and_none_is_said() -> None:
    subject = subject_of("ppo", 8, n_envs=4, n_steps=2, batch_size=8, n_epochs=1)
    frame = critic_truth.SPEC.compute(subject, critic_truth.CriticOptions())
    assert frame.meta["figures"] == []
    assert f"{RECENT} steps" in frame.meta["words"]
    while subject.agent.env_steps < 8 * RECENT:
        subject.agent.update(8)
    signals = subject.agent.signals()
    assert signals["rollout"]().shape == (4, 2, 6)
    assert signals["recent_rollouts"]().shape == (4, RECENT, 6)
    np.testing.assert_array_equal(signals["recent_rollouts"]()[:, -2:], signals["rollout"]())
    frame = critic_truth.SPEC.compute(subject, critic_truth.CriticOptions())
    assert frame.arrays["followed"].max() > 5


def test_the_replay_buffer_is_pictured_from_oldest_to_newest() -> None:
    subject = subject_of("dqn", 700, buffer_size=500, learning_starts=100)
    ages = subject.agent.signals()["replay_ages"]()
    assert ages[0] == 499
    assert ages[-1] == 0
    newest = subject.agent.signals()["visited"]()[-1]
    np.testing.assert_array_equal(subject.agent.signals()["replay_observations"]()[-1], newest)
    frame = replay.SPEC.compute(subject, replay.ReplayOptions())
    assert frame.arrays["youth"][0] == 0
    assert frame.arrays["youth"][-1] == 1
    assert frame.arrays["cover"].shape == (5,)
    assert (frame.arrays["cover"] > 0).all()


def test_a_baseline_is_held_against_the_returns_it_was_taken_from() -> None:
    recipe = catalog.resolve(
        "reinforce", "CartPole-v1", config={"n_episodes": 4, "n_envs": 4}, environment_config={}, preset="", seed=3
    )
    algorithm, environment, world, agent = catalog.build(recipe)
    report = agent.update(10_000)
    pairs = agent.signals()["followed"]()
    assert report.updates == 1
    assert np.square(pairs[:, 0] - pairs[:, 1]).mean() > report.scalars["train/value_loss"] * 0.5
    frame = critic_truth.SPEC.compute(Subject(agent, algorithm, environment, world), critic_truth.CriticOptions())
    assert len(frame.meta["figures"]) == 2


@pytest.mark.parametrize(("normalize", "unit"), [(False, "reward"), (True, "normalised reward")])
def test_values_and_returns_are_in_the_reward_that_the_critic_counts(normalize: bool, unit: str) -> None:
    subject = subject_of("ppo", 512, n_envs=4, n_steps=128, batch_size=128, normalize=normalize)
    figures = critic_truth.SPEC.compute(subject, critic_truth.CriticOptions()).meta["figures"]
    labels = [figures[0]["x"]["label"], figures[0]["y"]["label"], figures[1]["x"]["label"]]
    assert labels == [f"{what} ({unit})" for what in ("discounted return that followed", "value", "error")]
