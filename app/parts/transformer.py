r"""A decoder-only transformer, written to be read: it says of every position how likely each token is to come next.

Tokens become vectors, a vector for the position is added, and N layers follow, each of which adds two things to what there
is, the residual stream $x$: what attention gathers from the positions before, and what two matrices make of the position itself.
A norm stands before each of them, and one before the head, a matrix that scores every token:

$$x \leftarrow x + W_o\, \mathrm{attention}(W_{qkv}\, \mathrm{norm}(x)) \tag{1}$$

$$x \leftarrow x + W_{down}\, \mathrm{GELU}(W_{up}\, \mathrm{norm}(x)), \qquad \mathrm{GELU}(z) = z\, \Phi(z) \tag{2}$$

$$\log \pi(\,\cdot \mid \text{what was read}) = \log \mathrm{softmax}(W\, \mathrm{norm}(x)) \tag{3}$$

where Φ is the distribution function of the normal. The norm brings each vector to mean 0 and deviation 1, times a gain, plus a bias.

Every parameter lies in one flat vector, so that optimiser, gradient norm, checkpoint and forking each touch one array. Rows
are padded on the left, so that all of them end at the same column; what is padding is masked, and positions count from the
first real token. Letters: B rows, L columns, V vocabulary, D model size, H heads, K = D / H, P parameters.

What this part leaves out: rotary positions, dropout, biases in the matrices. The softmax of (3) is taken where tokens are drawn.

Sources: Vaswani et al. (2017), "Attention is all you need", arXiv 1706.03762; Radford et al. (2019), "Language models are
unsupervised multitask learners", for the norm before each part; Hendrycks and Gimpel (2016), arXiv 1606.08415, for GELU.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from app.core.contracts import Tree
from app.core.errors import InvalidInput
from app.core.randomness import Stream
from app.core.text import _, filled
from app.parts.attention import attention, causal_mask
from app.parts.networks import use_one_thread

Array = NDArray[Any]
START_DEVIATION = 0.02


@dataclass(frozen=True)
class TransformerShape:
    """The sizes of a model.

    Attributes:
        context: most columns of a row.
        is_tied: the head's matrix is the embedding.
        n_scores: 1 for a scalar head beside the tokens' (a value, or a reward model's score), else 0. Its parameters are
            the last of the vector, so that those before are a model without it.
    """

    vocabulary: int
    context: int
    d_model: int
    n_layers: int
    n_heads: int
    is_tied: bool = False
    n_scores: int = 0

    def sizes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield name and shape of every parameter, in the order of the vector."""
        d = self.d_model
        yield "embedding", (self.vocabulary, d)
        yield "positions", (self.context, d)
        for layer in range(self.n_layers):
            yield f"{layer}.gain_1", (d,)
            yield f"{layer}.bias_1", (d,)
            yield f"{layer}.qkv", (3 * d, d)
            yield f"{layer}.out", (d, d)
            yield f"{layer}.gain_2", (d,)
            yield f"{layer}.bias_2", (d,)
            yield f"{layer}.up", (4 * d, d)
            yield f"{layer}.down", (d, 4 * d)
        yield "gain", (d,)
        yield "bias", (d,)
        if not self.is_tied:
            yield "head", (self.vocabulary, d)
        if self.n_scores:
            yield "score", (1, d)

    def count(self) -> int:
        """Return P."""
        return sum(math.prod(size) for _name, size in self.sizes())

    def facts(self) -> Tree:
        """Return the sizes of the model itself, without the scalar head, as a tree."""
        return {name: size for name, size in asdict(self).items() if name != "n_scores"}


class Cache:
    """Keys and values of the columns that were read, one pair of (B, H, L, K) a layer."""

    def __init__(self) -> None:
        self.layers: list[tuple[Tensor, Tensor]] = []

    def repeated(self, times: int) -> "Cache":
        """Return the cache with every row `times` times, neighbours alike: a group's prompt is read once."""
        copy = Cache()
        copy.layers = [(k.repeat_interleave(times, 0), v.repeat_interleave(times, 0)) for k, v in self.layers]
        return copy

    def __len__(self) -> int:
        return self.layers[0][0].shape[2] if self.layers else 0


