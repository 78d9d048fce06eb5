"""The natural gradient: its step against the explicit solve, its independence of how the policy is written, both ends."""

from typing import Any

import numpy as np
import pytest

from app.algorithms.policy_based.natural_gradient import NaturalGradientAgent, NaturalGradientConfig, surrogate
from app.core.codecs import trees_equal
from app.core.contracts import Problem
from app.core.errors import TrainingDiverged
from app.parts.natural_gradient import FisherProduct
from app.parts.policy_learner import Judged, Samples
from tests.algorithms.doubles import ours_in_doubles
from tests.algorithms.policy_based.peers import shift
from tests.algorithms.walk import Push, Walk

SMALL = {"n_envs": 2, "n_steps": 32, "net_arch": "4", "batch_size": 64}
both = pytest.mark.parametrize("world", [Walk, Push])


def agent(world: type[Walk] = Walk, seed: int = 0, **changes: Any) -> NaturalGradientAgent:
    return NaturalGradientAgent(NaturalGradientConfig.parse(SMALL | changes), Problem(world(), seed, 10_000))


def filled(world: type[Walk] = Walk, **changes: Any) -> NaturalGradientAgent:
    built = agent(world, **changes)
    shift(built, 0.3)
    assert built.collect(1000)
    return built


def test_the_surrogate_worked_by_hand() -> None:
    """Ratios 2 and ½ with advantages 1 and −3: (2 − 1.5) / 2 = ¼."""
    assert surrogate(np.log([1.0, 0.25]), np.log([0.5, 0.5]), np.array([1.0, -3.0])) == pytest.approx(0.25)


@both
def test_the_step_is_the_explicit_solution(world: type[Walk], monkeypatch: pytest.MonkeyPatch) -> None:
    """Conjugate gradients stop at a residual of 1e-5 of the goal; no eigenvalue is below the damping, which bounds the error."""
    ours_in_doubles(monkeypatch)
    built = filled(world, step_size=0.5, cg_max_steps=100, normalize_advantage=False)
    samples, old = built.estimate()
    size = len(built.networks.stretch(0).weights)
    product = FisherProduct(built.networks, built.head, old.policy_layers, damping=0.1)
    matrix = np.stack([product(row) for row in np.eye(size)])
    built.backward(old, samples.actions, log_probs=samples.advantages / 64, entropy=0.0)
    goal = built.networks.stretch(0).gradient.copy()
    before = built.networks.stretch(0).weights.copy()
    built.improve(samples, old)
    step = built.networks.stretch(0).weights - before
    error = np.linalg.norm(step - 0.5 * np.linalg.solve(matrix, goal))
    assert error <= 0.5 * 1e-5 * np.linalg.norm(goal) / 0.1


def test_the_gradient_is_the_slope_of_the_surrogate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against differences along a direction."""
    ours_in_doubles(monkeypatch)
    built = filled(normalize_advantage=False)
    samples, old = built.estimate()
    built.backward(old, samples.actions, log_probs=samples.advantages / 64, entropy=0.0)
    weights = built.networks.stretch(0).weights
    slope, start = built.networks.stretch(0).gradient.copy(), weights.copy()
    direction = slope / np.linalg.norm(slope)
    ends = []
    for sign in (1, -1):
        weights[:] = start + sign * 1e-5 * direction
        log_probs = built.judge(samples.observations, samples.actions).log_probs
        ends.append(surrogate(log_probs, samples.old_log_probs, samples.advantages))
    assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(np.linalg.norm(slope), rel=1e-8)


def in_other_units(built: NaturalGradientAgent) -> tuple[Samples, Judged]:
    """Return the samples with ten times larger inputs, the first layer's weights written ten times smaller."""
    samples, old = built.estimate()
    layers = [10 * old.policy_layers[0], *old.policy_layers[1:]]
    np.asarray(built.policy.parameters[0][0].detach())[:] /= 10
    return samples._replace(observations=samples.observations * 10), old._replace(policy_layers=layers)


def test_the_gain_of_the_natural_step_does_not_depend_on_the_units_of_the_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """g F⁺ g is the same, to the precision of the rollout's numbers; that of the plain step, g g, is not."""
    ours_in_doubles(monkeypatch)
    natural, plain = [], []
    for units in (NaturalGradientAgent.estimate, in_other_units):
        built = filled(net_arch="8")
        samples, old = units(built)
        product = FisherProduct(built.networks, built.head, old.policy_layers, damping=0.0)
        matrix = np.stack([product(row) for row in np.eye(len(built.networks.stretch(0).weights))])
        built.backward(old, samples.actions, log_probs=samples.advantages / 64, entropy=0.0)
        gradient = built.networks.stretch(0).gradient
        natural.append(gradient @ np.linalg.pinv(matrix, rcond=1e-11, hermitian=True) @ gradient)
        plain.append(gradient @ gradient)
    assert natural[1] == pytest.approx(natural[0], rel=1e-7)
    assert plain[1] > 2 * plain[0]


def test_half_the_weights_in_other_units_move_the_policy_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as conjugate gradients, which stop at a small residual, and damping, which has the weights' units, let it."""
    ours_in_doubles(monkeypatch)
    one, other = (filled(net_arch="8", cg_damping=1e-9, cg_max_steps=100, step_size=0.01) for _copy in range(2))
    predicted = one.improve(*one.estimate())["train/surrogate_predicted"]
    again = other.improve(*in_other_units(other))["train/surrogate_predicted"]
    assert again == pytest.approx(predicted, rel=0.01)


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


def test_it_learns_to_walk_right() -> None:
    built = agent(step_size=0.3)
    while built.env_steps < 4000:
        built.update(1000)
    assert built.signals()["policy_at"](np.zeros((1, 2), np.float32))[0, 1] > 0.9


def test_a_number_that_is_not_finite_stops_the_run_before_it_harms_the_weights() -> None:
    built = filled()
    built.rollout.rewards[3, 1] = np.inf
    before = built.networks.weights.tobytes()
    with pytest.raises(TrainingDiverged, match="train/grad_norm became"):
        built.learn()
    assert built.networks.weights.tobytes() == before
