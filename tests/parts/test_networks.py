"""Networks: the numpy twin, gradients against autograd and finite differences, views, initialisation."""

import numpy as np
import pytest
import torch

from app.core.errors import InvalidInput
from app.core.randomness import Stream
from app.parts.networks import Networks, Shape, hidden_sizes, orthogonal

SIZES = (4, 16, 8, 3)


def network(activation: str = "tanh", dtype: torch.dtype = torch.float32) -> Networks:
    networks = Networks(Shape(SIZES, activation, last_gain=1.0), dtype=dtype)
    networks.initialise(Stream(3, "initialisation"))
    networks.weights += 0.1 * Stream(4, "shift").normals(len(networks.weights))
    return networks


def inputs(dtype: type = np.float32) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(7, 4)).astype(dtype)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_numpy_forward_equals_torch(activation: str) -> None:
    mlp = network(activation).mlps[0]
    expected = mlp(torch.from_numpy(inputs())).detach().numpy()
    np.testing.assert_allclose(mlp.forward(inputs()), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_numpy_backward_equals_autograd(activation: str) -> None:
    networks = network(activation, torch.float64)
    mlp, x = networks.mlps[0], inputs(np.float64)
    output_gradient = np.random.default_rng(1).normal(size=(7, 3))
    networks.backward((mlp(torch.from_numpy(x)) * torch.from_numpy(output_gradient)).sum())
    expected = networks.gradient.copy()
    networks.gradient.fill(np.nan)
    mlp.backward(mlp.activations(x), output_gradient)
    np.testing.assert_allclose(networks.gradient, expected, rtol=1e-10, atol=1e-12)


def test_backward_equals_finite_differences() -> None:
    networks = network(dtype=torch.float64)
    mlp, x = networks.mlps[0], inputs(np.float64)
    mlp.backward(mlp.activations(x), np.ones((7, 3)))
    for index in range(0, len(networks.weights), 17):
        kept = networks.weights[index]
        networks.weights[index] = kept + 1e-6
        above = mlp.forward(x).sum()
        networks.weights[index] = kept - 1e-6
        below = mlp.forward(x).sum()
        networks.weights[index] = kept
        assert networks.gradient[index] == pytest.approx((above - below) / 2e-6, rel=1e-6, abs=1e-8)


def test_several_networks_share_one_vector() -> None:
    networks = Networks(Shape((2, 3, 1)), Shape((2, 1)))
    assert len(networks.weights) == (2 * 3 + 3) + (3 + 1) + (2 + 1)
    networks.weights.fill(1.0)
    assert networks.mlps[1].forward(np.ones((1, 2), np.float32))[0, 0] == 3.0


def test_weights_start_orthogonal() -> None:
    for rows, columns in ((5, 3), (3, 5), (4, 4)):
        matrix = orthogonal(rows, columns, 2.0, Stream(0, "test"))
        gram = matrix @ matrix.T if rows <= columns else matrix.T @ matrix
        np.testing.assert_allclose(gram, 4.0 * np.eye(min(rows, columns)), atol=1e-12)


def test_uniform_start_stays_in_its_bounds() -> None:
    networks = Networks(Shape((16, 64, 2), "relu"))
    networks.initialise(Stream(0, "initialisation"))
    weight, bias = networks.mlps[0].parameters[0]
    assert weight.abs().max() <= 0.25
    assert weight.abs().max() > 0.2
    assert bias.abs().max() <= 0.25


def test_the_same_seed_draws_the_same_weights() -> None:
    assert network().weights.tobytes() == network().weights.tobytes()


def test_weights_of_another_size_are_refused() -> None:
    with pytest.raises(InvalidInput, match="this network has"):
        network().load(np.zeros(3, np.float32))


def test_hidden_sizes_are_read_and_bounded() -> None:
    assert hidden_sizes("64,32") == (64, 32)
    for text in ("0", "64,2000"):
        with pytest.raises(ValueError, match="between 1 and 1\u202f024"):
            hidden_sizes(text)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_tangent_is_the_change_of_the_outputs_along_a_direction(activation: str) -> None:
    """Against differences, in double precision."""
    networks = network(activation, torch.float64)
    (mlp,), x = networks.mlps, np.random.default_rng(0).normal(size=(6, 4))
    start, direction = networks.weights.copy(), np.random.default_rng(1).normal(size=len(networks.weights))
    tangent = mlp.tangent(mlp.activations(x), direction)
    ends = []
    for sign in (1, -1):
        networks.weights[:] = start + sign * 1e-6 * direction
        ends.append(mlp.forward(x))
    np.testing.assert_allclose(tangent, (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_gradient_of_the_inputs_equals_autograd(activation: str) -> None:
    networks = network(activation, torch.float64)
    mlp, x = networks.mlps[0], torch.from_numpy(inputs(np.float64)).requires_grad_()
    output_gradient = np.random.default_rng(1).normal(size=(7, 3))
    networks.backward((mlp(x) * torch.from_numpy(output_gradient)).sum())
    held = networks.gradient.copy()
    found = mlp.input_gradient(mlp.activations(inputs(np.float64)), output_gradient)
    assert x.grad is not None
    np.testing.assert_allclose(found, x.grad.numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(networks.gradient, held)
