"""What a language model writes to a few prompts that are always the same, now and when its stage began.

F fixed prompts, L columns of a row.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.language_noted import fixed_prompts
from app.parts.language_task import LanguageTask
from app.parts.tokens import END, END_SIGN, Alphabet


class CompletionsOptions(Config):
    """Nothing to choose: the prompts are always the same."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A model that writes to fixed prompts."""
    return {"shown_rows", "shown_rewards"} <= set(algorithm.signals)


def compute(subject: Subject, options: CompletionsOptions) -> Frame:
    """Return a table in the facts: prompt, what is written now and earns, part by part, and what was before."""
    task, signals = subject.environment, subject.agent.signals()
    assert isinstance(task, LanguageTask)
    columns = [{"label": _("Prompt"), "kind": "text"}]
    parts: list[list[Any]] = [[prompt] for prompt in fixed_prompts(task)]
    rewards = np.asarray(signals["shown_rewards"]())
    columns += [{"label": _("Now"), "kind": "text"}, {"label": _("earns"), "kind": "share"}]
    _append(parts, _texts(signals["shown_rows"](), task), rewards.sum(axis=1).tolist())
    columns += [{"label": name, "kind": "number"} for name in task.reward_parts]
    _append(parts, *rewards.T.tolist())
    if "shown_rows_before" in signals:
        columns += [
            {"label": _("Before this stage"), "kind": "text"},
            {"label": _("earned"), "kind": "share"},
        ]
        earned = np.asarray(signals["shown_rewards_before"]()).sum(axis=1)
        _append(parts, _texts(signals["shown_rows_before"](), task), earned.tolist())
    right = int(task.is_right(rewards).sum())
    words = _("{right} of {count} prompts right; always the same prompts, never trained on, and the same draws").format(
        right=right, count=len(parts)
    )
    return Frame({}, {"columns": columns, "rows": parts, "words": words, "most": task.passes})


def _texts(rows: NDArray[Any], task: LanguageTask) -> list[str]:
    return [written(row[task.prompt_columns :], task.alphabet) for row in rows]


def written(tokens: NDArray[Any], alphabet: Alphabet) -> str:
    """Return a completion as text, with the sign of its end where it ended."""
    return alphabet.decode(tokens) + (END_SIGN if (tokens == END).any() else "")


def _append(parts: list[list[Any]], *columns: list[Any]) -> None:
    for row, values in zip(parts, zip(*columns, strict=True), strict=True):
        row += values


SPEC = PanelSpec(
    id="completions",
    name=_("What it writes"),
    summary=_("Completions of a few held-out prompts, before this stage and now, with the parts of the reward."),
    element="text-table",
    version=1,
    options=CompletionsOptions,
    fits=fits,
    compute=compute,
    order=1,
)
