"""Two completions of each of some training prompts, as the model draws them now: what a person may be asked to compare.

K prompts, R = 2K rows, neighbours of which have the same prompt; L columns of a row.
"""

from typing import Any

import numpy as np

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.panels.completions import written
from app.parts.language_task import LanguageTask


class DraftsOptions(Config):
    """Nothing to choose: prompts and draws are always the same."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A model that writes."""
    return "shown_drafts" in algorithm.signals


def compute(subject: Subject, options: DraftsOptions) -> Frame:
    """Return a table in the facts: prompt, two completions, and what each earned."""
    task = subject.environment
    assert isinstance(task, LanguageTask)
    rows = np.asarray(subject.agent.signals()["shown_drafts"](), np.int64)
    completions = rows[:, task.prompt_columns :]
    prompts = [task.alphabet.decode(row[: task.prompt_columns]) for row in rows]
    earned = task.rewards(prompts, completions).sum(axis=1).tolist()
    texts = [written(row, task.alphabet) for row in completions]
    table: list[list[Any]] = [
        [prompts[row], texts[row], earned[row], texts[row + 1], earned[row + 1]] for row in range(0, len(rows), 2)
    ]
    columns = [
        {"label": _("Prompt"), "kind": "text"},
        {"label": _("One try"), "kind": "text"},
        {"label": _("earns"), "kind": "share"},
        {"label": _("Another"), "kind": "text"},
        {"label": _("earns"), "kind": "share"},
    ]
    same = sum(row[1] == row[3] for row in table)
    words = _(
        "{same} of {count} prompts get the same completion twice; prompts of the training, always the same"
    ).format(same=same, count=len(table))
    return Frame({}, {"columns": columns, "rows": table, "words": words, "most": task.passes})


SPEC = PanelSpec(
    id="drafts",
    name=_("Two tries at each prompt"),
    summary=_("Two completions of each of some training prompts: how much they vary, and what a person can compare."),
    element="text-table",
    version=1,
    options=DraftsOptions,
    fits=fits,
    compute=compute,
    order=6,
)
