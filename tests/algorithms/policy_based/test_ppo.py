"""PPO: its equations, its resumption, and the same numbers as Stable-Baselines3 on a shared rollout."""

from typing import Any

import numpy as np
import pytest
import torch

from app.algorithms.policy_based.ppo import (
    PPOAgent,
    PPOConfig,
    clipped_values,
    policy_loss,
    policy_slope,
    value_loss,
    with_larger_error,
)
from app.core.codecs import trees_equal
from app.core.contracts import Problem
from app.core.errors import InvalidInput, TrainingDiverged
from app.core.randomness import Stream
from app.core.scalars import DICTIONARY
from tests.algorithms.doubles import ours_in_doubles
from tests.algorithms.policy_based.peers import load_into, peer, shift, their_gradient
from tests.algorithms.walk import Push, Walk

SMALL = {"n_envs": 2, "n_steps": 16, "batch_size": 8, "n_epochs": 3, "net_arch": "8,8", "learning_rate": 0.01}


def agent(seed: int = 0, **changes: Any) -> PPOAgent:
    return PPOAgent(PPOConfig.parse(SMALL | changes), Problem(Walk(), seed, 1000))


def filled(**changes: Any) -> PPOAgent:
    """An agent whose rollout is complete and not yet learnt from."""
    built = agent(**changes)
    while not built.rollout.is_full:
        built.collect_step()
    return built


def run(built: PPOAgent, steps: int, cut: int) -> list[float]:
    returns: list[float] = []
    end = built.env_steps + steps
    while built.env_steps < end:
        returns += built.update(min(cut, end - built.env_steps)).episodes.returns.tolist()
    return returns


@pytest.mark.parametrize("changes", [{}, {"normalize": True}, {"target_kl": 0.001}])
def test_the_result_does_not_depend_on_how_steps_are_cut(changes: dict[str, Any]) -> None:
    whole, cut = agent(**changes), agent(**changes)
    assert run(whole, 200, cut=1000) == run(cut, 200, cut=6)
    assert not trees_equal(whole.state(), cut.state())


@pytest.mark.parametrize("steps_before", [32, 50])
@pytest.mark.parametrize("normalize", [False, True])
def test_resumed_equals_uninterrupted(steps_before: int, normalize: bool) -> None:
    one, other = agent(normalize=normalize), agent(normalize=normalize)
    run(one, steps_before, cut=1000)
    other.load(one.state())
    assert run(one, 150, cut=1000) == run(other, 150, cut=1000)
    assert not trees_equal(one.state(), other.state())


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    first, second, third = agent(1), agent(1), agent(2)
    for built in (first, second, third):
        run(built, 100, cut=1000)
    assert not trees_equal(first.state(), second.state())
    assert "weights" in trees_equal(first.state(), third.state())


def test_update_takes_at_least_one_step_and_never_more_than_asked() -> None:
    built = agent()
    assert built.update(1).steps == 2
    assert built.update(7).steps == 6
    assert built.update(1000).steps == 24


def test_ratio_is_one_on_fresh_data() -> None:
    built = filled()
    numbers = built.differentiate(built.estimate()[0])
    assert numbers["train/ratio_max"] == pytest.approx(1.0, abs=1e-6)
    assert numbers["train/approx_kl"] == pytest.approx(0.0, abs=1e-6)
    assert numbers["train/clip_fraction"] == 0.0


def test_the_policy_loss_has_no_gradient_exactly_where_clipping_removes_it() -> None:
    """It vanishes for A > 0 with ratio > 1 + ε and for A < 0 with ratio < 1 − ε, and nowhere else."""
    ratios, advantages = (x.ravel() for x in np.meshgrid([0.5, 0.79, 0.81, 1.0, 1.19, 1.21, 2.0], [-1.0, 1.0]))
    slope = policy_slope(ratios, advantages, 0.2)
    is_clipped = ((advantages > 0) & (ratios > 1.2)) | ((advantages < 0) & (ratios < 0.8))
    np.testing.assert_array_equal(slope == 0, is_clipped)


