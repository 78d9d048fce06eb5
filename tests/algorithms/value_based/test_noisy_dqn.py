"""Noisy DQN: whose noise enters where, the gradient of means and deviations, and resumption with noise bit for bit."""

from typing import Any

import numpy as np
import pytest

from app.algorithms.value_based.noisy_dqn import NoisyDQNAgent, NoisyDQNConfig, huber_loss, td_targets
from app.core.codecs import trees_equal
from app.core.randomness import Stream
from tests.algorithms.doubles import ours_in_doubles
from tests.algorithms.value_based.family import gradient_by_differences, run, small, values_of_the_endless_walk

SEEN = np.linspace(-1, 1, 40, dtype=np.float32).reshape(20, 2)


def agent(seed: int = 0, **changes: Any) -> NoisyDQNAgent:
    built: NoisyDQNAgent = small(NoisyDQNAgent, NoisyDQNConfig, seed, **changes)
    return built


@pytest.mark.parametrize("steps_before", [16, 61, 150])
def test_resumed_equals_uninterrupted(steps_before: int) -> None:
    one, other = agent(), agent()
    run(one, steps_before)
    other.load(one.state())
    assert run(one, 100) == run(other, 100)
    assert not trees_equal(one.state(), other.state())
    assert one.noise_random.counter > 0


def test_the_result_does_not_depend_on_looking_at_it() -> None:
    """Maps, evaluation and diagnostics write other weights into the network that acts; the next use draws anew."""
    plain, watched = agent(), agent()
    for _step in range(60):
        plain.update(2)
        watched.update(2)
        watched.signals()["q_at"](SEEN)
        watched.act(SEEN, False, Stream(9, "evaluation"))
        watched.diagnostics()
    assert not trees_equal(plain.state(), watched.state())


def test_without_noise_it_is_a_plain_greedy_network() -> None:
    built = agent(sigma=0.0)
    run(built, 16)
    np.testing.assert_array_equal(built.act(SEEN, False, Stream(1, "a")), built.act(SEEN, True))
    assert built.learn()["train/noise"] >= 0


def test_noise_explores_and_evaluation_does_not() -> None:
    built = agent(sigma=2.0)
    drawn = np.array([built.act(SEEN, False, Stream(seed, "a")) for seed in range(50)])
    assert (drawn.std(axis=0) > 0).any()
    assert (built.act(SEEN, True) == built.act(SEEN, True)).all()
    built.online.calm()
    np.testing.assert_array_equal(built.act(SEEN, True), built.q_network.forward(SEEN).argmax(axis=1))


def test_it_acts_at_random_before_it_learns_and_never_again() -> None:
    built = agent(learning_starts=100)
    assert built.epsilon == 1.0
    built.env_steps = 100
    assert built.epsilon == 0.0
    assert "rollout/exploration_rate" not in built.exploration()


def test_the_gradient_of_means_and_deviations_equals_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    ours_in_doubles(monkeypatch)
    built = agent()
    run(built, 60)
    batch = built.replay.take(np.arange(32))
    counter = built.noise_random.counter

    def loss() -> float:
        built.noise_random.counter = counter
        built.target.draw(built.noise_random)
        next_q = built.target_network.forward(batch.next_observations)
        built.online.draw(built.noise_random)
        q = built.q_network.forward(batch.observations)
        targets = td_targets(batch.rewards, batch.terminated, next_q, built.config.gamma)
        return huber_loss(q[np.arange(32), batch.actions] - targets)

    built.differentiate(batch)
    held, found = gradient_by_differences(built, loss, count=30)
    np.testing.assert_allclose(held, found, rtol=1e-6, atol=1e-9)
    count = len(built.online.means)
    chosen = np.argsort(-np.abs(built.online.gradient))[:30]
    assert (chosen < count).any()
    assert (chosen >= count).any()


def test_network_and_target_have_noise_of_their_own() -> None:
    built = agent(sigma=1.0)
    built.target.draw(built.noise_random)
    built.online.draw(built.noise_random)
    assert (built.online._noise != built.target._noise).any()


def test_targets_bootstrap_unless_terminated() -> None:
    next_q = np.array([[5.0, 2.0], [5.0, 2.0]])
    np.testing.assert_allclose(td_targets(np.ones(2), np.array([0.0, 1.0]), next_q, 0.9), [5.5, 1.0])


def test_values_of_an_endless_task_are_found_in_spite_of_its_time_limit() -> None:
    built = agent(gamma=0.5, buffer_size=400, gradient_steps=10, learning_starts=300, learning_rate=0.02)
    assert values_of_the_endless_walk(built) == pytest.approx(1.75, abs=0.3)
