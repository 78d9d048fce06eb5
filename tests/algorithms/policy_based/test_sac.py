"""SAC: its equations by hand, by integrals and by differences, its temperature, and the numbers of Stable-Baselines3."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from app.algorithms.policy_based.sac import (
    HIGHEST,
    LOWEST,
    SACAgent,
    SACConfig,
    squashed,
    squashed_slope,
    td_targets,
)
from app.core.codecs import trees_equal
from app.core.errors import TrainingDiverged
from app.core.randomness import Stream
from app.parts.off_policy import joined
from tests.algorithms.doubles import batch_in_doubles, ours_in_doubles
from tests.algorithms.policy_based import actors
from tests.algorithms.policy_based.actors import AIM, run


def agent(seed: int = 0, **changes: object) -> SACAgent:
    built: SACAgent = actors.small(SACAgent, SACConfig, seed, **changes)
    return built


def test_the_result_does_not_depend_on_how_steps_are_cut() -> None:
    whole, cut = agent(), agent()
    assert run(whole, 200) == run(cut, 200, cut=4)
    assert not trees_equal(whole.state(), cut.state())


def test_resumed_equals_uninterrupted_the_temperature_included() -> None:
    one, other = agent(), agent()
    run(one, 50)
    assert one.ent_coef != 1.0
    other.load(one.state())
    assert other.ent_coef == one.ent_coef
    assert run(one, 100) == run(other, 100)
    assert not trees_equal(one.state(), other.state())


def test_targets_worked_by_hand() -> None:
    """Reward 1, γ = .5, what follows is worth 4 − .2 · (−5) = 5: 3.5; after a termination 1."""
    following = np.full(2, 4.0) - 0.2 * np.full(2, -5.0)
    np.testing.assert_allclose(td_targets(np.ones(2), np.array([0.0, 1.0]), following, 0.5), [3.5, 1.0])


def test_the_agents_targets_use_its_own_draw_the_lower_critic_and_the_entropy() -> None:
    built = agent(gamma=0.5)
    run(built, 60)
    for terminated in (0.0, 1.0):
        batch = actors.one_transition(terminated)
        drawn = built.draw(batch.next_observations, Stream(0, "policy noise", built.noise_random.counter))
        seen = joined(batch.next_observations, drawn.actions)
        values = [float(critic.forward(seen)[0, 0]) for critic in built.target_critics]
        following = min(values) - 0.3 * float(drawn.log_probs[0])
        assert built.targets(batch, 0.3)[0][0] == pytest.approx(2.0 + 0.5 * (1 - terminated) * following, rel=1e-5)


def test_log_probabilities_are_of_a_density_over_the_open_interval() -> None:
    """The share of draws in an interval is the density's integral over it, and over all of (−1, 1) it is 1."""
    mean, log_std = 0.4, -0.3
    actions = np.linspace(-1, 1, 200_003)[1:-1]
    noise = (np.arctanh(actions) - mean) / math.exp(log_std)
    outputs = np.tile([mean, log_std], (len(actions), 1))
    found, log_probs = squashed(outputs, noise[:, None])
    np.testing.assert_allclose(found[:, 0], actions, atol=1e-12)
    density = np.exp(log_probs)
    width = actions[1] - actions[0]
    assert density.sum() * width == pytest.approx(1.0, abs=1e-4)
    draws, _ = squashed(np.tile([mean, log_std], (40_000, 1)), Stream(0, "test").normals(40_000, 1))
    inside = (actions > 0.2) & (actions < 0.7)
    share = ((draws > 0.2) & (draws < 0.7)).mean()
    assert share == pytest.approx(density[inside].sum() * width, abs=0.01)


def test_the_slope_of_the_squashed_gaussian_equals_differences_and_is_cut_with_its_deviation() -> None:
    random = np.random.default_rng(0)
    outputs, noise, weights = random.normal(size=(6, 4)), random.normal(size=(6, 2)), random.normal(size=(6, 2))
    outputs[0, 2], outputs[1, 3] = HIGHEST + 1, LOWEST - 1

    def loss(outputs: np.ndarray) -> float:
        actions, log_probs = squashed(outputs, noise)
        return float((weights * actions).sum() + 0.7 * log_probs.sum())

    slope = squashed_slope(outputs, noise, on_actions=weights, on_log_probs=0.7)
    for row, column in np.ndindex(outputs.shape):
        step = np.zeros_like(outputs)
        step[row, column] = 1e-6
        difference = (loss(outputs + step) - loss(outputs - step)) / 2e-6
        assert difference == pytest.approx(slope[row, column], rel=1e-4, abs=1e-6)
    assert slope[0, 2] == slope[1, 3] == 0.0