@pytest.mark.parametrize("clip_range", [0.2, np.inf])
def test_the_slope_is_the_derivative_of_the_loss(clip_range: float) -> None:
    random = np.random.default_rng(0)
    log_ratio, advantages = random.normal(size=30) * 0.4, random.normal(size=30)
    slope = policy_slope(np.exp(log_ratio), advantages, clip_range)
    for i in range(30):
        step = 1e-6 * np.eye(30)[i]
        up, down = (policy_loss(np.exp(log_ratio + sign * step), advantages, clip_range) for sign in (1, -1))
        assert (up - down) / 2e-6 == pytest.approx(slope[i], abs=1e-8)


def test_the_policy_loss_worked_by_hand() -> None:
    """Ratios 2 and 0.5 with A = 1 and ε = .2: −(min(2, 1.2) + min(.5, .8)) / 2 = −.85; unclipped −1.25."""
    assert policy_loss(np.array([2.0, 0.5]), np.ones(2), 0.2) == pytest.approx(-0.85)
    assert policy_loss(np.array([2.0, 0.5]), np.ones(2), np.inf) == pytest.approx(-1.25)


def test_value_loss_worked_by_hand() -> None:
    """Old values 0 and 3, new 1 and 2: within .5 of the old ones they count as .5 and 2.5, and neither has a gradient."""
    new, targets = np.array([1.0, 2.0]), np.array([3.0, 2.0])
    assert value_loss(new, targets) == 2.0
    values, is_within = clipped_values(new, np.array([0.0, 3.0]), 0.5)
    assert value_loss(values, targets) == (2.5**2 + 0.5**2) / 2
    assert not is_within.any()
    assert clipped_values(new, np.array([0.0, 3.0]), 0.0)[0] is new


def test_the_larger_value_error_worked_by_hand() -> None:
    """Old 0, new 1, range .5: of target 3 the clipped error 2.5² is the larger, of target −1 the free one (−2)²."""
    new, targets = np.ones(2), np.array([3.0, -1.0])
    clipped, _is_within = clipped_values(new, np.zeros(2), 0.5)
    values, is_free = with_larger_error(new, clipped, targets)
    assert values.tolist() == [0.5, 1.0]
    assert is_free.tolist() == [False, True]


def test_the_larger_value_error_has_the_gradient_of_cleanrl() -> None:
    random = np.random.default_rng(0)
    new, old, targets = random.normal(size=(3, 200))
    values, is_free = with_larger_error(new, clipped_values(new, old, 0.2)[0], targets)
    free = torch.tensor(new, requires_grad=True)
    near = torch.tensor(old) + (free - torch.tensor(old)).clamp(-0.2, 0.2)
    loss = torch.max((free - torch.tensor(targets)) ** 2, (near - torch.tensor(targets)) ** 2).mean()
    loss.backward()
    assert value_loss(values, targets) == pytest.approx(loss.item(), rel=1e-12)
    assert free.grad is not None
    np.testing.assert_allclose(2 / 200 * (values - targets) * is_free, free.grad.numpy(), rtol=1e-12)
    assert 0 < np.count_nonzero(~is_free) < 200


def test_a_choice_of_the_value_error_reaches_the_critic() -> None:
    def weights(value_error: str) -> np.ndarray:
        built = agent(clip_range_vf=1e-3, value_error=value_error, n_epochs=4)
        built.update(1000)
        return np.array(built.signals()["weights"]())

    assert not np.array_equal(weights("clipped"), weights("larger"))


def test_without_clipping_more_passes_move_the_policy_further() -> None:
    scalars = [agent(clip=clip, n_epochs=20, learning_rate=0.1).update(1000).scalars for clip in (True, False)]
    assert scalars[1]["train/approx_kl"] > scalars[0]["train/approx_kl"]


