"""DDPG: its equations by hand and by differences, both ends of an episode, and the numbers of Stable-Baselines3."""

import numpy as np
import pytest

from app.algorithms.policy_based.ddpg import DDPGAgent, DDPGConfig, td_targets
from app.core.codecs import trees_equal
from app.core.errors import TrainingDiverged
from app.core.randomness import Stream
from app.parts.off_policy import joined
from tests.algorithms.doubles import batch_in_doubles, ours_in_doubles
from tests.algorithms.policy_based import actors
from tests.algorithms.policy_based.actors import AIM, run


def agent(seed: int = 0, **changes: object) -> DDPGAgent:
    built: DDPGAgent = actors.small(DDPGAgent, DDPGConfig, seed, **changes)
    return built


def test_the_result_does_not_depend_on_how_steps_are_cut() -> None:
    whole, cut = agent(), agent()
    assert run(whole, 200) == run(cut, 200, cut=4)
    assert not trees_equal(whole.state(), cut.state())


def test_targets_worked_by_hand() -> None:
    """Reward 1, γ = .5, next Q = 4: 1 + 2 = 3; after a termination 1."""
    targets = td_targets(np.ones(2), np.array([0.0, 1.0]), np.full(2, 4.0), 0.5)
    np.testing.assert_array_equal(targets, [3.0, 1.0])


def test_the_critic_is_judged_by_the_targets_of_the_agent_itself() -> None:
    built = agent(gamma=0.5)
    run(built, 60)
    for terminated in (0.0, 1.0):
        batch = actors.one_transition(terminated)
        mu = np.tanh(built.target.mlps[0].forward(batch.next_observations))
        following = float(built.target_critics[0].forward(joined(batch.next_observations, mu))[0, 0])
        q = float(built.critics[0].forward(joined(batch.observations, batch.actions))[0, 0])
        loss = built.differentiate_critic(batch)["train/critic_loss"]
        assert loss == pytest.approx((q - 2.0 - 0.5 * (1 - terminated) * following) ** 2, rel=1e-5)


def test_truncation_bootstraps_and_termination_does_not() -> None:
    """Each second step ends the episode: truncated, V = 1/(1 − .5) = 2; taken for terminated, V = 1 + V/4 = 4/3."""
    assert actors.endless_value(DDPGAgent, DDPGConfig, "truncated") == pytest.approx(2.0, abs=0.05)
    assert actors.endless_value(DDPGAgent, DDPGConfig, "terminated") == pytest.approx(4 / 3, abs=0.12)


def test_the_actor_finds_the_best_action() -> None:
    built = actors.after_aiming(DDPGAgent, DDPGConfig)
    assert built.act(np.ones((1, 1), np.float32), True)[0, 0] == pytest.approx(AIM, abs=0.03)


def test_gradients_equal_differences() -> None:
    built = agent()
    run(built, 60)
    batch, split = built.replay.take(np.arange(30)), built.networks.mlps[0].shape.count()
    actors.in_doubles(built)
    critic = actors.differences(
        built, lambda: built.differentiate_critic(batch)["train/critic_loss"], split, len(built.networks.weights)
    )
    built.differentiate_critic(batch)
    np.testing.assert_allclose(built.networks.gradient[split:], critic, rtol=1e-5, atol=1e-7)
    seen = batch.observations.astype(np.float64)
    actor = actors.differences(built, lambda: built.differentiate_actor(seen), 0, split)
    built.differentiate_actor(seen)
    np.testing.assert_allclose(built.networks.gradient[:split], actor, rtol=1e-5, atol=1e-7)
    assert np.abs(actor).max() > 1e-3


def test_exploration_is_noise_around_the_actor() -> None:
    built, seen = agent(action_noise=0.3), np.zeros((4000, 2), np.float32)
    noise = built.explore(seen, Stream(1, "test")) - built.mu(seen)
    assert noise.mean() == pytest.approx(0.0, abs=0.02)
    assert noise.std() == pytest.approx(0.3, abs=0.01)
    still = agent(action_noise=0.0)
    np.testing.assert_array_equal(still.explore(seen, Stream(1, "test")), still.mu(seen))
    loud = agent(action_noise=2.0).explore(seen, Stream(1, "test"))
    assert np.abs(loud).max() == 1.0


def test_a_number_that_is_not_finite_stops_the_run_before_it_harms_the_weights() -> None:
    built = agent()
    run(built, 40)
    before = built.networks.weights.copy()
    built.replay.rewards[:] = np.inf
    with pytest.raises(TrainingDiverged, match="train/critic_loss became"):
        built.learn()
    assert built.networks.weights.tobytes() == before.tobytes()


def test_one_step_equals_that_of_stable_baselines3_on_a_shared_minibatch(monkeypatch: pytest.MonkeyPatch) -> None:
    from stable_baselines3 import DDPG

    ours_in_doubles(monkeypatch)
    built = agent(batch_size=32)
    run(built, 60)
    built.load(
        agent(batch_size=32).state() | {"weights": built.networks.weights, "target_weights": built.target.weights}
    )
    made = actors.theirs(DDPG, built)
    pairs = [
        (built.actor, made.actor), (built.target.mlps[0], made.actor_target),
        (built.critics[0], made.critic), (built.target_critics[0], made.critic_target),
    ]  # fmt: skip
    for ours, module in pairs:
        actors.give(ours, actors.layers_of(module))
    source = agent()
    run(source, 60)
    batch = batch_in_doubles(source.replay.take(np.arange(32)))
    actors.hand_over(made, batch)
    made.train(gradient_steps=1, batch_size=32)
    numbers = built.differentiate_critic(batch)
    built.descend(built.critic_optimiser, "train/critic_loss", numbers["train/critic_loss"])
    actor_loss = built.differentiate_actor(batch.observations)
    built.descend(built.actor_optimiser, "train/actor_loss", actor_loss)
    built.move_targets()
    assert numbers["train/critic_loss"] == pytest.approx(made.logger.name_to_value["train/critic_loss"], rel=1e-6)
    assert actor_loss == pytest.approx(made.logger.name_to_value["train/actor_loss"], rel=1e-6)
    for ours, module in pairs:
        actors.assert_equal(ours, actors.layers_of(module))
