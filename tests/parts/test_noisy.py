"""Networks with noise in their weights: mean, variance and shape of the noise, gradients, and the network without it."""

import numpy as np
import pytest

from app.core.errors import InvalidInput
from app.core.jit import plain
from app.core.randomness import Stream
from app.parts.networks import Networks, Shape
from app.parts.noisy import NoisyNetworks, spread
from tests.algorithms.doubles import ours_in_doubles

SHAPE = Shape((3, 5, 2), "tanh")


def noisy(start: float = 0.5) -> NoisyNetworks:
    built = NoisyNetworks(SHAPE, start=start)
    built.initialise(Stream(0, "initialisation"))
    return built


def drawn(built: NoisyNetworks, count: int) -> np.ndarray:
    """Return the weights of `count` draws (count, P)."""
    random, rows = Stream(1, "noise"), []
    for _draw in range(count):
        built.draw(random)
        rows.append(built._drawn.weights.copy())
    return np.array(rows)


def test_means_start_like_a_plain_network_and_deviations_at_their_share_of_the_inputs() -> None:
    built, twin = noisy(), Networks(SHAPE)
    twin.initialise(Stream(0, "initialisation"))
    np.testing.assert_array_equal(built.means, twin.weights)
    np.testing.assert_allclose(built.deviations[:20], 0.5 / np.sqrt(3), rtol=1e-6)
    np.testing.assert_allclose(built.deviations[20:], 0.5 / np.sqrt(5), rtol=1e-6)


def test_weights_have_the_means_and_the_variances_of_the_factorised_noise() -> None:
    """E f(x)² = E|x| = √(2/π): a bias has variance σ² √(2/π), a weight σ² 2/π; both have mean 0."""
    built = noisy()
    samples = drawn(built, 20_000)
    np.testing.assert_allclose(samples.mean(axis=0), built.means, atol=0.012)
    share = samples.var(axis=0) / built.deviations.astype(np.float64) ** 2
    is_bias = np.zeros(32, bool)
    is_bias[15:20] = is_bias[30:] = True
    np.testing.assert_allclose(share[is_bias], np.sqrt(2 / np.pi), atol=0.04)
    np.testing.assert_allclose(share[~is_bias], 2 / np.pi, atol=0.06)


def test_a_layers_noise_has_rank_one_and_its_biases_are_the_factors_of_the_outputs() -> None:
    built = noisy()
    built.draw(Stream(2, "noise"))
    weights, biases = built._noise[:15].reshape(5, 3), built._noise[15:20]
    assert np.linalg.matrix_rank(weights, tol=1e-5) == 1
    np.testing.assert_allclose(weights / biases[:, None], np.tile(weights[0] / biases[0], (5, 1)), rtol=1e-4)


def test_without_noise_it_is_the_network_of_the_means() -> None:
    built = noisy()
    built.draw(Stream(2, "noise"))
    built.calm()
    np.testing.assert_array_equal(built._drawn.weights, built.means)
    silent = noisy(start=0.0)
    silent.draw(Stream(2, "noise"))
    np.testing.assert_array_equal(silent._drawn.weights, silent.means)


def test_the_gradient_of_means_and_deviations_equals_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    ours_in_doubles(monkeypatch)
    built, x = noisy(), np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    output_gradient = np.random.default_rng(1).normal(size=(6, 2)).astype(np.float32)

    def loss() -> float:
        built.draw(Stream(3, "noise"))
        return float((built.mlps[0].forward(x) * output_gradient).sum())

    loss()
    built.mlps[0].backward(built.mlps[0].activations(x), output_gradient)
    built.collect()
    held = built.gradient.copy()
    for index in (0, 7, 19, 31, 32, 45, 63):
        before = built.weights[index]
        built.weights[index] = before + 1e-6
        above = loss()
        built.weights[index] = before - 1e-6
        assert (above - loss()) / 2e-6 == pytest.approx(held[index], rel=1e-6, abs=1e-8)
        built.weights[index] = before


def test_the_same_counter_gives_the_same_noise() -> None:
    built = noisy()
    one, other = drawn(built, 2), drawn(built, 2)
    np.testing.assert_array_equal(one, other)
    assert (one[0] != one[1]).any()


def test_compiled_noise_equals_its_plain_twin() -> None:
    outputs, inputs = np.random.default_rng(0).normal(size=4), np.random.default_rng(1).normal(size=3)
    one, other = np.zeros(16, np.float32), np.zeros(16, np.float32)
    spread(outputs, inputs, one)
    plain(spread)(outputs, inputs, other)
    np.testing.assert_array_equal(one, other)


def test_parameters_of_another_size_are_refused() -> None:
    built = noisy()
    assert built.share > 0
    with pytest.raises(InvalidInput, match="parameters"):
        built.load(np.zeros(10, np.float32))
