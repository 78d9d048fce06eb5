r"""Eligibility traces over the entries of a table: how much each entry takes part in the next update.

At every step all traces fade by the factor $\gamma \lambda$, and the trace of the entry that is visited rises, in one of three ways:

$$z \leftarrow z + 1 \quad\text{(accumulating)} \tag{1}$$

$$z \leftarrow 1 \quad\text{(replacing)} \tag{2}$$

$$z \leftarrow (1 - \alpha)\, z + 1 \quad\text{(Dutch)} \tag{3}$$

Only the entries whose trace is not 0 are kept in a list, so that a step costs as much as there are of them and not as much as
the table is large. A trace below 1e-30 counts as 0: it would change a number by less than rounding does.

Sources: Singh and Sutton (1996), *Reinforcement learning with replacing eligibility traces*, Machine Learning 22; Van Seijen,
Mahmood, Pilarski, Machado and Sutton (2016), *True online temporal-difference learning*, JMLR 17.
"""

from typing import Any, NamedTuple

from app.core.config import Config, Hyper
from app.core.jit import kernel
from app.core.text import _

KINDS = ("accumulating", "replacing", "dutch")
DUTCH = KINDS.index("dutch")
NEGLIGIBLE = 1e-30


class Traces(Config):
    """How long and in which way a visit is remembered."""

    lambda_: float = Hyper(
        0.9, low=0, high=1, symbol=r"\lambda", live="step",
        help=_("Trace decay: 0 learns from one step, 1 from whole returns; raising it carries news further back, with more noise."),
    )  # fmt: skip
    traces: str = Hyper(
        "replacing", choices=KINDS, live="step",
        help=_("What a second visit does to a trace: add 1 to it, set it to 1, or add 1 to what the step size leaves of it."),
    )  # fmt: skip


class TraceKnobs(NamedTuple):
    """Traces as kernels read them; `traces` numbers KINDS."""

    lambda_: float
    traces: int


def trace_knobs(config: Traces) -> TraceKnobs:
    """Return the traces of a configuration."""
    return TraceKnobs(config.lambda_, KINDS.index(config.traces))


@kernel
def forget(z: Any, active: Any, n_active: Any) -> Any:
    """Set the traces z (entries,) of the first `n_active` entries of the list `active` to 0, and return 0, its new length."""
    for index in range(n_active):
        z[active[index]] = 0.0
    return 0


@kernel
def mark(z: Any, active: Any, n_active: Any, entry: Any, alpha: Any, kind: Any) -> Any:
    """Raise the trace of a visited entry, and return the new length of the list of entries with a trace."""
    if z[entry] == 0:
        active[n_active] = entry
        n_active += 1
    if kind == 0:
        z[entry] += 1  # (1)
    elif kind == 1:
        z[entry] = 1.0  # (2)
    else:
        z[entry] = (1 - alpha) * z[entry] + 1  # (3)
    return n_active


@kernel
def fade(z: Any, active: Any, n_active: Any, decay: Any) -> Any:
    """Multiply all traces by `decay`, drop the negligible ones from the list, and return its new length."""
    kept = 0
    for index in range(n_active):
        entry = active[index]
        z[entry] *= decay
        if z[entry] < NEGLIGIBLE:
            z[entry] = 0.0
        else:
            active[kept] = entry
            kept += 1
    return kept
