"""TRPO: the step of sb3-contrib on a shared rollout, what is accepted, and a failed line search that leaves every bit."""

from typing import Any

import numpy as np
import pytest
import torch

from app.algorithms.policy_based.trpo import TRPOAgent, TRPOConfig, surrogate
from app.core.codecs import trees_equal
from app.core.contracts import Array, Problem
from app.core.errors import TrainingDiverged
from app.parts.policy_learner import standardised
from tests.algorithms.doubles import ours_in_doubles
from tests.algorithms.policy_based.peers import peer, shift, their_weights
from tests.algorithms.walk import Push, Walk

SMALL = {"n_envs": 2, "n_steps": 32, "net_arch": "8,8", "batch_size": 64}
both = pytest.mark.parametrize("world", [Walk, Push])


def agent(world: type[Walk] = Walk, seed: int = 0, **changes: Any) -> TRPOAgent:
    return TRPOAgent(TRPOConfig.parse(SMALL | changes), Problem(world(), seed, 10_000))


def filled(world: type[Walk] = Walk, **changes: Any) -> TRPOAgent:
    built = agent(world, **changes)
    shift(built, 0.3)
    assert built.collect(1000)
    return built


def policy(built: TRPOAgent) -> Array:
    return built.networks.stretch(0).weights


def test_the_surrogate_worked_by_hand() -> None:
    """Ratios 2 and ½ with advantages 1 and −3: (2 − 1.5) / 2 = ¼."""
    assert surrogate(np.log([1.0, 0.25]), np.log([0.5, 0.5]), np.array([1.0, -3.0])) == pytest.approx(0.25)


