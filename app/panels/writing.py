"""How a completion is written: before every token, how likely each one is, and the number that draws one of them.

F fixed prompts, C completion columns, V vocabulary.
"""

from typing import Any

import numpy as np

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.language_noted import fixed_prompts
from app.parts.language_task import LanguageTask
from app.parts.tokens import END, PAD


class WritingOptions(Config):
    """Nothing to choose here: the prompt and the moment are chosen on the page."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A model that writes to fixed prompts, token by token."""
    return {"shown_rows", "shown_odds", "shown_draws"} <= set(algorithm.signals)


def compute(subject: Subject, options: WritingOptions) -> Frame:
    """Return odds (F, C, V), draws (F, C) and own (F, C), 1 where the model wrote; the facts hold prompts and tokens."""
    task, signals = subject.environment, subject.agent.signals()
    assert isinstance(task, LanguageTask)
    completions = np.asarray(signals["shown_rows"](), np.int64)[:, task.prompt_columns :]
    signs = task.alphabet.signs()
    written = [[signs[token] for token in row[: _length(row)]] for row in completions]
    meta: dict[str, Any] = {
        "count": len(written),
        "prompts": fixed_prompts(task),
        "tokens": written,
        "signs": signs,
        "parts": list(task.reward_parts),
        "rewards": np.asarray(signals["shown_rewards"](), np.float64).tolist(),
    }
    names = {"odds": "shown_odds", "draws": "shown_draws", "own": "shown_own"}
    return Frame({name: np.asarray(signals[of](), np.float32) for name, of in names.items()}, meta)


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
