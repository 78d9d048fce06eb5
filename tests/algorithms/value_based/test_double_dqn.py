"""Double DQN: who chooses and who judges, the bias it takes away, and where it equals DQN."""

import numpy as np
import pytest

from app.algorithms.value_based.double_dqn import DoubleDQNAgent, DoubleDQNConfig, td_targets
from app.algorithms.value_based.dqn import DQNAgent, DQNConfig
from app.algorithms.value_based.dqn import td_targets as single_targets
from app.core.codecs import trees_equal
from app.core.contracts import Problem
from app.core.randomness import Stream
from app.environments import max_bias
from tests.algorithms.value_based.family import run, small, values_of_the_endless_walk


def test_the_target_network_judges_what_the_network_chose() -> None:
    """The network prefers action 1, which the target network values at 2: 1 + .9 · 2 = 2.8, where DQN says 1 + .9 · 5 = 5.5."""
    next_q = np.array([[5.0, 2.0], [5.0, 2.0]])
    targets = td_targets(np.ones(2), np.array([0.0, 1.0]), next_q, np.array([1, 1]), gamma=0.9)
    np.testing.assert_allclose(targets, [2.8, 1.0])
    np.testing.assert_allclose(single_targets(np.ones(2), np.array([0.0, 1.0]), next_q, 0.9), [5.5, 1.0])


def test_the_target_is_never_above_that_of_dqn_and_equal_where_both_choose_alike() -> None:
    draws = Stream(0, "test")
    own, other = draws.normals(200, 4), draws.normals(200, 4)
    nothing = np.zeros(200)
    double = td_targets(nothing, nothing, other, own.argmax(axis=1), gamma=1.0)
    single = single_targets(nothing, nothing, other, 1.0)
    assert (double <= single).all()
    alike = own.argmax(axis=1) == other.argmax(axis=1)
    np.testing.assert_array_equal(double == single, alike)


def test_of_pure_noise_the_maximum_is_too_high_and_the_double_estimate_is_not() -> None:
    """Ten actions worth 0, seen with noise of deviation 1: E max = 1.539 (order statistics), and 0 where another judges."""
    draws = Stream(1, "test")
    own, other = draws.normals(40_000, 10), draws.normals(40_000, 10)
    nothing = np.zeros(40_000)
    assert single_targets(nothing, nothing, other, 1.0).mean() == pytest.approx(1.539, abs=0.02)
    assert td_targets(nothing, nothing, other, own.argmax(axis=1), gamma=1.0).mean() == pytest.approx(0.0, abs=0.03)


def test_on_the_world_of_the_bias_double_dqn_values_the_trap_lower() -> None:
    """In B every action earns −.1 on average; the maximum over noisy estimates of ten of them looks better than it is."""
    world = max_bias.make(max_bias.MaxBiasConfig(n_actions=10))
    changes = {
        "learning_starts": 50, "batch_size": 16, "train_freq": 1, "buffer_size": 5000, "net_arch": "16", "gamma": 1.0,
        "learning_rate": 0.02, "target_update_interval": 100, "exploration_fraction": 1.0, "exploration_final_eps": 1.0,
    }  # fmt: skip
    left = np.eye(4, dtype=np.float32)[[max_bias.A]]
    values: dict[str, list[float]] = {"single": [], "double": []}
    for seed in range(4):
        pairs = {
            "single": DQNAgent(DQNConfig.parse(changes), Problem(world, seed, 2000)),
            "double": DoubleDQNAgent(DoubleDQNConfig.parse(changes), Problem(world, seed, 2000)),
        }
        for name, built in pairs.items():
            for _part in range(8):
                run(built, 250)
                values[name].append(float(built.q_values(left)[0, :5].mean()))
    assert np.mean(values["single"]) > np.mean(values["double"]) + 0.05
    assert np.mean(values["single"]) > 0.0


def test_where_both_networks_agree_it_is_dqn_bit_for_bit() -> None:
    """With a target that is copied at every step, the network's choice is the target's maximum."""
    changes = {"target_update_interval": 1, "n_envs": 1, "train_freq": 1, "gradient_steps": 1}
    double, single = small(DoubleDQNAgent, DoubleDQNConfig, **changes), small(DQNAgent, DQNConfig, **changes)
    assert run(double, 200) == run(single, 200)
    assert not trees_equal(double.state(), single.state())


def test_values_of_an_endless_task_are_found_in_spite_of_its_time_limit() -> None:
    built = small(
        DoubleDQNAgent, DoubleDQNConfig, gamma=0.5, buffer_size=400, gradient_steps=10, exploration_final_eps=1.0
    )
    assert values_of_the_endless_walk(built) == pytest.approx(1.75, abs=0.15)


def test_the_gap_is_what_dqn_would_have_added() -> None:
    built = small(DoubleDQNAgent, DoubleDQNConfig)
    run(built, 60)
    batch = built.replay.take(np.arange(16))
    numbers = built.differentiate(batch)
    next_q = built.target_network.forward(batch.next_observations)
    best = built.q_network.forward(batch.next_observations).argmax(axis=1)
    expected = np.mean([row.max() - row[action] for row, action in zip(next_q, best, strict=True)])
    assert numbers["train/estimator_gap"] == pytest.approx(expected, rel=1e-5, abs=1e-7)
