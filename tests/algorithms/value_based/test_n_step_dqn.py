"""n-step DQN: targets by hand at both ends, where it equals DQN, and the same numbers as Stable-Baselines3's n-step buffer."""

from typing import Any

import numpy as np
import pytest

from app.algorithms.value_based.dqn import DQNAgent, DQNConfig
from app.algorithms.value_based.n_step_dqn import NStepDQNAgent, NStepDQNConfig, td_targets
from app.core.codecs import trees_equal
from app.core.contracts import Step
from tests.algorithms.value_based.family import run, small, values_of_the_endless_walk


def agent(**changes: Any) -> NStepDQNAgent:
    built: NStepDQNAgent = small(NStepDQNAgent, NStepDQNConfig, **changes)
    return built


def episode(built: NStepDQNAgent, *, end: str) -> None:
    """Store the rewards 1, 2, 4 of one episode, which ends as said, and then one step of reward 100 of the next."""
    for time, reward in enumerate([1.0, 2.0, 4.0, 100.0]):
        seen = np.full((1, 2), time, np.float32)
        built.replay.add(
            seen, np.zeros(1, np.int64),
            Step(seen, np.array([reward]), np.array([time == 2 and end == "terminated"]),
                 np.array([time == 2 and end == "truncated"]), seen + 0.5),
        )  # fmt: skip


def targets(built: NStepDQNAgent, rows: list[int]) -> list[float]:
    """Return what the agent's minibatch regresses to, read off its errors with Q = 0 and a target network of 10 everywhere."""
    built.online.weights[:] = 0.0
    built.target.weights[:] = 0.0
    built.target.weights[-2:] = 10.0
    return [built.differentiate(np.array([row]))["train/td_error_mean"] for row in rows]


def test_three_steps_by_hand_and_a_truncation_is_bootstrapped() -> None:
    """γ = .5, n = 3. From the first step 1 + .5 · 2 + .25 · 4 + .125 · 10 = 4.25; the later ones stop at the cut:
    2 + .5 · 4 + .25 · 10 = 6.5 and 4 + .5 · 10 = 9. The newest step has nothing after it: 100 + .5 · 10 = 105."""
    built = agent(n_envs=1, gamma=0.5, n_steps=3)
    episode(built, end="truncated")
    assert targets(built, [0, 1, 2, 3]) == pytest.approx([4.25, 6.5, 9.0, 105.0])


def test_after_a_termination_nothing_follows() -> None:
    """The wrong handling, bootstrapping it, would give 4.25, 6.5 and 9; going on into the next episode even more."""
    built = agent(n_envs=1, gamma=0.5, n_steps=3)
    episode(built, end="terminated")
    assert targets(built, [0, 1, 2]) == pytest.approx([3.0, 4.0, 4.0])


def test_two_steps_look_past_one_reward_and_no_further() -> None:
    """1 + .5 · 2 + .25 · 10 = 4.5."""
    built = agent(n_envs=1, gamma=0.5, n_steps=2)
    episode(built, end="terminated")
    assert targets(built, [0]) == pytest.approx([4.5])


def test_the_target_is_the_return_and_the_discounted_maximum() -> None:
    found = td_targets(np.array([3.0, 3.0]), np.array([0.25, 0.25]), np.array([0.0, 1.0]), np.array([[1.0, 8.0]] * 2))
    np.testing.assert_allclose(found, [5.0, 3.0])


def test_one_step_is_dqn_bit_for_bit() -> None:
    one, dqn = agent(n_steps=1), small(DQNAgent, DQNConfig)
    assert run(one, 200) == run(dqn, 200)
    assert not trees_equal(one.state(), dqn.state())


def test_values_of_an_endless_task_are_found_in_spite_of_its_time_limit() -> None:
    """Every action leads right, since the values of n steps are those of the behaviour; V(0) = 1.75."""
    built = agent(
        gamma=0.5, buffer_size=400, gradient_steps=10, n_steps=3, exploration_final_eps=0.0, exploration_fraction=0.0
    )
    assert values_of_the_endless_walk(built) == pytest.approx(1.75, abs=0.15)


def test_n_may_change_while_it_runs() -> None:
    built = agent(n_steps=1)
    run(built, 60)
    built.edit(built.config.edited({"n_steps": 5}))
    run(built, 60)
    assert built.config.n_steps == 5


def test_returns_discounts_and_ends_equal_those_of_stable_baselines3() -> None:
    import gymnasium
    import torch
    from stable_baselines3.common.buffers import NStepReplayBuffer

    built = agent(n_envs=1, n_steps=3, gamma=0.9, buffer_size=64)
    theirs = NStepReplayBuffer(
        64, gymnasium.spaces.Box(-10, 10, (2,)), gymnasium.spaces.Discrete(2), "cpu", n_steps=3, gamma=0.9,
        handle_timeout_termination=True,
    )  # fmt: skip
    reached: list[np.ndarray] = []
    for _step in range(100):
        seen = built.observations.copy()
        built.collect_step()
        row = built.replay.newest(1)
        last = built.replay.take(row)
        cut = bool(built.replay.truncated[row][0])
        ended = bool(last.terminated[0]) or cut
        theirs.add(
            seen, last.next_observations, last.actions, last.rewards, np.array([ended]), [{"TimeLimit.truncated": cut}]
        )
        reached.append(last.next_observations)
    rows = np.arange(64)
    samples = theirs._get_samples(rows)
    after = built.replay.follow(rows, 3, 0.9)
    np.testing.assert_allclose(after.rewards, samples.rewards[:, 0].numpy(), rtol=1e-6)
    np.testing.assert_allclose(after.discounts, torch.as_tensor(samples.discounts).reshape(-1).numpy(), rtol=1e-6)
    last = built.replay.take(after.last)
    np.testing.assert_array_equal(last.terminated, samples.dones[:, 0].numpy())
    np.testing.assert_array_equal(last.next_observations, samples.next_observations.numpy())
