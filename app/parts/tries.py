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
    """Return how many of T tries at each of F held-out prompts are right (F,), always the same prompts and draws.

    A small task has fewer than `prompts` that are held out: each is asked once.
    """
    asked = list(dict.fromkeys(task.prompts((np.arange(prompts) + 0.5) / prompts, held_out=True)))
    rows = complete(model, task.encoded(asked), turns=task.turns, group=tries, random=Stream(0, "tries"))
    each = [prompt for prompt in asked for _copy in range(tries)]
    is_right = task.is_right(task.rewards(each, rows.completions))
    return np.asarray(is_right.reshape(len(asked), tries).sum(axis=1), np.int64)
