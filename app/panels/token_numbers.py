"""The completions of the last update, token by token: what the loss was made of, and what its step made of them.

Advantages, values and the log-probabilities when written are those of the loss; log-probability now, ratio, divergence and entropy
are of the model after the step.

R rows shown, C columns of a completion, K numbers of a token.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.language_noted import TOKEN_COLUMNS
from app.parts.language_task import LanguageTask

Array = NDArray[Any]
SHOWN = 24  # rows
COLUMNS = {
    "advantage": (_("advantage"), "signed"),
    "log_prob": (_("log-probability now"), "falling"),
    "old_log_prob": (_("log-probability when written"), "falling"),
    "reference_log_prob": (_("log-probability of the reference"), "falling"),
    "divergence": (_("divergence from the reference (k3)"), "rising"),
    "entropy": (_("entropy"), "rising"),
    "ratio": (_("ratio after the step / when written"), "around_one"),
    "clipped": (_("outside the clip interval after the step"), "rising"),
    "value": (_("value"), "signed"),
}


class TokenOptions(Config):
    """Nothing to choose here: the number that colours is chosen on the page."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """An algorithm that keeps the numbers of the tokens of its last update."""
    return {"token_rows", "token_numbers"} <= set(algorithm.signals)


def compute(subject: Subject, options: TokenOptions) -> Frame:
    """Return numbers (R, C, K), own (R, C), 1 where the model wrote the token; the facts hold prompts and tokens."""
    task, signals = subject.environment, subject.agent.signals()
    assert isinstance(task, LanguageTask)
    rows = np.asarray(signals["token_rows"](), np.int64)[:SHOWN]
    if not len(rows):
        return Frame({}, {"count": 0})
    table = np.asarray(signals["token_numbers"](), np.float64)[:SHOWN]
    has_critic = bool(np.any(table[..., TOKEN_COLUMNS.index("value")]))
    clip = getattr(subject.agent.config, "clip_range", None)
    absent = {name for name, is_there in (("value", has_critic), ("clipped", clip is not None)) if not is_there}
    names = [name for name in COLUMNS if name not in absent]
    signs = task.alphabet.signs()
    own = table[..., TOKEN_COLUMNS.index("own")]
    meta = {
        "count": len(rows),
        "prompts": [task.alphabet.decode(row[: task.prompt_columns]) for row in rows],
        "tokens": [[signs[token] for token in row[task.prompt_columns :]] for row in rows],
        "columns": [{"label": COLUMNS[name][0], "kind": COLUMNS[name][1]} for name in names],
        "ratio": names.index("ratio"),
        "advantage": names.index("advantage"),
        "clip": clip,
    }
    columns = {name: table[..., place] for place, name in enumerate(TOKEN_COLUMNS)}
    columns["clipped"] = own * _is_outside(columns["ratio"], columns["advantage"], clip or 0.0)
    numbers = np.stack([columns[name] for name in names], axis=-1)
    return Frame({"numbers": numbers.astype(np.float32), "own": own.astype(np.float32)}, meta)


def _is_outside(ratio: Array, advantage: Array, clip: float) -> Array:
    """Return which tokens another pass would leave alone: their ratio has gone as far as the clip interval lets it."""
    return np.asarray(np.where(advantage > 0, ratio > 1 + clip, (advantage < 0) & (ratio < 1 - clip)))


SPEC = PanelSpec(
    id="token_numbers",
    name=_("Token by token"),
    summary=_(
        "Log-probability, reference, divergence, entropy, advantage, value and ratio of every token of the last update."
    ),
    element="token-grid",
    version=1,
    options=TokenOptions,
    fits=fits,
    compute=compute,
    order=2,
)
