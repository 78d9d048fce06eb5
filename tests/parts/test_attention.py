"""Attention against torch's, against a mean by hand, and what its mask hides."""

import math

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from app.parts.attention import LANES, attention, causal_mask, softmax


def test_attention_is_that_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(3, 2, 6, 5, generator=generator) for _ in range(3))
    mixed, weights = attention(q, k, v, causal_mask(torch.arange(6), 6, None))
    torch.testing.assert_close(mixed, scaled_dot_product_attention(q, k, v, is_causal=True), rtol=0, atol=1e-6)
    assert torch.equal(weights.triu(1), torch.zeros_like(weights))
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 2, 6))


@pytest.mark.parametrize("columns", [1, 2, 13, LANES - 1, LANES, LANES + 1, 25])
def test_softmax_and_its_slope_are_the_plain_ones_for_rows_of_every_length(columns: int) -> None:
    scores = torch.randn(4, 2, 3, columns, generator=torch.Generator().manual_seed(columns))
    scores[..., columns // 2 + 1 :] = -math.inf
    slopes = torch.randn(scores.shape, generator=torch.Generator().manual_seed(1))
    found = []
    for function in (softmax, lambda given: torch.softmax(given, -1)):
        given = scores.clone().requires_grad_()
        shares = function(given)
        (gradient,) = torch.autograd.grad(shares, given, slopes)
        found.append((shares.detach(), gradient))
    for own, plain in zip(*found, strict=True):
        assert own.shape == plain.shape
        torch.testing.assert_close(own, plain, rtol=0, atol=1e-7)


def test_two_positions_by_hand() -> None:
    q = torch.tensor([[[[1.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]]]])
    k = torch.tensor([[[[1.0, 0.0, 0.0, 0.0], [3.0, 0.0, 0.0, 0.0]]]])
    v = torch.tensor([[[[0.0], [1.0]]]])
    mixed, weights = attention(q, k, v, causal_mask(torch.arange(2), 2, None))
    share = 1 / (1 + math.exp((2 * 1 - 2 * 3) / 2))  # √4 = 2
    torch.testing.assert_close(weights[0, 0], torch.tensor([[1.0, 0.0], [1 - share, share]]))
    torch.testing.assert_close(mixed[0, 0, :, 0], torch.tensor([0.0, share]))


def test_nobody_looks_ahead_or_at_padding_and_padding_looks_at_itself() -> None:
    mask = causal_mask(torch.arange(3), 3, torch.tensor([0, 2]))
    assert mask is not None
    seen = (mask == 0).int()[:, 0].tolist()
    assert seen == [[[1, 0, 0], [1, 1, 0], [1, 1, 1]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]]]


def test_the_newest_column_alone_sees_all_that_was_read() -> None:
    assert causal_mask(torch.tensor([5]), 6, None) is None
