"""The compiled Adam and the norm clip against torch."""

import numpy as np
import pytest
import torch

from app.core.codecs import trees_equal
from app.core.jit import plain
from app.core.randomness import Stream
from app.parts.networks import Networks, Shape
from app.parts.optimisers import Adam, RMSprop, adam, clip_norm, rmsprop


def networks() -> Networks:
    built = Networks(Shape((4, 8, 2)))
    built.initialise(Stream(1, "initialisation"))
    return built


def test_adam_with_clipping_equals_torch() -> None:
    ours = networks()
    optimiser = Adam(ours, epsilon=1e-5)
    theirs = torch.nn.Parameter(torch.from_numpy(ours.weights.copy()))
    reference = torch.optim.Adam([theirs], lr=3e-3, eps=1e-5)
    draws = np.random.default_rng(0)
    for step in range(200):
        gradient = draws.normal(size=len(ours.weights), scale=2.0 if step % 2 else 0.01).astype(np.float32)
        ours.gradient[:] = gradient
        theirs.grad = torch.from_numpy(gradient.copy())
        norm = clip_norm(ours.gradient, 0.5)
        assert norm == pytest.approx(float(torch.nn.utils.clip_grad_norm_([theirs], 0.5)), rel=1e-5)
        optimiser.step(3e-3)
        reference.step()
    np.testing.assert_allclose(ours.weights, theirs.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_the_first_step_has_the_size_of_the_learning_rate() -> None:
    """m̂ / √v̂ = g / |g| at the first step, so every parameter moves by α against the sign of its gradient."""
    built = networks()
    before = built.weights.copy()
    built.gradient[:] = np.where(np.arange(len(before)) % 2, 5.0, -0.1)
    Adam(built).step(0.01)
    np.testing.assert_allclose(built.weights - before, -0.01 * np.sign(built.gradient), rtol=1e-3)


def test_the_compiled_step_equals_its_plain_twin() -> None:
    numbers = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)
    second = np.abs(np.random.default_rng(1).normal(size=50)).astype(np.float32)
    constants = [np.float32(x) for x in (0.9, 0.1, 0.999, 0.001, 1e-5, 0.01, 0.5)]
    compiled, twin = numbers.copy(), numbers.copy()
    adam(compiled[0], compiled[1], compiled[2], second.copy(), *constants)
    plain(adam)(twin[0], twin[1], twin[2], second.copy(), *constants)
    np.testing.assert_allclose(compiled, twin, rtol=1e-6)


def test_a_gradient_within_the_norm_is_left_alone() -> None:
    gradient = np.array([0.3, 0.4], np.float32)
    assert clip_norm(gradient, 1.0) == pytest.approx(0.5)
    assert gradient.tolist() == np.array([0.3, 0.4], np.float32).tolist()
    clip_norm(gradient, 0.25)
    assert np.linalg.norm(gradient) == pytest.approx(0.25, rel=1e-5)


def test_state_returns_after_load() -> None:
    first, second = networks(), networks()
    one, other = Adam(first), Adam(second)
    first.gradient[:] = 1.0
    one.step(0.1)
    other.load(one.state())
    assert not trees_equal(one.state(), other.state())


def test_rmsprop_equals_the_one_of_stable_baselines3_that_is_tensorflows() -> None:
    from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike

    ours = networks()
    optimiser = RMSprop(ours)
    theirs = torch.nn.Parameter(torch.from_numpy(ours.weights.copy()))
    reference = RMSpropTFLike([theirs], lr=3e-3, alpha=0.99, eps=1e-5)
    draws = np.random.default_rng(0)
    for step in range(200):
        ours.gradient[:] = draws.normal(size=len(ours.weights), scale=2.0 if step % 2 else 0.01)
        theirs.grad = torch.from_numpy(ours.gradient.copy())
        optimiser.step(3e-3)
        reference.step()
    np.testing.assert_allclose(ours.weights, theirs.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_the_compiled_rmsprop_equals_its_plain_twin_and_is_resumed() -> None:
    one, other = networks(), networks()
    first, second = RMSprop(one), RMSprop(other)
    for built in (one, other):
        built.gradient[:] = np.linspace(-1, 1, len(built.gradient))
    first.step(0.1)
    numbers = (np.float32(x) for x in (0.99, 1 - 0.99, 1e-5, 0.1))
    plain(rmsprop)(other.weights, other.gradient, second.second, *numbers)
    np.testing.assert_array_equal(one.weights, other.weights)
    second.load(first.state())
    first.step(0.1)
    second.step(0.1)
    np.testing.assert_array_equal(one.weights, other.weights)