def test_gradients_equal_differences() -> None:
    built = agent()
    run(built, 60)
    batch, split = built.replay.take(np.arange(30)), built.networks.mlps[0].shape.count()
    actors.in_doubles(built)
    seen, counter = batch.observations.astype(np.float64), built.noise_random.counter
    pairs = joined(seen, built.draw(seen, Stream(0, "policy noise", counter)).actions)
    gaps = built.critics[1].forward(pairs) - built.critics[0].forward(pairs)
    built.networks.stretch(1).weights[-1] += np.median(gaps)  # so that each critic is the lower one somewhere

    def with_the_same_noise(loss: Callable[[], float]) -> float:
        built.noise_random.counter = counter
        return loss()

    def critics_loss() -> float:
        return with_the_same_noise(lambda: built.differentiate_critics(batch, 0.3)["train/critic_loss"])

    def actor_loss() -> float:
        return with_the_same_noise(
            lambda: built.differentiate_actor(seen, built.draw(seen, built.noise_random), 0.3)["train/actor_loss"]
        )

    critics = actors.differences(built, critics_loss, split, len(built.networks.weights))
    critics_loss()
    np.testing.assert_allclose(built.networks.gradient[split:], critics, rtol=1e-5, atol=1e-7)
    actor = actors.differences(built, actor_loss, 0, split)
    actor_loss()
    np.testing.assert_allclose(built.networks.gradient[:split], actor, rtol=1e-5, atol=1e-7)


def test_truncation_bootstraps_and_termination_does_not() -> None:
    """With entropy worth next to nothing, V = 1/(1 − .5) = 2 where ends are truncations, 4/3 where they terminate."""
    fixed = {"learn_ent_coef": False, "ent_coef": 1e-6}
    assert actors.endless_value(SACAgent, SACConfig, "truncated", **fixed) == pytest.approx(2.0, abs=0.05)
    assert actors.endless_value(SACAgent, SACConfig, "terminated", **fixed) == pytest.approx(4 / 3, abs=0.12)


def test_at_a_fixed_temperature_the_policy_is_as_wide_as_the_reward_allows() -> None:
    """With reward −(a − .3)² the best density is ∝ exp(−(a − .3)² / α): a Gaussian of variance α/2, here .1²."""
    built = actors.after_aiming(SACAgent, SACConfig, steps=4000, learn_ent_coef=False, ent_coef=0.02)
    draws = built.act(np.ones((4000, 1), np.float32), False, Stream(0, "test"))
    assert draws.mean() == pytest.approx(AIM, abs=0.03)
    assert draws.std() == pytest.approx(0.1, abs=0.02)


def test_the_learned_temperature_brings_the_entropy_to_its_target() -> None:
    built = actors.after_aiming(SACAgent, SACConfig, steps=4000, target_entropy=-0.5)
    drawn = built.draw(np.ones((4000, 1), np.float32), Stream(0, "test"))
    assert -drawn.log_probs.mean() == pytest.approx(-0.5, abs=0.15)
    assert 0 < built.ent_coef < 1


def test_the_temperature_rises_below_its_target_entropy_and_falls_above() -> None:
    built = agent(target_entropy=-1.0)
    for log_prob, sign in ((3.0, 1), (1.0, -1)):
        before = built.ent_coef
        built.temperature_optimiser = type(built.temperature_optimiser)(built.temperature)
        built.adjust(np.full(8, log_prob))
        assert np.sign(built.ent_coef - before) == sign
        assert built.temperature.gradient[0] == pytest.approx(-(log_prob - 2.0))


def test_a_temperature_that_is_not_learned_stays_and_can_be_set() -> None:
    built = agent(learn_ent_coef=False, ent_coef=0.2)
    run(built, 60)
    assert built.ent_coef == 0.2
    built.edit(built.config.edited({"ent_coef": 0.4}))
    assert built.ent_coef == 0.4


