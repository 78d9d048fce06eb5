"""TD3: its three changes by hand and by differences, both ends of an episode, and the numbers of Stable-Baselines3."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from app.algorithms.policy_based.ddpg import DDPGAgent, DDPGConfig
from app.algorithms.policy_based.td3 import TD3Agent, TD3Config, smoothed, td_targets
from app.core.codecs import trees_equal
from app.core.randomness import Stream
from app.parts.off_policy import joined
from tests.algorithms.doubles import batch_in_doubles, ours_in_doubles
from tests.algorithms.policy_based import actors
from tests.algorithms.policy_based.actors import AIM, run

PLAIN: dict[str, Any] = {"policy_delay": 1, "target_policy_noise": 0.0, "use_twin": False}


def agent(seed: int = 0, **changes: Any) -> TD3Agent:
    built: TD3Agent = actors.small(TD3Agent, TD3Config, seed, **changes)
    return built


def test_the_result_does_not_depend_on_how_steps_are_cut() -> None:
    whole, cut = agent(policy_delay=3), agent(policy_delay=3)
    assert run(whole, 200) == run(cut, 200, cut=4)
    assert not trees_equal(whole.state(), cut.state())


@pytest.mark.parametrize("at", [10, 50, 52])
def test_resumed_equals_uninterrupted_within_the_actors_delay(at: int) -> None:
    one, other = agent(policy_delay=3), agent(policy_delay=3)
    run(one, at)
    other.load(one.state())
    assert run(one, 100) == run(other, 100)
    assert not trees_equal(one.state(), other.state())


def test_targets_worked_by_hand() -> None:
    """Reward 1, γ = .5, next Q 4 and 2: 1 + 1 = 2; the higher critic, or the first alone, would say 3. Terminated: 1."""
    next_q = np.array([[4.0, 4.0], [2.0, 2.0]])
    ends = np.array([0.0, 1.0])
    np.testing.assert_array_equal(td_targets(np.ones(2), ends, next_q, 0.5), [2.0, 1.0])
    np.testing.assert_array_equal(td_targets(np.ones(2), ends, next_q[:1], 0.5), [3.0, 1.0])


def test_smoothing_worked_by_hand() -> None:
    """Noise .9 counts as .5 and −.2 as itself; .8 + .5 is cut to 1."""
    actions, noise = np.array([[0.1, 0.1, 0.8]]), np.array([[0.9, -0.2, 0.7]])
    np.testing.assert_allclose(smoothed(actions, noise, 0.5), [[0.6, -0.1, 1.0]])


def test_the_agents_targets_use_its_own_noise_and_both_critics() -> None:
    built = agent(gamma=0.5)
    run(built, 60)
    for terminated in (0.0, 1.0):
        batch = actors.one_transition(terminated)
        stream = Stream(0, "target noise", built.noise_random.counter)
        mu = np.tanh(built.target.mlps[0].forward(batch.next_observations))
        action = np.clip(mu + np.clip(0.2 * stream.normals(1, 2), -0.5, 0.5), -1, 1)
        values = [float(c.forward(joined(batch.next_observations, action))[0, 0]) for c in built.target_critics]
        target = 2.0 + 0.5 * (1 - terminated) * min(values)
        assert built.targets(batch)[0][0] == pytest.approx(target, rel=1e-5)
        assert built.noise_random.counter == stream.counter


def test_truncation_bootstraps_and_termination_does_not() -> None:
    """Each second step ends the episode: truncated, V = 1/(1 − .5) = 2; taken for terminated, V = 1 + V/4 = 4/3."""
    assert actors.endless_value(TD3Agent, TD3Config, "truncated") == pytest.approx(2.0, abs=0.05)
    assert actors.endless_value(TD3Agent, TD3Config, "terminated") == pytest.approx(4 / 3, abs=0.12)


def test_the_actor_finds_the_best_action() -> None:
    built = actors.after_aiming(TD3Agent, TD3Config)
    assert built.act(np.ones((1, 1), np.float32), True)[0, 0] == pytest.approx(AIM, abs=0.03)


def test_the_actor_and_the_targets_wait_for_the_critics() -> None:
    built = agent(policy_delay=3, gradient_steps=1)
    run(built, 24)
    actor, targets = built.actor_optimiser.steps, built.target.weights.copy()
    assert (built.critic_optimiser.steps, actor) == (1, 0)
    built.learn()
    assert built.target.weights.tobytes() == targets.tobytes()
    scalars = built.learn()
    assert "train/actor_loss" in scalars
    assert (built.critic_optimiser.steps, built.actor_optimiser.steps) == (3, 1)
    assert built.target.weights.tobytes() != targets.tobytes()


def test_without_its_three_changes_it_is_ddpg() -> None:
    """The second critic still learns, but nobody listens to it."""
    plain: DDPGAgent = actors.small(DDPGAgent, DDPGConfig)
    built = agent(**PLAIN)
    count = len(plain.networks.weights)
    assert built.networks.weights[:count].tobytes() == plain.networks.weights.tobytes()
    assert run(built, 300) == run(plain, 300)
    assert built.networks.weights[:count].tobytes() == plain.networks.weights.tobytes()
    assert plain.actor_optimiser.steps > 50


def test_gradients_equal_differences() -> None:
    built = agent()
    run(built, 60)
    batch, split = built.replay.take(np.arange(30)), built.networks.mlps[0].shape.count()
    actors.in_doubles(built)
    found = _with_the_same_noise(built, lambda: built.differentiate_critics(batch)["train/critic_loss"])
    critics = actors.differences(built, found, split, len(built.networks.weights))
    found()
    np.testing.assert_allclose(built.networks.gradient[split:], critics, rtol=1e-5, atol=1e-7)
    seen = batch.observations.astype(np.float64)
    actor = actors.differences(built, lambda: built.differentiate_actor(seen), 0, split)
    built.differentiate_actor(seen)
    np.testing.assert_allclose(built.networks.gradient[:split], actor, rtol=1e-5, atol=1e-7)


def _with_the_same_noise(built: TD3Agent, loss: Callable[[], float]) -> Callable[[], float]:
    counter = built.noise_random.counter

    def again() -> float:
        built.noise_random.counter = counter
        return loss()

    return again


def test_two_steps_equal_those_of_stable_baselines3_on_a_shared_minibatch(monkeypatch: pytest.MonkeyPatch) -> None:
    from stable_baselines3 import TD3

    ours_in_doubles(monkeypatch)
    source = agent()
    run(source, 60)
    built = agent(batch_size=32)
    built.load(built.state() | {"weights": source.networks.weights, "target_weights": source.target.weights})
    made, batch = actors.theirs(TD3, built), batch_in_doubles(source.replay.take(np.arange(32)))
    pairs = [
        (built.actor, made.actor), (built.target.mlps[0], made.actor_target),
        *zip(built.critics, made.critic.q_networks, strict=True),
        *zip(built.target_critics, made.critic_target.q_networks, strict=True),
    ]  # fmt: skip
    for ours, module in pairs:
        actors.give(ours, actors.layers_of(module))
    actors.hand_over(made, batch)
    stream = Stream(0, "target noise", built.noise_random.counter)

    def our_noise(tensor: torch.Tensor, _mean: float, deviation: float) -> torch.Tensor:
        return tensor.copy_(torch.from_numpy(deviation * stream.normals(*tensor.shape)))

    monkeypatch.setattr(torch.Tensor, "normal_", our_noise)
    made.train(gradient_steps=2, batch_size=32)
    measured = []
    for step in range(2):
        numbers = built.differentiate_critics(batch)
        built.descend(built.critic_optimiser, "train/critic_loss", numbers["train/critic_loss"])
        measured.append(numbers["train/critic_loss"])
        if step == 1:
            actor_loss = built.differentiate_actor(batch.observations)
            built.descend(built.actor_optimiser, "train/actor_loss", actor_loss)
            built.move_targets()
    assert np.mean(measured) == pytest.approx(made.logger.name_to_value["train/critic_loss"], rel=1e-6)
    assert actor_loss == pytest.approx(made.logger.name_to_value["train/actor_loss"], rel=1e-6)
    for ours, module in pairs:
        actors.assert_equal(ours, actors.layers_of(module))
