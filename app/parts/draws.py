r"""Normal, Gamma and Beta draws in kernels, from counter-based words: exact methods, up to the 32 bits of their uniforms.

A normal draw is Box and Muller's. A Gamma draw is Marsaglia and Tsang's: with $d = k - \tfrac13$, $x$ normal and $v = (1 + x / \sqrt{9 d})^3$,
$d v$ is accepted with probability $\exp(\tfrac12 x^2 + d - d v + d \ln v)$, more than 95 times of 100; a shape $k < 1$ is drawn with $k + 1$ and
multiplied by $u^{1/k}$. A Beta draw is $X / (X + Y)$ of two Gamma draws.

Rejection needs an unknown number of words: attempt i of draw number n takes block n·ATTEMPTS + i, of a lane of the draw's own.

Source: Marsaglia and Tsang (2000), *A simple method for generating gamma variables*, ACM TOMS 26.
"""

import math
from typing import Any

import numpy as np

from app.core.jit import kernel
from app.core.randomness import philox, unit

ATTEMPTS = 256  # that so many are rejected happens once in 10^300 draws


@kernel
def normal(first: Any, second: Any) -> Any:
    """Return a standard normal draw from two random words."""
    radius = math.sqrt(-2.0 * math.log(1.0 - unit(first)))
    return radius * math.cos(2.0 * math.pi * unit(second))


@kernel
def gamma(shape: Any, number: Any, lane: Any, key: Any) -> Any:
    """Return draw `number` of `lane` from the Gamma distribution of a shape > 0 and scale 1."""
    d = (shape if shape >= 1 else shape + 1.0) - 1.0 / 3.0
    block = np.int64(number) * ATTEMPTS
    while True:
        words = philox(block, lane, key)
        x = normal(words[0], words[1])
        v = (1.0 + x / math.sqrt(9.0 * d)) ** 3
        if v > 0 and math.log(1.0 - unit(words[2])) < 0.5 * x * x + d - d * v + d * math.log(v):
            break
        block += 1
    return d * v if shape >= 1 else d * v * (1.0 - unit(words[3])) ** (1.0 / shape)


@kernel
def beta(a: Any, b: Any, number: Any, lane: Any, key: Any) -> Any:
    """Return draw `number` from the Beta distribution of a, b > 0; it takes the lanes `lane` and `lane` + 1."""
    x, y = gamma(a, number, lane, key), gamma(b, number, lane + 1, key)
    return x / (x + y)
