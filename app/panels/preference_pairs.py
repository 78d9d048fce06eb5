"""The pairs of the last update: the preferred and the other completion, what each earned, and how the model tells them apart.

R pairs shown.
"""

from typing import Any

import numpy as np

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.panels.completions import written
from app.parts.language_task import LanguageTask


class PairsOptions(Config):
    """Nothing to choose: the pairs are those of the last update."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """An algorithm that learns from pairs of completions."""
    return {"pair_rows", "pair_numbers"} <= set(algorithm.signals)


def compute(subject: Subject, options: PairsOptions) -> Frame:
    """Return a table in the facts: prompt, both completions, what they earned, the model's reward of each, the margin."""
    task, signals = subject.environment, subject.agent.signals()
    assert isinstance(task, LanguageTask)
    numbers = np.asarray(signals["pair_numbers"](), np.float64)
    rows: list[list[Any]] = []
    for (chosen, rejected), values in zip(np.asarray(signals["pair_rows"]()), numbers.tolist(), strict=True):
        texts = [written(row[task.prompt_columns :], task.alphabet) for row in (chosen, rejected)]
        prompt = task.alphabet.decode(chosen[: task.prompt_columns])
        rows.append([prompt, texts[0], values[0], texts[1], values[1], *values[2:]])
    columns = [
        {"label": _("Prompt"), "kind": "text"},
        {"label": _("Preferred"), "kind": "text"},
        {"label": _("earned"), "kind": "share"},
        {"label": _("Other"), "kind": "text"},
        {"label": _("earned"), "kind": "share"},
        {"label": _("reward, preferred"), "kind": "number"},
        {"label": _("reward, other"), "kind": "number"},
        {"label": _("margin"), "kind": "signed"},
    ]
    told = int((numbers[:, 4] > 0).sum()) if len(numbers) else 0
    words = _("{told} of {count} shown pairs have the preferred one ahead; the margin is what the loss acts on").format(
        told=told, count=len(rows)
    )
    return Frame({}, {"columns": columns, "rows": rows, "words": words, "most": task.passes})


SPEC = PanelSpec(
    id="preference_pairs",
    name=_("Preference pairs"),
    summary=_("Pairs of the last update with the model's own reward of each completion, and their margin."),
    element="text-table",
    version=1,
    options=PairsOptions,
    fits=fits,
    compute=compute,
    order=3,
)
