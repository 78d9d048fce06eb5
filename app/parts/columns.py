r"""ReLU perceptrons over columns of inputs, as a kernel, for another kernel that asks a small network many times in a row.

The weights are those of `Networks`: of each layer a matrix $W$ row by row, then its bias $b$. One layer makes of inputs $x$

$$y = \max(0,\; W x + b)$$

without the maximum in the last one. The inputs are columns, (D, C), so that the innermost loop goes over C neighbours in
memory and is vectorised. C columns, D inputs, O outputs, P parameters.
"""

from typing import Any

import numpy as np

from app.core.jit import kernel


@kernel
def perceptron(weights: Any, sizes: Any, inputs: Any, other: Any) -> Any:
    """Return the outputs in the first O rows of one of two scratch arrays (W, C) float32, W the widest layer or more.

    Args:
        weights: (P,) float32.
        sizes: of the layers, from input to output (L+1,).
        inputs: its first D rows hold the inputs; it is overwritten, and so is `other`.
    """
    start, last, count = 0, len(sizes) - 2, inputs.shape[1]
    for layer in range(len(sizes) - 1):
        columns, rows = sizes[layer], sizes[layer + 1]
        bias = start + rows * columns
        for j in range(rows):
            add_row(weights[start + j * columns : start + (j + 1) * columns], weights[bias + j], inputs, other[j])
            if layer < last:
                out = other[j]
                for c in range(count):
                    out[c] = max(out[c], np.float32(0.0))
        start = bias + rows
        inputs, other = other, inputs
    return inputs


@kernel
def add_row(row: Any, bias: Any, inputs: Any, out: Any) -> None:
    """Write b + Σ wᵢ xᵢ of one row (D,) into `out` (C,), four inputs at a time, which spares most of the reading of `out`."""
    count, length = len(out), len(row)
    for c in range(count):
        out[c] = bias
    for i in range(0, length - 3, 4):
        w0, w1, w2, w3 = row[i], row[i + 1], row[i + 2], row[i + 3]
        x0, x1, x2, x3 = inputs[i], inputs[i + 1], inputs[i + 2], inputs[i + 3]
        for c in range(count):
            out[c] += w0 * x0[c] + w1 * x1[c] + w2 * x2[c] + w3 * x3[c]
    for i in range(length - length % 4, length):
        w0, x0 = row[i], inputs[i]
        for c in range(count):
            out[c] += w0 * x0[c]