def test_the_start_is_orthogonal_unless_asked_otherwise() -> None:
    for built, is_orthogonal in ((agent(), True), (agent(ortho_init=False), False)):
        first = built.policy.parameters[1][0].detach().numpy()
        assert np.allclose(first @ first.T, 2 * np.eye(8), atol=1e-5) == is_orthogonal


def test_truncation_bootstraps_the_value_and_termination_does_not() -> None:
    built = filled(gae_lambda=0.0, normalize_advantage=False)
    rollout, samples = built.rollout, built.estimate()[0]
    targets = samples.returns.reshape(rollout.actions.shape)
    assert rollout.terminated.any()
    assert rollout.truncated.any()
    np.testing.assert_allclose(targets[rollout.terminated], rollout.rewards[rollout.terminated], atol=1e-5)
    expected = (rollout.rewards + 0.99 * rollout.final_values)[rollout.truncated]
    np.testing.assert_allclose(targets[rollout.truncated], expected, atol=1e-5)
    assert np.abs(targets[rollout.truncated] - rollout.rewards[rollout.truncated]).min() > 1e-4


def test_a_rollout_holds_the_observations_that_were_acted_on() -> None:
    built = filled()
    positions = built.rollout.observations[..., 0] * 3
    moved = positions[1:] - positions[:-1]
    ended = (built.rollout.terminated | built.rollout.truncated)[:-1]
    np.testing.assert_allclose(moved[~ended], (2 * built.rollout.actions[:-1] - 1)[~ended], atol=1e-6)


def test_target_kl_stops_the_passes_early() -> None:
    scalars = agent(target_kl=1e-7, n_epochs=10).update(1000).scalars
    assert scalars["train/epochs_run"] < 10
    assert agent(n_epochs=10).update(1000).scalars["train/epochs_run"] == 10


def test_schedules_reach_the_optimiser() -> None:
    built = agent(learning_rate_schedule="linear", clip_range_schedule="linear")
    scalars = built.update(1000).scalars
    assert scalars["train/learning_rate"] == pytest.approx(0.01 * (1 - 32 / 1000))
    assert scalars["train/clip_range"] == pytest.approx(0.2 * (1 - 32 / 1000))


def test_an_edit_takes_effect_at_the_next_update() -> None:
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


def test_every_scalar_is_in_the_dictionary() -> None:
    scalars = agent().update(1000).scalars
    assert scalars.keys() <= DICTIONARY.keys()
    assert all(np.isfinite(value) for value in scalars.values())


def test_signals_have_their_shapes() -> None:
    built = agent(normalize=True)
    run(built, 100, cut=1000)
    signals, observations = built.signals(), np.zeros((5, 2), np.float32)
    assert signals["v_at"](observations).shape == (5,)
    np.testing.assert_allclose(signals["policy_at"](observations).sum(axis=1), 1.0, rtol=1e-6)
    assert signals["visited"]().shape == (100, 2)


def test_weights_of_a_past_moment_bring_back_its_values() -> None:
    built, fresh = agent(normalize=True), agent(seed=9, normalize=True)
    run(built, 100, cut=1000)
    observations = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    fresh.load_weights(built.signals()["weights"]())
    np.testing.assert_allclose(fresh.values(observations), built.values(observations), rtol=1e-5, atol=1e-6)


def test_acting_is_greedy_or_drawn() -> None:
    built, observations = agent(), np.zeros((2000, 2), np.float32)
    assert len(set(built.act(observations, greedy=True).tolist())) == 1
    drawn = built.act(observations, greedy=False, random=Stream(0, "evaluation"))
    assert drawn.mean() == pytest.approx(built.signals()["policy_at"](observations[:1])[0, 1], abs=0.04)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 7}, "must divide n_steps × n_envs = 16 × 2 = 32; 4 does"),
        ({"batch_size": 64}, "must divide n_steps × n_envs = 16 × 2 = 32; 32 does"),
        ({"n_envs": 1_000_000_000}, "must be ≤ 64"),
        ({"n_envs": 64, "n_steps": 16_384}, "more than 262\u202f144"),
        ({"net_arch": "64,9999"}, "between 1 and 1\u202f024"),
        ({"net_arch": "64;64"}, "pattern"),
        ({"learning_rate": float("nan")}, "finite"),
        ({"alpha": 1.0}, "unknown name"),
    ],
)
def test_bad_combinations_are_refused_with_the_way_out(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=r"config\.") as caught:
        PPOConfig.parse(SMALL | changes)
    assert message in str(caught.value)


