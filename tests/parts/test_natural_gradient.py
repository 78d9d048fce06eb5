"""Fisher products against the matrix itself and against double differentiation; conjugate gradients against the solve."""

from typing import Any

import numpy as np
import pytest
import torch

from app.core.randomness import Stream
from app.parts.heads import Categorical, Gaussian, Head
from app.parts.natural_gradient import FisherProduct, conjugate_gradient
from app.parts.networks import Networks, Shape

HEADS: list[Head] = [Categorical(3), Gaussian(np.array([[-1.0, 1.0], [0.0, 2.0]]))]
DAMPING = 0.01
both = pytest.mark.parametrize("head", HEADS, ids=["choice", "numbers"])


def build(head: Head) -> tuple[Networks, np.ndarray]:
    networks = Networks(Shape((4, 5, head.outputs), "tanh", 1.0), Shape((4, 3, 1)), free=head.free, dtype=torch.float64)
    networks.initialise(Stream(0, "start"))
    networks.weights += 0.3 * Stream(1, "shift").normals(len(networks.weights))
    return networks, np.random.default_rng(0).normal(size=(20, 4))


def product_of(head: Head, networks: Networks, x: np.ndarray, damping: float = DAMPING) -> FisherProduct:
    return FisherProduct(networks, head, networks.mlps[0].activations(x), damping=damping)


def theirs(head: Head, outputs: torch.Tensor, free: torch.Tensor) -> Any:
    if head.free:
        return torch.distributions.Independent(torch.distributions.Normal(outputs, free.exp().expand_as(outputs)), 1)
    return torch.distributions.Categorical(logits=outputs)


@both
def test_the_product_equals_the_second_derivative_of_the_divergence(head: Head) -> None:
    networks, x = build(head)
    leaves = networks.leaves(0)
    direction = np.random.default_rng(1).normal(size=len(networks.stretch(0).weights))
    ours = product_of(head, networks, x)(direction)
    outputs = networks.mlps[0](torch.from_numpy(x))
    fixed = theirs(head, outputs.detach(), networks.free.detach().clone())
    mean = torch.distributions.kl_divergence(theirs(head, outputs, networks.free), fixed).mean()
    slopes = torch.autograd.grad(mean, leaves, create_graph=True)
    along = torch.cat([slope.flatten() for slope in slopes]) @ torch.from_numpy(direction)
    expected = torch.cat([part.flatten() for part in torch.autograd.grad(along, leaves)]).numpy() + DAMPING * direction
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12)


@both
def test_conjugate_gradients_equal_the_explicit_solve(head: Head) -> None:
    """The matrix is written down column by column; F alone is singular, F + λI is not."""
    networks, x = build(head)
    product, size = product_of(head, networks, x), len(networks.stretch(0).weights)
    matrix = np.stack([product(row) for row in np.eye(size)])
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    fisher = matrix - DAMPING * np.eye(size)
    assert np.linalg.eigvalsh(fisher).min() > -1e-12
    assert np.linalg.matrix_rank(fisher, tol=1e-9) < size or head.free
    goal = np.random.default_rng(2).normal(size=size)
    x_found, residual = conjugate_gradient(product, goal, steps=4 * size)
    assert residual <= 1e-5
    error = np.linalg.norm(x_found - np.linalg.solve(matrix, goal))
    assert error <= residual * np.linalg.norm(goal) / DAMPING  # no eigenvalue is below the damping


def test_the_matrix_is_the_mean_outer_product_of_the_scores() -> None:
    """F = E_s Σ_a π(a|s) ∇log π ∇log πᵀ, by brute force over actions."""
    head = HEADS[0]
    networks, x = build(head)
    size = len(networks.stretch(0).weights)
    matrix = np.stack([product_of(head, networks, x, damping=0.0)(row) for row in np.eye(size)])
    expected = np.zeros_like(matrix)
    for row in x:
        log_pi = torch.log_softmax(networks.mlps[0](torch.from_numpy(row[None]))[0], dim=0)
        for action in range(3):
            slopes = torch.autograd.grad(log_pi[action], networks.leaves(0), retain_graph=True)
            score = torch.cat([slope.flatten() for slope in slopes]).numpy()
            expected += log_pi[action].exp().item() * np.outer(score, score) / len(x)
    np.testing.assert_allclose(matrix, expected, atol=1e-12)


def test_few_steps_leave_something_and_say_so() -> None:
    matrix, goal = np.diag([1.0, 10.0, 100.0]), np.ones(3)
    one, exact = (conjugate_gradient(lambda v: matrix @ v, goal, steps=steps) for steps in (1, 3))
    np.testing.assert_allclose(one.x, goal * 3 / 111)
    assert one.residual == pytest.approx(np.linalg.norm(goal - matrix @ one.x) / np.sqrt(3))
    np.testing.assert_allclose(exact.x, [1.0, 0.1, 0.01], rtol=1e-10)
    assert exact.residual < 1e-8


def test_nothing_to_solve_gives_nothing() -> None:
    x, residual = conjugate_gradient(lambda v: v, np.zeros(3), steps=5)
    assert x.tolist() == [0.0, 0.0, 0.0]
    assert residual == 0.0
