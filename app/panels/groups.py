"""The groups of the last update: the completions of one prompt, what each earned, and what that is worth beside the others.

K groups shown, G completions of each.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.panels.completions import written
from app.parts.language_task import LanguageTask
from app.parts.reinforced import is_telling

Array = NDArray[Any]


class GroupOptions(Config):
    """Nothing to choose here: the group is chosen on the page."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """An algorithm that compares the completions of one prompt."""
    return {"token_rows", "group_rewards", "group_advantages"} <= set(algorithm.signals)


def compute(subject: Subject, options: GroupOptions) -> Frame:
    """Return rewards and advantages (K, G) as the update used them; the facts hold prompts and completions."""
    task, signals = subject.environment, subject.agent.signals()
    assert isinstance(task, LanguageTask)
    rewards = np.asarray(signals["group_rewards"](), np.float64)
    rows = np.asarray(signals["token_rows"](), np.int64)
    size = rewards.shape[1]
    count = len(rows) // size if len(rewards) else 0
    if not count:
        return Frame({}, {"count": 0})
    shown = rows[: count * size]
    texts = [written(row[task.prompt_columns :], task.alphabet) for row in shown]
    meta: dict[str, Any] = {
        "count": count,
        "groups": len(rewards),
        "dead": int((~is_telling(rewards)).sum()),
        "prompts": [task.alphabet.decode(row[: task.prompt_columns]) for row in shown[::size]],
        "texts": [texts[start : start + size] for start in range(0, len(texts), size)],
        "rule": rule_of(rewards, np.asarray(signals["group_advantages"]())),
    }
    arrays = {"rewards": rewards[:count], "advantages": np.asarray(signals["group_advantages"]())[:count]}
    return Frame({name: np.asarray(array, np.float32) for name, array in arrays.items()}, meta)


def rule_of(rewards: Array, advantages: Array) -> str:
    """Return how advantages (K, G) follow from the rewards of a group (K, G), or the empty text where they do not.

    "scaled": less the mean, over the deviation; "centred": less the mean; "others": less the mean of the others.
    """
    telling = is_telling(rewards)
    earned, said = rewards[telling], advantages[telling]
    above = earned - earned.mean(axis=1, keepdims=True)
    rules = {
        "scaled": above / earned.std(axis=1, keepdims=True),
        "centred": above,
        "others": above * rewards.shape[1] / (rewards.shape[1] - 1),
    }
    return next((name for name, expected in rules.items() if np.allclose(expected, said, atol=1e-4)), "")


SPEC = PanelSpec(
    id="groups",
    name=_("Groups"),
    summary=_("Completions of one prompt with their rewards, and the advantages that follow from them."),
    element="group-advantages",
    version=1,
    options=GroupOptions,
    fits=fits,
    compute=compute,
    order=3,
)