def test_an_edited_batch_size_holds_from_the_next_update_on() -> None:
    """32 steps and 3 passes: 4 · 3 minibatches of 8, or 2 · 3 of 16; the inspector shows the last of them."""
    built = agent()
    run(built, 40, cut=1000)
    assert (built.optimiser.steps, len(built.signals()["minibatch"]())) == (12, 8)
    built.edit(built.config.edited({"batch_size": 16}))
    assert len(built.signals()["minibatch"]()) == 8, "the picture is of the update that was"
    run(built, 24, cut=1000)
    assert (built.optimiser.steps, len(built.signals()["minibatch"]())) == (18, 16)
    assert built.signals()["ratios"]().shape == (3 * 32, 3)


def test_a_run_with_an_edited_batch_size_is_resumed_bit_for_bit() -> None:
    one, other = agent(), agent(batch_size=16)
    run(one, 40, cut=1000)
    one.edit(one.config.edited({"batch_size": 16}))
    other.load(one.state())
    assert run(one, 150, cut=1000) == run(other, 150, cut=6)
    assert not trees_equal(one.state(), other.state())


def test_an_edit_to_a_batch_size_that_leaves_a_rest_is_refused() -> None:
    built = agent()
    with pytest.raises(InvalidInput) as caught:
        built.edit(built.config.edited({"batch_size": 12}))
    (violation,) = caught.value.violations
    assert (violation.where, violation.value) == ("config.batch_size", "12")
    assert violation.rule == "must divide n_steps × n_envs = 16 × 2 = 32; 8 does"
    assert violation.way_out.startswith("Use 8")


@pytest.mark.parametrize("world", [Walk, Push])
@pytest.mark.parametrize("clip_range_vf", [0.0, 0.05])
def test_loss_and_gradient_equal_those_of_stable_baselines3_on_a_shared_rollout(
    world: type[Walk], clip_range_vf: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours_in_doubles(monkeypatch)
    config = PPOConfig.parse(SMALL | {"ent_coef": 0.01, "batch_size": 32, "clip_range_vf": clip_range_vf})
    built = PPOAgent(config, Problem(world(), 0, 1000))
    shift(built, 0.3)
    built.collect(1000)
    theirs = peer("PPO", built, batch_size=32, n_epochs=1, ent_coef=0.01, clip_range_vf=clip_range_vf or None)
    samples, _old = built.estimate()
    shift(built, 0.2)  # so that ratios and values have left their intervals
    load_into(built, theirs)
    theirs.train()
    numbers = built.differentiate(samples)
    logged = theirs.logger.name_to_value
    assert logged["train/clip_fraction"] > 0
    assert numbers["train/clip_fraction"] == pytest.approx(logged["train/clip_fraction"])
    assert numbers["train/loss"] == pytest.approx(logged["train/loss"], rel=1e-7)
    assert numbers["train/value_loss"] == pytest.approx(logged["train/value_loss"], rel=1e-7)
    assert numbers["train/policy_loss"] == pytest.approx(logged["train/policy_gradient_loss"], abs=1e-9)
    assert numbers["train/entropy"] == pytest.approx(-logged["train/entropy_loss"], rel=1e-9)
    np.testing.assert_allclose(built.networks.gradient, their_gradient(built, theirs), rtol=1e-6, atol=1e-8)
