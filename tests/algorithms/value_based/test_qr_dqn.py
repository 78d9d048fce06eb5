"""QR-DQN: the loss by hand, what it converges to, and the same numbers as sb3-contrib on a shared minibatch."""

from typing import Any

import numpy as np
import pytest
import torch

from app.algorithms.value_based.qr_dqn import QRDQNAgent, QRDQNConfig, chosen, distribution_targets, quantile_huber
from app.core.jit import plain
from tests.algorithms.doubles import batch_in_doubles, ours_in_doubles, theirs_in_doubles
from tests.algorithms.value_based.family import run, small, values_of_the_endless_walk


def agent(**changes: Any) -> QRDQNAgent:
    fields = {"n_quantiles": 5, "max_grad_norm": 10.0, "exploration_fraction": 0.5, **changes}
    built: QRDQNAgent = small(QRDQNAgent, QRDQNConfig, **fields)
    return built


def loss_and_gradient(z: Any, y: Any) -> tuple[float, np.ndarray]:
    z, y = np.atleast_2d(np.asarray(z, float)), np.atleast_2d(np.asarray(y, float))
    gradient = np.empty_like(z)
    return float(quantile_huber(z, y, gradient)), gradient


def test_the_loss_by_hand() -> None:
    """K = 2, so τ = .25 and .75; z = (0, 1), y = (.5, 3).

    u for z₁: .5 and 3, both above: .25 (.125 + 2.5) = .65625; for z₂: −.5 below, weight .25, and 2 above, weight .75:
    .25 · .125 + .75 · 1.5 = 1.15625. Divided by K: .90625. Slopes: −.25 (.5 + 1) / 2 and −(.25 · −.5 + .75 · 1) / 2.
    """
    loss, gradient = loss_and_gradient([0.0, 1.0], [0.5, 3.0])
    assert loss == pytest.approx(0.90625)
    np.testing.assert_allclose(gradient, [[-0.1875, -0.3125]])


def test_the_gradient_equals_differences() -> None:
    draws = np.random.default_rng(0)
    z, y = draws.normal(size=(3, 4)) * 2, draws.normal(size=(3, 4)) * 2
    _loss, gradient = loss_and_gradient(z, y)
    for place in np.ndindex(3, 4):
        above, below = z.copy(), z.copy()
        above[place] += 1e-5
        below[place] -= 1e-5
        slope = (loss_and_gradient(above, y)[0] - loss_and_gradient(below, y)[0]) / 2e-5
        assert slope == pytest.approx(gradient[place], abs=1e-6)


def test_the_loss_rests_at_the_quantiles_of_the_targets() -> None:
    """Against 1000 equally spread targets on [0, 100] (Huber's part hardly counts there) z rests at 100 τ."""
    targets = np.linspace(0, 100, 1000).reshape(200, 5)
    z, gradient = np.full(5, 50.0), np.empty((200, 5))
    for _step in range(1000):
        quantile_huber(np.tile(z, (200, 1)), targets, gradient)
        z -= 50 * gradient.sum(axis=0)
    np.testing.assert_allclose(z, 100 * (np.arange(5) + 0.5) / 5, atol=0.5)


def test_the_target_is_the_distribution_of_the_action_with_the_best_mean() -> None:
    """Means 2 and 3: 1 + .5 · (1, 5), though the first action has the larger quantile; nothing follows a termination."""
    next_z = np.array([[[-6.0, 10.0], [1.0, 5.0]]] * 2)
    found = distribution_targets(np.ones(2), np.array([0.0, 1.0]), chosen(next_z), 0.5)
    np.testing.assert_allclose(found, [[1.5, 3.5], [1.0, 1.0]])


def test_the_compiled_loss_equals_its_plain_twin() -> None:
    draws = np.random.default_rng(1)
    z, y = draws.normal(size=(4, 6)).astype(np.float32), draws.normal(size=(4, 6)).astype(np.float32)
    one, other = np.empty((4, 6), np.float32), np.empty((4, 6), np.float32)
    assert quantile_huber(z, y, one) == pytest.approx(plain(quantile_huber)(z, y, other), rel=1e-12)
    np.testing.assert_array_equal(one, other)


def test_q_is_the_mean_of_the_quantiles_that_are_shown() -> None:
    built, observations = agent(), np.zeros((3, 2), np.float32)
    run(built, 60)
    signals = built.signals()
    quantiles = signals["quantiles_at"](observations)
    assert quantiles.shape == (3, 2, 5)
    np.testing.assert_allclose(signals["q_at"](observations), quantiles.mean(axis=2), rtol=1e-6)


def test_values_of_an_endless_task_are_found_in_spite_of_its_time_limit() -> None:
    built = agent(gamma=0.5, buffer_size=400, gradient_steps=10, exploration_final_eps=1.0)
    assert values_of_the_endless_walk(built) == pytest.approx(1.75, abs=0.2)


def test_loss_and_gradient_equal_those_of_sb3_contrib_on_a_shared_minibatch(monkeypatch: pytest.MonkeyPatch) -> None:
    import gymnasium
    from sb3_contrib import QRDQN
    from stable_baselines3.common.buffers import ReplayBufferSamples
    from stable_baselines3.common.logger import Logger

    class Space(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Box(-10, 10, (2,))
        action_space = gymnasium.spaces.Discrete(2)

    ours_in_doubles(monkeypatch)
    built = agent(tau=0.5)
    run(built, 150)
    theirs = QRDQN(
        "MlpPolicy", Space(), device="cpu", buffer_size=10, policy_kwargs={"net_arch": [8, 8], "n_quantiles": 5}
    )
    theirs.set_logger(Logger(None, []))
    theirs_in_doubles(theirs.policy)
    order = np.arange(10).reshape(2, 5).T.reshape(-1)  # theirs are (K, A), ours (A, K)
    pairs = []
    for ours, network in ((built.q_network, theirs.quantile_net), (built.target_network, theirs.quantile_net_target)):
        layers = [module for module in network.quantile_net if isinstance(module, torch.nn.Linear)]
        pairs.append(list(zip(ours.parameters, layers, strict=True)))
        with torch.no_grad():
            for number, ((weight, bias), module) in enumerate(pairs[-1]):
                rows = order if number == 2 else slice(None)
                module.weight.copy_(weight[rows])
                module.bias.copy_(bias[rows])
    batch = batch_in_doubles(built.replay.sample(32, built.replay_random))
    columns = [torch.from_numpy(x) for x in (batch.observations, batch.actions, batch.next_observations)]
    shared = ReplayBufferSamples(
        columns[0], columns[1][:, None], columns[2],
        torch.from_numpy(batch.terminated)[:, None], torch.from_numpy(batch.rewards)[:, None],
    )  # fmt: skip
    theirs.replay_buffer.sample = lambda *_args, **_kwargs: shared
    theirs.train(gradient_steps=1, batch_size=32)
    numbers = built.differentiate(batch)
    assert numbers["train/loss"] == pytest.approx(theirs.logger.name_to_value["train/loss"], rel=1e-6)
    for number, ((weight, bias), module) in enumerate(pairs[0]):
        rows = order if number == 2 else slice(None)
        torch.testing.assert_close(weight.grad[rows], module.weight.grad, rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(bias.grad[rows], module.bias.grad, rtol=1e-6, atol=1e-9)


def test_the_optimiser_is_that_of_sb3_contrib() -> None:
    built = agent(batch_size=8)
    run(built, 60)
    assert built.optimiser.epsilon == 0.01 / 8