class Transformer:
    """The model over one flat vector.

    Attributes:
        weights: the parameters (P,); `gradient` is what `backward` computed (P,).
        kept: where a list is put here, `hidden` leaves each layer's attention (B, H, L, L) and stream (B, L, D) in it.
    """

    def __init__(self, shape: TransformerShape, dtype: torch.dtype = torch.float32) -> None:
        use_one_thread()
        self.shape = shape
        self._flat, gradient = torch.zeros(shape.count(), dtype=dtype), torch.zeros(shape.count(), dtype=dtype)
        self.weights: Array = self._flat.numpy()
        self.gradient: Array = gradient.numpy()
        self.parameters: dict[str, Tensor] = {}
        self.kept: list[tuple[Tensor, Tensor]] | None = None
        start = 0
        for name, size in shape.sizes():
            stop = start + math.prod(size)
            leaf = self._flat[start:stop].view(size).detach().requires_grad_()
            leaf.grad = gradient[start:stop].view(size)
            self.parameters[name] = leaf
            start = stop

    def initialise(self, random: Stream) -> None:
        """Draw all parameters from `random`: normal, smaller where a layer adds to the stream; a scalar head starts at 0."""
        shrink = 1 / math.sqrt(2 * self.shape.n_layers)
        with torch.no_grad():
            for name, leaf in self.parameters.items():
                part = name.split(".")[-1]
                if part.startswith("gain"):
                    leaf.fill_(1.0)
                elif part.startswith("bias") or part == "score":
                    leaf.zero_()
                else:
                    deviation = START_DEVIATION if part in ("embedding", "positions") else leaf.shape[1] ** -0.5 / 2
                    scale = deviation * (shrink if part in ("out", "down") else 1.0)
                    leaf.copy_(torch.from_numpy(random.normals(*leaf.shape) * scale))

    def hidden(
        self, tokens: Tensor, starts: Tensor | None = None, cache: Cache | None = None, *, since: int = 0
    ) -> Tensor:  # fmt: skip
        """Return the stream before the head (B, L − since, D).

        Args:
            tokens: (B, L) int64; with a cache, those that come after what it holds.
            starts: columns of padding on the left of each row (B,) int64; None where there is none.
            cache: is read and extended.
            since: the first column that is asked for; of those before, the last layer is not computed.
        """
        shape, p = self.shape, self.parameters
        read = len(cache) if cache is not None else 0
        columns = torch.arange(read, read + tokens.shape[1])
        where = p["positions"][columns] if starts is None else _positions(p["positions"], columns, starts)
        x = functional.embedding(tokens, p["embedding"]) + where
        mask = causal_mask(columns, read + tokens.shape[1], starts)
        for layer in range(shape.n_layers):
            normed = functional.layer_norm(x, (shape.d_model,), p[f"{layer}.gain_1"], p[f"{layer}.bias_1"])
            first = since if layer == shape.n_layers - 1 else 0
            x = x[:, first:] + self._attention(normed, layer, mask, cache=cache, first=first)  # (1)
            normed = functional.layer_norm(x, (shape.d_model,), p[f"{layer}.gain_2"], p[f"{layer}.bias_2"])
            inner = functional.gelu(functional.linear(normed, p[f"{layer}.up"]))
            x = x + functional.linear(inner, p[f"{layer}.down"])  # (2)
            if self.kept is not None:
                self.kept[-1] = (self.kept[-1][0], x)
        return functional.layer_norm(x, (shape.d_model,), p["gain"], p["bias"])

    def _attention(self, x: Tensor, layer: int, mask: Tensor | None, *, cache: Cache | None, first: int) -> Tensor:
        """Return what the columns from `first` on gather (B, L − first, D)."""
        rows, columns, d = x.shape
        qkv = functional.linear(x, self.parameters[f"{layer}.qkv"])
        heads = self.shape.n_heads
        q, k, v = qkv.view(rows, columns, 3, heads, d // heads).permute(2, 0, 3, 1, 4).unbind(0)
        if cache is not None:
            if layer < len(cache.layers):
                k, v = (torch.cat(pair, 2) for pair in zip(cache.layers[layer], (k, v), strict=True))
                cache.layers[layer] = (k, v)
            else:
                cache.layers.append((k, v))
        mixed, weights = attention(q[:, :, first:], k, v, mask if mask is None else mask[..., first:, :])
        if self.kept is not None:
            self.kept.append((weights, x))
        mixed = mixed.transpose(1, 2).reshape(rows, columns - first, d)
        return functional.linear(mixed, self.parameters[f"{layer}.out"])

    def logits(self, hidden: Tensor) -> Tensor:
        """Return what each token scores to come next (…, V) after a stream (…, D)."""
        return functional.linear(hidden, self.parameters["embedding" if self.shape.is_tied else "head"])  # (3)

    def scores(self, hidden: Tensor) -> Tensor:
        """Return what the scalar head says (…) of a stream (…, D)."""
        return functional.linear(hidden, self.parameters["score"])[..., 0]

    def backward(self, loss: Tensor) -> None:
        """Put the gradient of `loss` into `gradient`."""
        self.gradient.fill(0.0)
        loss.backward()  # type: ignore[no-untyped-call]

    def load(self, weights: Array) -> None:
        """Overwrite the parameters; those of a model without a scalar head leave it as it is.

        Raises:
            InvalidInput: the number of parameters differs.
        """
        score = self.shape.d_model * self.shape.n_scores
        if weights.size not in (self.weights.size, self.weights.size - score):
            rule = filled(_("this model has {count} parameters"), count=self.weights.size)
            raise InvalidInput.one("weights", f"{weights.size} numbers", rule, _("Use weights of the same sizes."))
        self.weights[: weights.size] = weights


def _positions(table: Tensor, columns: Tensor, starts: Tensor) -> Tensor:
    return functional.embedding((columns[None, :] - starts[:, None]).clamp(min=0), table)


def as_tensor(array: Array) -> Tensor:
    """Return the array's memory as a tensor."""
    return torch.from_numpy(np.ascontiguousarray(array))
