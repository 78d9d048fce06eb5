r"""Attention: every position asks those before it, and gathers what they answer.

Each position makes three vectors of its own: a query $q$, what it looks for; a key $k$, what it is found by; and a value $v$,
what it has to say. How well a key answers a query is their product, and what a position gathers is the mean of the values,
weighted by how well their keys answer:

$$A = \mathrm{softmax}\Big(\frac{Q K^\top}{\sqrt{d_k}} + M\Big) \tag{1}$$

$$\mathrm{attention}(Q, K, V) = A V \tag{2}$$

Products of vectors with $d_k$ numbers of size one have a deviation of $\sqrt{d_k}$; divided by it, the softmax neither picks one
position for ever nor looks at all alike. Nobody may look ahead, or the next token would be known:

$$M_{ij} = \begin{cases} 0 & j \le i \\ -\infty & j > i \text{ or } j \text{ is padding} \end{cases} \tag{3}$$

Several heads do this side by side, each with a part of the vectors, so that a position can look for several things at once.
Letters: B rows, L columns that ask, R columns that are read, H heads, K numbers of a head ($d_k$ above).

What this part leaves out: dropout of weights, windows, grouped keys, and computing it in blocks that never hold A.

Sources: Vaswani et al. (2017), "Attention is all you need", arXiv 1706.03762, equation 1.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

LANES = 16  # numbers that torch takes at once; over shorter rows its softmax goes one by one, 4 to 12 times as slowly


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return what each column gathers (B, H, L, K), and from where: weights A (B, H, L, R).

    Args:
        q: (B, H, L, K); k, v: (B, H, R, K).
        mask: added to the scores, −∞ where a column must not look, (L, R) or (B, 1, L, R); None where all may be seen.
    """
    scores = q @ (k * (1 / math.sqrt(q.shape[-1]))).transpose(-2, -1)
    weights = softmax(scores if mask is None else scores + mask)  # (1)
    return weights @ v, weights  # (2)


def softmax(scores: Tensor) -> Tensor:
    """Return the softmax over the last axis (…, R); short rows are filled with −∞ meanwhile, which weighs nothing."""
    columns = scores.shape[-1]
    if columns >= LANES:
        return torch.softmax(scores, -1)
    filled = functional.pad(scores, (0, LANES - columns), value=-math.inf)
    return torch.softmax(filled, -1)[..., :columns]


def causal_mask(columns: Tensor, read: int, starts: Tensor | None) -> Tensor | None:
    """Return M (3), −∞ where column i may not look at column j < `read`; None where there is nothing to mask.

    A column of padding may look at itself, so that its weights are numbers.

    Args:
        columns: numbers of those that ask (L,).
        starts: columns of padding on the left of each row (B,); None where there is none.
    """
    if starts is None and len(columns) == 1:
        return None
    seen = torch.arange(read)
    hidden = seen[None, :] > columns[:, None]
    if starts is not None:
        is_padding = (seen[None, :] < starts[:, None])[:, None, None, :]
        hidden = (hidden | is_padding) & (seen[None, :] != columns[:, None])
    return torch.zeros(hidden.shape).masked_fill(hidden, -math.inf)  # (3)
