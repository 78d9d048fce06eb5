"""The variational autoencoder against closed forms; with it app/parts/encoder_learner.py."""

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

from app import catalog
from app.algorithms.policy_based.vae import VAEAgent, VAEConfig, kl_to_prior, log_likelihood
from app.core.contracts import Problem
from app.core.randomness import Stream
from app.parts.encoder_learner import explained_share
from app.parts.networks import Networks
from app.parts.optimisers import Adam

VARIANCES = np.array([4.0, 2.0, 0.5, 0.3])  # of the data along its principal directions


def agent(environment: str = "CartPole-v1", **config: Any) -> VAEAgent:
    """Return an agent whose networks count in float64, so that differences can be taken."""
    spec = catalog.environment(environment)
    world = spec.make(spec.config())
    made = VAEAgent(VAEConfig.parse({"net_arch": "5", **config}), Problem(world, 3, 2_000))
    shapes = [mlp.shape for mlp in made.networks.mlps]
    made.networks = Networks(*shapes, free=1, dtype=torch.float64)
    made.networks.initialise(Stream(7, "test"))
    made.encoder, made.decoder = made.networks.mlps
    made.optimiser = Adam(made.networks)
    return made


def log_gaussian(x: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return the log-density (B,) of rows under a centred Gaussian."""
    squares = (x @ np.linalg.inv(covariance) * x).sum(axis=1)
    return np.asarray(-0.5 * (squares + np.linalg.slogdet(2 * math.pi * covariance)[1]))


@pytest.mark.parametrize("beta", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("linear", [False, True])
def test_the_gradient_is_that_of_differences(beta: float, linear: bool) -> None:
    made = agent(beta=beta, linear=linear)
    made.networks.weights[0] = -0.3
    x, noise = Stream(1, "x").normals(6, 4), Stream(2, "noise").normals(6, 2)
    made.differentiate(x, noise)
    gradient, weights = made.networks.gradient.copy(), made.networks.weights
    for index in range(len(weights)):
        around, kept = [], weights[index]
        for step in (1e-5, -1e-5):
            weights[index] = kept + step
            around.append(made.differentiate(x, noise)["train/loss"])
        weights[index] = kept
        assert gradient[index] == pytest.approx((around[0] - around[1]) / 2e-5, rel=1e-6, abs=1e-8)


def test_the_divergence_is_the_integral() -> None:
    mean, log_variance = 0.7, math.log(0.4)
    z = np.linspace(-12, 12, 200_001)
    log_q = -0.5 * ((z - mean) ** 2 / 0.4 + log_variance + math.log(2 * math.pi))
    log_p = -0.5 * (z**2 + math.log(2 * math.pi))
    integral = float((np.exp(log_q) * (log_q - log_p)).sum() * (z[1] - z[0]))
    assert kl_to_prior(np.array([[mean]]), np.array([[log_variance]]))[0, 0] == pytest.approx(integral, abs=1e-9)


def test_the_density_of_an_observation_is_a_gaussians() -> None:
    x, x_hat = np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]])
    # −(1 + 4) / (2 · 4) − 2 log 2 − log 2π
    assert log_likelihood(x, x_hat, math.log(2.0))[0] == pytest.approx(-0.625 - 2 * math.log(2) - math.log(2 * math.pi))


def test_the_bound_lies_below_the_evidence_and_more_draws_close_the_gap() -> None:
    made = agent(linear=True)
    weight, bias = (tensor.detach().numpy() for tensor in made.decoder.parameters[0])
    bias[:] = 0.0
    made.networks.weights[0] = math.log(0.7)
    x = Stream(1, "x").normals(40, 4)
    exact = log_gaussian(x, weight @ weight.T + 0.49 * np.eye(4)).mean()
    means = [made.log_evidence(x, Stream(5, "draws").normals(draws, 40, 2)).mean() for draws in (1, 8, 5_000)]
    elbo = np.mean([made.differentiate(x, Stream(6, str(i)).normals(40, 2))["train/elbo"] for i in range(400)])
    assert elbo < exact - 0.05
    assert means[0] < means[1] < exact
    assert means[2] == pytest.approx(exact, abs=0.02)


def principal(made: VAEAgent) -> tuple[np.ndarray, np.ndarray]:
    """Put probabilistic PCA into a linear agent; return the data's directions and a whitened sample of it."""
    directions = np.linalg.qr(Stream(9, "directions").normals(4, 4))[0]
    noise = VARIANCES[2:].mean()
    spread = directions[:, :2] * np.sqrt(VARIANCES[:2] - noise)
    (encoder_weight, encoder_bias), (decoder_weight, decoder_bias) = (
        tuple(tensor.detach().numpy() for tensor in mlp.parameters[0]) for mlp in (made.encoder, made.decoder)
    )
    encoder_weight[:2], encoder_weight[2:] = spread.T / VARIANCES[:2, None], 0.0
    encoder_bias[:2], encoder_bias[2:] = 0.0, np.log(noise / VARIANCES[:2])
    decoder_weight[:], decoder_bias[:] = spread, 0.0
    made.networks.weights[0] = 0.5 * math.log(noise)
    signs = np.array(list(product((-1, 1), repeat=4)), float) * np.sqrt(VARIANCES)  # covariance: exactly the variances
    return directions, signs @ directions.T


def test_the_optimum_of_a_linear_one_is_probabilistic_pca() -> None:
    made = agent(linear=True)
    directions, data = principal(made)
    corners = np.array(list(product((-1, 1), repeat=2)), float)  # of a loss quadratic in ξ the mean over these is exact
    x, noise = np.repeat(data, 4, axis=0), np.tile(corners, (16, 1))
    numbers = made.differentiate(x, noise)
    assert np.abs(made.networks.gradient).max() < 1e-12
    left = VARIANCES[2:].mean()
    covariance = directions @ np.diag([*VARIANCES[:2], left, left]) @ directions.T
    assert numbers["train/elbo"] == pytest.approx(
        log_gaussian(data, covariance).mean(), abs=1e-12
    )  # the bound is tight
    made.networks.weights[0] += 0.1
    made.differentiate(x, noise)
    assert np.abs(made.networks.gradient).max() > 0.1


def test_a_linear_one_learns_probabilistic_pca() -> None:
    made, best = agent(linear=True), agent(linear=True)
    _directions, data = principal(best)
    goal = best.log_evidence(data, np.zeros((1, 16, 2)))  # the posterior is exact there, so any draw tells the evidence
    corners = np.array(list(product((-1, 1), repeat=2)), float)
    x, noise = np.repeat(data, 4, axis=0), np.tile(corners, (16, 1))
    for _step in range(3_000):
        numbers = made.differentiate(x, noise)
        made.optimiser.step(0.01)
    assert numbers["train/elbo"] == pytest.approx(goal.mean(), abs=1e-3)
    assert numbers["train/decoder_std"] ** 2 == pytest.approx(VARIANCES[2:].mean(), abs=1e-2)


def test_without_the_price_of_the_code_the_guess_becomes_certain() -> None:
    made = agent(beta=0.0)
    x = Stream(1, "x").normals(8, 4)
    for number in range(300):
        made.differentiate(x, Stream(2, str(number)).normals(8, 2))
        made.optimiser.step(0.02)
    assert np.exp(0.5 * made.encode(x, np.zeros((8, 2))).log_variances).mean() < 0.2


def test_the_decoders_deviation_stays_where_it_is_not_learned() -> None:
    made = agent(learn_decoder_std=False)
    made.differentiate(Stream(1, "x").normals(8, 4), Stream(2, "noise").normals(8, 2))
    assert made.networks.gradient[0] == 0.0
    assert made.networks.gradient[1:].any()


def test_returns_over_the_map_are_of_whole_episodes() -> None:
    spec = catalog.environment("CartPole-v1")
    made = VAEAgent(
        VAEConfig.parse({"learning_starts": 400, "gamma": 1.0}), Problem(spec.make(spec.config()), 3, 2_000)
    )
    made.update(1)
    while made.env_steps < 400:
        made.update(400 - made.env_steps)
    latent = made.latent()
    assert latent.shape[1] == 5
    episodes = made.replay.terminated[: made.replay.size].sum()
    assert latent[:, -1].min() == 1.0  # the step that ended an episode
    assert (latent[:, -1] == 1.0).sum() == episodes


@pytest.mark.parametrize("environment", ["Pendulum-v1", "MountainCarContinuous-v0"])
def test_actions_are_repeated_as_often_as_asked(environment: str) -> None:
    spec = catalog.environment(environment)
    config = VAEConfig.parse({"learning_starts": 0, "persistence": 0.8, "train_freq": 10_000})
    made = VAEAgent(config, Problem(spec.make(spec.config()), 3, 2_000))
    while made.env_steps < 1_000:
        made.update(1_000)
    actions = made.replay.actions[: made.replay.size]
    assert (actions[1:] == actions[:-1]).mean() == pytest.approx(0.8, abs=0.05)


def test_the_share_of_returns_that_the_code_explains() -> None:
    codes = Stream(1, "codes").normals(200, 2)
    returns = 3 + codes[:, 0] - 2 * codes[:, 0] * codes[:, 1]
    table = np.concatenate([codes, codes, returns[:, None]], axis=1)
    assert explained_share(table, 2) == pytest.approx(1.0)
    table[:, -1] = Stream(2, "noise").normals(200)
    assert 0 <= float(explained_share(table, 2) or 0.0) < 0.1
    table[:, -1] = 1.0
    assert explained_share(table, 2) is None


def test_it_fits_observations_that_are_numbers() -> None:
    assert "numbers its states" in catalog.misfit(catalog.algorithm("vae"), catalog.environment("FrozenLake-v1"))
    assert catalog.misfit(catalog.algorithm("vae"), catalog.environment("Pendulum-v1")) == ""
