"""What the learners from replayed steps share: how far Q lies above the returns that followed, and when what is due."""

import math
from typing import Any

import numpy as np
import pytest

from app.algorithms.value_based.dqn import DQNAgent, DQNConfig
from app.core.contracts import Problem, Step
from app.parts.q_learner import REST
from tests.algorithms.walk import Walk


def agent(**changes: Any) -> DQNAgent:
    fields = {"gamma": 0.5, "buffer_size": 64, "batch_size": 8, "net_arch": "4", "learning_starts": 10}
    return DQNAgent(DQNConfig.parse(fields | changes), Problem(Walk(), 0, 100))


def remember(built: DQNAgent, rewards: list[float], *, end: str) -> None:
    """Store one episode of the action that the network prefers everywhere, ended as said."""
    for time, reward in enumerate(rewards):
        seen = np.full((1, 2), time / 10, np.float32)
        is_last = time == len(rewards) - 1
        built.replay.add(
            seen, built.q_values(seen).argmax(axis=1),
            Step(seen, np.array([reward]), np.array([is_last and end == "terminated"]),
                 np.array([is_last and end == "truncated"]), seen + 0.1),
        )  # fmt: skip


def value(built: DQNAgent, time: float) -> float:
    return float(built.q_values(np.full((1, 2), time / 10, np.float32)).max())


def test_overestimation_is_q_minus_the_discounted_return_that_followed() -> None:
    """Rewards 1, 2, 4 at γ = .5 are returns 3, 4, 4."""
    built = agent()
    assert math.isnan(built.overestimation())
    assert built.diagnostics() == {}
    remember(built, [1.0, 2.0, 4.0], end="terminated")
    expected = np.mean([value(built, time) for time in range(3)]) - (3 + 4 + 4) / 3
    assert built.diagnostics() == {"train/overestimation": pytest.approx(expected, abs=1e-6)}


def test_what_followed_a_truncation_is_valued_where_it_hardly_counts() -> None:
    """Six rewards of 1 at γ = .5: the cut is discounted to .1 or less from the first three steps only."""
    built = agent()
    remember(built, [1.0] * 6, end="truncated")
    weights = [0.5 ** (6 - time) for time in range(6)]
    assert [weight <= REST for weight in weights] == [True, True, True, False, False, False]
    returns = [2 * (1 - weight) + weight * value(built, 6) for weight in weights[:3]]
    expected = np.mean([value(built, time) for time in range(3)]) - np.mean(returns)
    assert built.overestimation() == pytest.approx(expected, abs=1e-6)


def test_a_running_episode_and_an_action_the_network_would_not_take_do_not_count() -> None:
    built = agent()
    remember(built, [1.0, 2.0, 4.0], end="running")
    assert math.isnan(built.overestimation())
    remember(built, [1.0, 2.0, 4.0], end="terminated")
    built.replay.actions[:6] = 1 - built.replay.actions[:6]
    assert math.isnan(built.overestimation())


def test_only_so_many_steps_ask_the_network() -> None:
    built = agent(buffer_size=20_000)
    built = DQNAgent(built.config, Problem(Walk(), 0, 10_000))
    while built.env_steps < 6_000:
        built.update(1_000)
    asked: list[int] = []
    forward = built.q_values
    built.q_values = lambda observations: asked.append(len(observations)) or forward(observations)
    assert math.isfinite(built.overestimation())
    assert max(asked) <= 256


def test_the_gap_of_a_network_that_promises_too_much_is_its_excess() -> None:
    """Adding c to the biases of the last layer raises every Q and so the gap by c."""
    built = agent()
    remember(built, [1.0, 2.0, 4.0], end="terminated")
    before = built.overestimation()
    built.online.weights[-2:] += 7.0
    assert built.overestimation() == pytest.approx(before + 7.0, abs=1e-5)


def test_target_and_learning_are_due_by_counts_of_steps() -> None:
    built = agent(n_envs=2, target_update_interval=6, train_freq=2)
    due = []
    for _step in range(8):
        built.collect_step()
        due.append((built.env_steps, built.must_move_target, built.must_learn))
    assert [step for step, moves, _learns in due if moves] == [6, 12]
    assert [step for step, _moves, learns in due if learns] == [12, 16]