@both
def test_the_step_equals_that_of_sb3_contrib_on_a_shared_rollout(
    world: type[Walk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy moves by the same step to the same divergence (theirs is measured the other way round) and the same gain.

    Their conjugate gradients begin at noise of size 1e-4, which is taken away, and stop at a residual of another kind, so
    that neither is let to come so far.
    """
    ours_in_doubles(monkeypatch)
    monkeypatch.setattr(torch, "randn_like", torch.zeros_like)
    built = filled(world, n_critic_updates=1, cg_max_steps=5)
    theirs = peer("TRPO", built, batch_size=64, n_critic_updates=1, cg_max_steps=5, learning_rate=1e-3)
    samples, old = built.estimate()
    before = policy(built).copy()
    theirs.train()
    numbers = built.improve(samples, old)
    their_policy = their_weights(built, theirs)[: len(before)]
    assert np.linalg.norm(policy(built) - before) > 0.01
    np.testing.assert_allclose(policy(built) - before, their_policy - before, rtol=1e-6, atol=1e-9)
    new = built.judge(samples.observations, samples.actions)
    outputs = (new.policy_layers[-1], built.free), (old.policy_layers[-1], before[: built.head.free])
    logged = theirs.logger.name_to_value
    assert built.head.divergences(*outputs).mean() == pytest.approx(logged["train/kl_divergence_loss"], rel=1e-6)
    reached = surrogate(new.log_probs, samples.old_log_probs, standardised(samples.advantages))
    assert reached == pytest.approx(logged["train/policy_objective"], rel=1e-6)
    assert numbers["train/surrogate_actual"] == pytest.approx(reached, abs=1e-9)


@both
def test_every_accepted_step_stays_within_the_bound_and_improves(world: type[Walk]) -> None:
    built, seen = agent(world, target_kl=0.003), []
    while built.env_steps < 3000:
        seen.append(built.update(1000).scalars)
    measured = [numbers for numbers in seen if numbers]
    accepted = [numbers for numbers in measured if numbers["train/step_accepted"]]
    assert len(accepted) > 20
    assert all(0 < numbers["train/kl"] <= 0.003 for numbers in accepted)
    assert all(numbers["train/surrogate_actual"] > 0 for numbers in accepted)
    refused = [numbers for numbers in measured if not numbers["train/step_accepted"]]
    assert all(numbers["train/kl"] == numbers["train/surrogate_actual"] == 0 for numbers in refused)


@both
def test_a_failed_line_search_leaves_the_policy_bit_for_bit(world: type[Walk], monkeypatch: pytest.MonkeyPatch) -> None:
    """The step is turned round, so that the surrogate falls wherever it is tried."""
    built = filled(world)
    samples, old = built.estimate()
    before = policy(built).tobytes()
    real = TRPOAgent.line_search
    monkeypatch.setattr(TRPOAgent, "line_search", lambda self, *given, step: real(self, *given, step=-step))
    numbers = built.improve(samples, old)
    assert policy(built).tobytes() == before
    assert (numbers["train/step_accepted"], numbers["train/line_search_steps"]) == (0.0, 10.0)


def test_divergence_and_gain_are_those_of_the_models_but_for_a_share_that_goes_with_the_length_of_the_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the models leave out is one order higher: a hundredth of the bound, a tenth of the step, a tenth of the error."""
    ours_in_doubles(monkeypatch)
    errors = []
    for bound in (1e-7, 1e-9):
        built = filled(target_kl=bound, cg_damping=1e-9, cg_max_steps=100)
        numbers = built.improve(*built.estimate())
        share = built.config.line_search_shrinking_factor ** (numbers["train/line_search_steps"] - 1)
        kl = numbers["train/kl"] / (share**2 * bound)
        errors.append([kl - 1, numbers["train/surrogate_actual"] / numbers["train/surrogate_predicted"] - 1])
    assert np.abs(errors[1]).max() < 0.02
    np.testing.assert_allclose(np.array(errors[0]) / np.array(errors[1]), 10, rtol=0.1)


def test_without_the_bound_the_policy_leaps() -> None:
    bound, free = (filled(limit_kl=limit, cg_damping=1e-3) for limit in (True, False))
    kls = [built.improve(*built.estimate())["train/kl"] for built in (bound, free)]
    assert kls[0] <= 0.01 < kls[1]


@both
def test_truncation_bootstraps_the_value_and_termination_does_not(world: type[Walk]) -> None:
    built = filled(world, gae_lambda=0.0)
    rollout, targets = built.rollout, built.estimate()[0].returns.reshape(32, 2)
    assert rollout.terminated.any()
    np.testing.assert_allclose(targets[rollout.terminated], rollout.rewards[rollout.terminated], atol=1e-5)
    expected = (rollout.rewards + 0.99 * rollout.final_values)[rollout.truncated]
    np.testing.assert_allclose(targets[rollout.truncated], expected, atol=1e-5)
    assert np.abs(expected - rollout.rewards[rollout.truncated]).min() > 1e-4


@both
def test_the_critic_is_fitted_and_the_policy_untouched_by_it(world: type[Walk]) -> None:
    built = filled(world, learning_rate=0.02)
    samples, _old = built.estimate()
    before, errors = policy(built).copy(), []
    for _round in range(30):
        errors.append(built.fit_critic(samples, built.optimiser, random=built.shuffle_random, passes=5, batch_size=16))
    np.testing.assert_array_equal(policy(built), before)
    assert errors[-1] < errors[0]


@both
def test_neither_cutting_nor_resuming_changes_a_run(world: type[Walk]) -> None:
    whole, cut, resumed = (agent(world, seed) for seed in (0, 0, 0))
    while whole.env_steps < 400:
        whole.update(400 - whole.env_steps)
    while cut.env_steps < 230:
        cut.update(10)
    resumed.load(cut.state())
    while resumed.env_steps < 400:
        resumed.update(min(22, 400 - resumed.env_steps))
    assert not trees_equal(whole.state(), resumed.state())


def test_a_number_that_is_not_finite_stops_the_run_before_it_harms_the_weights() -> None:
    built = filled()
    built.rollout.rewards[3, 1] = np.inf
    before = built.networks.weights.tobytes()
    with pytest.raises(TrainingDiverged, match="train/grad_norm became"):
        built.learn()
    assert built.networks.weights.tobytes() == before
