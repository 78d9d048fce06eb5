"""What a policy's outputs mean: closed forms and their gradients against torch's distributions and its derivatives, and draws."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from app.core.randomness import Stream
from app.parts.heads import Categorical, Gaussian, Head, log_softmax

BOUNDS = np.array([[-2.0, 2.0], [0.0, 1.0]])
MEAN = np.array([[0.5, -1.0], [3.0, 0.2], [0.0, 0.7]])
LOG_STD = np.array([0.0, math.log(0.5)])
NUMBERS = np.array([[0.1, 0.3], [-2.5, 1.7], [0.4, 0.4]])
NONE = np.empty(0)
CASES: dict[str, tuple[Head, Any, Any, Any]] = {
    "choice": (Categorical(4), np.random.default_rng(0).normal(size=(3, 4)), NONE, np.array([2, 0, 3])),
    "numbers": (Gaussian(BOUNDS), MEAN, LOG_STD, NUMBERS),
}
both = pytest.mark.parametrize("case", CASES)


def theirs(case: str, outputs: torch.Tensor, free: torch.Tensor) -> Any:
    """The same policy as torch knows it."""
    if case == "choice":
        return torch.distributions.Categorical(logits=outputs)
    return torch.distributions.Independent(torch.distributions.Normal(outputs, free.exp().expand_as(outputs)), 1)


def leaves(case: str) -> tuple[torch.Tensor, torch.Tensor]:
    _, outputs, free, _ = CASES[case]
    return torch.from_numpy(outputs.copy()).requires_grad_(), torch.from_numpy(free.copy()).requires_grad_()


def test_the_density_of_a_standard_normal_at_its_mean_is_known() -> None:
    """log N(μ|μ, 1) = −½ log 2π a number; with σ = ½ it is log 2 more."""
    log_density, entropy = Gaussian(BOUNDS).log_probs_and_entropies(MEAN, LOG_STD, MEAN)
    np.testing.assert_allclose(log_density, -math.log(2 * math.pi) + math.log(2), rtol=1e-12)
    np.testing.assert_allclose(entropy, 1 + math.log(2 * math.pi) - math.log(2), rtol=1e-12)


@both
def test_log_probabilities_and_entropies_equal_torchs(case: str) -> None:
    head, outputs, free, actions = CASES[case]
    log_probs, entropies = head.log_probs_and_entropies(outputs, free, actions)
    policy = theirs(case, torch.from_numpy(outputs), torch.from_numpy(free))
    np.testing.assert_allclose(log_probs, policy.log_prob(torch.from_numpy(actions)), rtol=1e-12)
    np.testing.assert_allclose(entropies, policy.entropy(), rtol=1e-12)


@both
@pytest.mark.parametrize("entropy", [0.0, -0.3])
def test_the_gradient_equals_the_one_torch_finds(case: str, entropy: float) -> None:
    head, outputs, free, actions = CASES[case]
    slopes = np.array([0.5, -2.0, 1.0])
    on_outputs, on_free = head.gradient(outputs, free, actions, log_probs=slopes, entropy=entropy)
    leaf, free_leaf = leaves(case)
    policy = theirs(case, leaf, free_leaf)
    loss = (torch.from_numpy(slopes) * policy.log_prob(torch.from_numpy(actions)) + entropy * policy.entropy()).sum()
    expected = torch.autograd.grad(loss, [leaf, free_leaf], allow_unused=True)
    np.testing.assert_allclose(on_outputs, expected[0], rtol=1e-10, atol=1e-12)
    if head.free:
        np.testing.assert_allclose(on_free, expected[1], rtol=1e-10, atol=1e-12)


@both
def test_the_fisher_matrix_is_the_curvature_of_the_divergence(case: str) -> None:
    head, outputs, free, _ = CASES[case]
    random = np.random.default_rng(1)
    tangents = random.normal(size=outputs.shape), random.normal(size=free.shape)
    on_outputs, on_free = head.fisher(outputs, free, tangents)
    leaf, free_leaf = leaves(case)
    fixed = theirs(case, leaf.detach(), free_leaf.detach())
    total = torch.distributions.kl_divergence(theirs(case, leaf, free_leaf), fixed).sum()
    parts = [leaf, free_leaf] if head.free else [leaf]
    slopes = torch.autograd.grad(total, parts, create_graph=True)
    along = sum((s * torch.from_numpy(t)).sum() for s, t in zip(slopes, tangents, strict=False))
    assert isinstance(along, torch.Tensor)
    expected = torch.autograd.grad(along, parts)
    np.testing.assert_allclose(on_outputs, expected[0], rtol=1e-9, atol=1e-12)
    if head.free:
        np.testing.assert_allclose(on_free, expected[1], rtol=1e-9, atol=1e-12)


def test_the_fisher_matrix_of_a_choice_is_known() -> None:
    """diag(π) − ππᵀ for π = (.2, .8)."""
    logits = np.log([[0.2, 0.8]])
    columns = [Categorical(2).fisher(logits, NONE, (row[None], NONE))[0][0] for row in np.eye(2)]
    np.testing.assert_allclose(columns, [[0.16, -0.16], [-0.16, 0.16]], rtol=1e-12)


@both
def test_divergences_equal_torchs(case: str) -> None:
    head, outputs, free, _ = CASES[case]
    other = outputs + np.random.default_rng(2).normal(size=outputs.shape), free - 0.4
    ours = head.divergences((outputs, free), other)
    pair = [theirs(case, *(torch.from_numpy(part) for part in one)) for one in ((outputs, free), other)]
    np.testing.assert_allclose(ours, torch.distributions.kl_divergence(*pair), rtol=1e-10)
    assert np.abs(head.divergences((outputs, free), (outputs, free))).max() == 0.0


def test_single_precision_stays_single() -> None:
    for head, outputs, free, actions in CASES.values():
        half = outputs.astype(np.float32), free.astype(np.float32)
        log_probs, entropies = head.log_probs_and_entropies(
            *half, actions.astype(np.int64) if head.free == 0 else actions.astype(np.float32)
        )
        assert log_probs.dtype == entropies.dtype == np.float32


def test_draws_have_the_mean_and_the_deviation_they_should() -> None:
    outputs = np.tile(MEAN[:1], (40_000, 1)).astype(np.float32)
    actions = Gaussian(BOUNDS).draw(outputs, LOG_STD, Stream(3, "draws"))
    np.testing.assert_allclose(actions.mean(axis=0), [0.5, -1.0], atol=4 / 200)
    np.testing.assert_allclose(actions.std(axis=0), [1.0, 0.5], atol=4 / 280)
    assert actions.dtype == np.float32


def test_only_the_environment_sees_an_action_put_on_its_bound() -> None:
    head = Gaussian(BOUNDS)
    np.testing.assert_array_equal(head.bounded(np.array([[5.0, -1.0], [-3.0, 0.4]])), [[2.0, 0.0], [-2.0, 0.4]])
    beyond, within = np.array([[5.0, -1.0]]), np.array([[2.0, -1.0]])
    outside, inside = (head.log_probs_and_entropies(MEAN[:1], LOG_STD, drawn)[0] for drawn in (beyond, within))
    assert outside < inside


def test_the_head_of_a_choice_draws_by_its_softmax_and_prefers_the_largest_logit() -> None:
    head, logits = Categorical(3), np.log(np.tile([[0.2, 0.5, 0.3]], (30_000, 1)))
    drawn = head.draw(logits, NONE, Stream(1, "draws"))
    np.testing.assert_allclose(np.bincount(drawn) / len(drawn), [0.2, 0.5, 0.3], atol=0.012)
    assert set(head.mode(logits).tolist()) == {1}


def test_large_logits_do_not_overflow() -> None:
    logits = np.array([[1000.0, 0.0]], np.float32)
    assert np.isfinite(log_softmax(logits)).all()
    log_probs, entropies = Categorical(2).log_probs_and_entropies(logits, NONE, np.array([0]))
    assert (log_probs[0], entropies[0]) == (0.0, 0.0)


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="outputs and actions"):
        Gaussian(BOUNDS).log_probs_and_entropies(MEAN, LOG_STD, np.zeros(2))
    with pytest.raises(ValueError, match="outputs and actions"):
        Categorical(2).log_probs_and_entropies(np.zeros((2, 2)), NONE, np.zeros(3, np.int64))