def test_an_edited_temperature_is_where_its_learning_goes_on() -> None:
    built, twin = agent(), agent()
    run(built, 60)
    run(twin, 60)
    built.edit(built.config.edited({"ent_coef": 0.25}))
    assert built.ent_coef == pytest.approx(0.25)
    run(built, 20)
    run(twin, 20)
    assert built.ent_coef != 0.25
    assert abs(math.log(built.ent_coef / 0.25)) < abs(math.log(twin.ent_coef / 0.25))


def test_a_temperature_stays_as_learned_when_its_learning_is_switched_off_and_on_again() -> None:
    built = agent()
    run(built, 60)
    learned = built.ent_coef
    assert learned != built.config.ent_coef
    built.edit(built.config.edited({"learn_ent_coef": False}))
    run(built, 20)
    assert built.ent_coef == learned
    built.edit(built.config.edited({"learn_ent_coef": True}))
    assert built.ent_coef == learned
    built.edit(built.config.edited({"learn_ent_coef": False, "ent_coef": 0.2}))
    assert built.ent_coef == 0.2


@pytest.mark.parametrize(
    "changes", [{"learn_ent_coef": False}, {"ent_coef": 0.3}, {"learn_ent_coef": False, "ent_coef": 0.3}]
)
def test_resumed_equals_uninterrupted_after_an_edit_of_the_temperature(changes: dict[str, Any]) -> None:
    one, other = agent(), agent(**changes)
    run(one, 60)
    one.edit(one.config.edited(changes))
    run(one, 20)
    other.load(one.state())
    assert other.ent_coef == one.ent_coef
    assert run(one, 60) == run(other, 60)
    assert not trees_equal(one.state(), other.state())


def test_a_fork_with_another_ent_coef_starts_from_it() -> None:
    one, other = agent(), agent(ent_coef=0.3)
    run(one, 60)
    other.load(one.state())
    assert other.ent_coef == pytest.approx(0.3)


def test_a_number_that_is_not_finite_stops_the_run_before_it_harms_the_weights() -> None:
    built = agent()
    run(built, 40)
    before = built.networks.weights.copy()
    built.replay.rewards[:] = np.inf
    with pytest.raises(TrainingDiverged, match="train/critic_loss became"):
        built.learn()
    assert built.networks.weights.tobytes() == before.tobytes()


def test_two_steps_equal_those_of_stable_baselines3_on_a_shared_minibatch(monkeypatch: pytest.MonkeyPatch) -> None:
    from stable_baselines3 import SAC

    ours_in_doubles(monkeypatch)
    source = agent()
    run(source, 60)
    built = agent(batch_size=32, gradient_steps=2)
    built.load(built.state() | {"weights": source.networks.weights, "target_weights": source.target.weights})
    made, batch = actors.theirs(SAC, built), batch_in_doubles(source.replay.take(np.arange(32)))
    made.log_ent_coef.data = made.log_ent_coef.data.double()
    pairs = [
        (built.actor, [*actors.layers_of(made.actor.latent_pi), made.actor.mu, made.actor.log_std]),
        *((ours, actors.layers_of(net)) for ours, net in zip(built.critics, made.critic.q_networks, strict=True)),
        *((ours, actors.layers_of(net))
          for ours, net in zip(built.target_critics, made.critic_target.q_networks, strict=True)),
    ]  # fmt: skip
    for ours, linears in pairs:
        actors.give(ours, linears)
    actors.hand_over(made, batch)
    stream = Stream(0, "policy noise", built.noise_random.counter)

    def our_noise(shape: tuple[int, ...], **_kind: object) -> torch.Tensor:
        return torch.from_numpy(stream.normals(*shape).astype(np.float32).astype(np.float64))

    monkeypatch.setattr(torch.distributions.normal, "_standard_normal", our_noise)
    made.train(gradient_steps=2, batch_size=32)
    monkeypatch.setattr(built.replay, "sample", lambda *_arguments: batch)
    numbers = built.learn()
    for name in ("train/critic_loss", "train/actor_loss", "train/ent_coef"):
        assert numbers[name] == pytest.approx(made.logger.name_to_value[name], rel=1e-6), name
    for ours, linears in pairs:
        actors.assert_equal(ours, linears)
    assert built.temperature.weights[0] == pytest.approx(made.log_ent_coef.item(), rel=1e-6)
