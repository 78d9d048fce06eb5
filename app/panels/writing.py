"""How a completion is written: before every token, how likely each one is, and the number that draws one of them.

K prompts, C completion columns, V vocabulary.
"""

from typing import Any

import numpy as np

from app.core.config import Config, Hyper
from app.core.errors import InvalidInput
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.language_noted import fixed_prompts
from app.parts.language_task import LanguageTask
from app.parts.tokens import END, PAD

TRACES = 3  # columns beside the odds: the token, whether the model wrote it, the number that drew it


class WritingOptions(Config):
    """What to write to."""

    prompt: str = Hyper(
        "",
        max_length=40,
        help=_("A prompt of your own, in the characters of the task; empty shows the fixed held-out prompts."),
    )


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A model that writes to fixed prompts, token by token."""
    return {"shown_rewards", "writing"} <= set(algorithm.signals)


def compute(subject: Subject, options: WritingOptions) -> Frame:
    """Return odds (K, C, V), draws (K, C) and own (K, C), 1 where the model wrote; the facts hold prompts and tokens.

    Raises:
        InvalidInput: a prompt of one's own is too long, holds foreign characters, or would need somebody to answer.
    """
    task, signals = subject.environment, subject.agent.signals()
    assert isinstance(task, LanguageTask)
    if options.prompt and task.turns.reply:
        rule, way_out = _("the other side could not answer for it"), _("Choose one of the fixed prompts.")
        raise InvalidInput.one("options.prompt", options.prompt, rule, way_out)
    own_prompt = task.encoded([options.prompt]) if options.prompt else None
    table = np.asarray(signals["writing"](own_prompt), np.float64)
    odds, (tokens, own, draws) = table[..., :-TRACES], np.moveaxis(table[..., -TRACES:], -1, 0)
    signs = task.alphabet.signs()
    written = [[signs[int(token)] for token in row[: _length(row)]] for row in tokens]
    meta: dict[str, Any] = {
        "count": len(written),
        "prompts": [options.prompt] if options.prompt else fixed_prompts(task),
        "tokens": written,
        "signs": signs,
        "longest": 0 if task.turns.reply else task.prompt_columns,
        "parts": list(task.reward_parts),
        "rewards": [] if options.prompt else np.asarray(signals["shown_rewards"](), np.float64).tolist(),
    }
    arrays = {"odds": odds, "draws": draws, "own": own}
    return Frame({name: array.astype(np.float32) for name, array in arrays.items()}, meta)


def _length(row: Any) -> int:
    """Return how many tokens of a completion (C,) there are up to its end, that sign included."""
    ends = np.flatnonzero(row == END)
    return int(ends[0]) + 1 if len(ends) else int((row != PAD).sum())


SPEC = PanelSpec(
    id="writing",
    name=_("How it writes"),
    summary=_(
        "A completion as it is written: before every token the odds of all, and the number that draws one of them."
    ),
    element="writing-player",
    version=1,
    options=WritingOptions,
    fits=fits,
    compute=compute,
    order=1,
)
