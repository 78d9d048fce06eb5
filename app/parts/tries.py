"""Many tries at held-out prompts: how often each is answered rightly.

F prompts, T tries of each.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.randomness import Stream
from app.parts.language_task import LanguageTask
from app.parts.pass_at_k import TRIES
from app.parts.sampling import complete
from app.parts.transformer import Transformer

Array = NDArray[Any]
PROMPTS = 64


def right_counts(model: Transformer, task: LanguageTask, *, prompts: int = PROMPTS, tries: int = TRIES) -> Array:
    """Return how many of T tries at each of F held-out prompts are right (F,), always the same prompts and draws."""
    asked = task.prompts((np.arange(prompts) + 0.5) / prompts, held_out=True)
    rows = complete(model, task.encoded(asked), turns=task.turns, group=tries, random=Stream(0, "tries"))
    each = [prompt for prompt in asked for _copy in range(tries)]
    earned = task.rewards(each, rows.completions).sum(axis=1)
    return np.asarray((earned >= task.passes - 1e-9).reshape(prompts, tries).sum(axis=1), np.int64)
