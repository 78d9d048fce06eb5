"""Action choice: probabilities, closed forms, and properties at epsilon 0 and 1."""

import numpy as np
import pytest
import torch

from app.core.jit import plain
from app.core.randomness import Stream
from app.parts import policies

LOGITS = np.array([[0.0, 1.0, -1.0], [2.0, 2.0, 2.0]], np.float32)


def repeated(row: np.ndarray, count: int = 20_000) -> np.ndarray:
    return np.repeat(row[None], count, axis=0)


def shares(actions: np.ndarray, n_actions: int) -> np.ndarray:
    return np.bincount(actions, minlength=n_actions) / len(actions)


def test_sampling_follows_the_softmax() -> None:
    for row in LOGITS:
        actions = policies.sample(repeated(row), Stream(0, "actions"))
        np.testing.assert_allclose(shares(actions, 3), policies.probabilities(row[None])[0], atol=0.015)


def test_compiled_choice_equals_its_plain_twin() -> None:
    draws = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    key = Stream(5, "actions").key
    for counter in range(3):
        np.testing.assert_array_equal(
            policies.sample_kernel(draws, key, counter), plain(policies.sample_kernel)(draws, key, counter)
        )
        np.testing.assert_array_equal(
            policies.epsilon_greedy_kernel(draws, 0.3, key, counter),
            plain(policies.epsilon_greedy_kernel)(draws, 0.3, key, counter),
        )


def test_a_draw_depends_on_the_row_and_not_on_the_number_of_rows() -> None:
    many = policies.sample(repeated(LOGITS[0], 10), Stream(1, "actions"))
    few = policies.sample(repeated(LOGITS[0], 4), Stream(1, "actions"))
    np.testing.assert_array_equal(many[:4], few)


def test_epsilon_zero_is_greedy() -> None:
    q = np.random.default_rng(0).normal(size=(500, 4))
    np.testing.assert_array_equal(policies.epsilon_greedy(q, 0.0, Stream(0, "a")), q.argmax(axis=1))


def test_epsilon_one_is_uniform() -> None:
    actions = policies.epsilon_greedy(repeated(np.array([0.0, 9.0, 0.0, 0.0])), 1.0, Stream(0, "a"))
    np.testing.assert_allclose(shares(actions, 4), 0.25, atol=0.015)


def test_greedy_share_is_one_minus_epsilon_plus_its_part_of_epsilon() -> None:
    actions = policies.epsilon_greedy(repeated(np.array([0.0, 9.0, 0.0, 0.0])), 0.2, Stream(0, "a"))
    assert shares(actions, 4)[1] == pytest.approx(1 - 0.2 + 0.2 / 4, abs=0.01)


def test_ties_are_broken_at_random() -> None:
    actions = policies.epsilon_greedy(repeated(np.array([5.0, 1.0, 5.0])), 0.0, Stream(0, "a"))
    np.testing.assert_allclose(shares(actions, 3), [0.5, 0.0, 0.5], atol=0.015)


def test_log_prob_and_entropy_equal_torch_distributions() -> None:
    logits, actions = torch.from_numpy(LOGITS), torch.tensor([2, 0])
    log_probs, entropy = policies.log_prob_and_entropy(logits, actions)
    expected = torch.distributions.Categorical(logits=logits)
    torch.testing.assert_close(log_probs, expected.log_prob(actions))
    torch.testing.assert_close(entropy, expected.entropy())
    assert float(entropy[1]) == pytest.approx(np.log(3))


def test_cross_entropy_is_entropy_plus_divergence() -> None:
    one, other = (torch.from_numpy(x) for x in np.random.default_rng(0).normal(size=(2, 6, 4)))
    pi = torch.softmax(one, dim=1)
    cross_entropy = -(pi * torch.log_softmax(other, dim=1)).sum(dim=1)
    _, entropy = policies.log_prob_and_entropy(one, torch.zeros(6, dtype=torch.int64))
    torch.testing.assert_close(cross_entropy, entropy + policies.kl_divergence(one, other), rtol=0, atol=1e-12)


def test_divergence_of_a_policy_from_itself_is_zero() -> None:
    logits = torch.from_numpy(LOGITS).double()
    assert float(policies.kl_divergence(logits, logits + 3.0).abs().max()) < 1e-12


def test_shapes_are_checked_at_the_door() -> None:
    with pytest.raises(ValueError, match=r"logits \(B, A\)"):
        policies.log_prob_and_entropy(torch.zeros(2, 3), torch.zeros(3, dtype=torch.int64))
