"""What a policy's outputs mean: closed forms, draws, and Stable-Baselines3's diagonal Gaussian."""

import math

import numpy as np
import pytest
import torch

from app.core.randomness import Stream
from app.parts.heads import Categorical, Gaussian

BOUNDS = np.array([[-2.0, 2.0], [0.0, 1.0]])
MEAN = torch.tensor([[0.5, -1.0], [3.0, 0.2]], dtype=torch.float64)
LOG_STD = torch.tensor([0.0, math.log(0.5)], dtype=torch.float64)


def test_the_density_of_a_standard_normal_at_its_mean_is_known() -> None:
    """log N(μ|μ, 1) = −½ log 2π a number; with σ = ½ it is log 2 more."""
    log_density, entropy = Gaussian(BOUNDS).log_prob_and_entropy(MEAN, LOG_STD, MEAN)
    expected = -math.log(2 * math.pi) + math.log(2)
    np.testing.assert_allclose(log_density.numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(entropy.numpy(), 1 + math.log(2 * math.pi) - math.log(2), rtol=1e-12)


def test_gaussian_log_density_entropy_and_divergence_equal_torchs() -> None:
    head = Gaussian(BOUNDS)
    actions = torch.tensor([[0.1, 0.3], [-2.5, 1.7]], dtype=torch.float64)
    theirs = torch.distributions.Normal(MEAN, LOG_STD.exp())
    other_mean, other_log_std = MEAN + 0.3, LOG_STD - 0.4
    other = torch.distributions.Normal(other_mean, other_log_std.exp())
    log_density, entropy = head.log_prob_and_entropy(MEAN, LOG_STD, actions)
    torch.testing.assert_close(log_density, theirs.log_prob(actions).sum(dim=1))
    torch.testing.assert_close(entropy, theirs.entropy().sum(dim=1))
    divergence = head.divergence((MEAN, LOG_STD), (other_mean, other_log_std))
    torch.testing.assert_close(divergence, torch.distributions.kl_divergence(theirs, other).sum(dim=1))


def test_a_policy_does_not_diverge_from_itself() -> None:
    for head, outputs, free in ((Gaussian(BOUNDS), MEAN, LOG_STD), (Categorical(2), MEAN, torch.empty(0))):
        assert head.divergence((outputs, free), (outputs, free)).abs().max() == 0.0


def test_draws_have_the_mean_and_the_deviation_they_should() -> None:
    outputs = np.tile(MEAN.numpy()[:1], (40_000, 1)).astype(np.float32)
    actions = Gaussian(BOUNDS).draw(outputs, LOG_STD.numpy(), Stream(3, "draws"))
    np.testing.assert_allclose(actions.mean(axis=0), [0.5, -1.0], atol=4 / 200)
    np.testing.assert_allclose(actions.std(axis=0), [1.0, 0.5], atol=4 / 280)
    assert actions.dtype == np.float32


def test_only_the_environment_sees_an_action_put_on_its_bound() -> None:
    head = Gaussian(BOUNDS)
    np.testing.assert_array_equal(head.bounded(np.array([[5.0, -1.0], [-3.0, 0.4]])), [[2.0, 0.0], [-2.0, 0.4]])
    log_density, _ = head.log_prob_and_entropy(MEAN[:1], LOG_STD, torch.tensor([[5.0, -1.0]], dtype=torch.float64))
    inside, _ = head.log_prob_and_entropy(MEAN[:1], LOG_STD, torch.tensor([[2.0, -1.0]], dtype=torch.float64))
    assert log_density < inside


def test_the_head_of_a_choice_draws_by_its_softmax_and_prefers_the_largest_logit() -> None:
    head, logits = Categorical(3), np.log(np.tile([[0.2, 0.5, 0.3]], (30_000, 1)))
    drawn = head.draw(logits, np.empty(0), Stream(1, "draws"))
    np.testing.assert_allclose(np.bincount(drawn) / len(drawn), [0.2, 0.5, 0.3], atol=0.012)
    assert set(head.mode(logits).tolist()) == {1}


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="outputs and actions"):
        Gaussian(BOUNDS).log_prob_and_entropy(MEAN, LOG_STD, torch.zeros(2))
