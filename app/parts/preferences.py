"""Pairs of completions of one prompt, one of which is preferred: how they are written and chosen, and what is seen of them.

Of the completions of each prompt, the one that earned most and the one that earned least make a pair; a prompt whose completions
all earned the same makes none. A rater may err: with probability `label_noise` a pair is labelled the wrong way round.
K prompts, G completions of each, N pairs, L columns, C completion columns.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.config import Hyper
from app.core.errors import InvalidInput
from app.core.randomness import Stream
from app.core.text import _
from app.parts.language_task import LanguageTask
from app.parts.reinforced import ReinforcedChoices, Written, is_telling
from app.parts.sampling import Rows
from app.parts.tokens import END, END_SIGN, PAD

Array = NDArray[Any]
PAIR_SIGNALS = ("pair_rows", "pair_numbers")
SHOWN_PAIRS = 32


class PairChoices(ReinforcedChoices):
    """The hyperparameters of writing pairs."""

    # fmt: off
    group_size: int = Hyper(8, low=2, high=64, unit=_("completions"), symbol="G", live="update",
        help=_("Completions of each prompt, of which the best and the worst make a pair: raising it makes pairs clearer."))
    label_noise: float = Hyper(0.0, low=0, high=1, live="update",
        help=_("Probability that the rater prefers the wrong one: raising it makes preferences less telling."))
    # fmt: on


class Pairs(NamedTuple):
    """Row numbers of the preferred and the other completion (N,) int64, among the B rows they were chosen from."""

    chosen: Array
    rejected: Array

    def __len__(self) -> int:
        return len(self.chosen)


def best_and_worst(rewards: Array, *, label_noise: float, random: Stream) -> Pairs:
    """Return a pair of each group of rewards (K, G) that holds different ones, labelled by a rater who may err."""
    first = np.arange(len(rewards)) * rewards.shape[1]
    chosen, rejected = first + rewards.argmax(axis=1), first + rewards.argmin(axis=1)
    is_wrong = random.uniforms(len(rewards)) < label_noise
    chosen, rejected = np.where(is_wrong, rejected, chosen), np.where(is_wrong, chosen, rejected)
    kept = is_telling(rewards)
    return Pairs(chosen[kept], rejected[kept])


def rows_of(rows: Rows, pairs: Pairs) -> Rows:
    """Return the rows of the pairs (2N, L): each preferred one before its other, so that their prompt is read once."""
    order = np.stack([pairs.chosen, pairs.rejected], axis=1).ravel()
    return Rows(rows.tokens[order], rows.prompt_columns, rows.own[order], rows.log_probs[order], group=2)


def stored_rows(task: LanguageTask, labels: Mapping[str, Any]) -> tuple[Array, Array]:
    """Return pairs that a rater has judged: rows (2N, L), the preferred one first, and how much it is preferred (N,).

    Args:
        labels: {texts: JSON of [[prompt, left, right]], shares (N,)}; a share of 1 prefers the left one, ½ neither.

    Raises:
        InvalidInput: a text has a foreign character or is too long for the task.
    """
    texts, shares = json.loads(labels["texts"]), np.asarray(labels["shares"], np.float64)
    rows = np.full((2 * len(texts), task.observation_size), PAD, np.int64)
    for number, (prompt, left, right) in enumerate(texts):
        first = (left, right) if shares[number] >= 0.5 else (right, left)
        for place, text in enumerate(first):
            row = rows[2 * number + place]
            row[: task.prompt_columns] = task.encoded([prompt])[0]
            tokens = task.alphabet.encode(text.removesuffix(END_SIGN), "completion") + [END] * text.endswith(END_SIGN)
            if len(tokens) > task.completion_columns:
                rule = _("has more than {count} tokens").format(count=task.completion_columns)
                raise InvalidInput.one("labels", text, rule, _("Learn from labels of a run of the same task."))
            row[task.prompt_columns : task.prompt_columns + len(tokens)] = tokens
    return rows, np.maximum(shares, 1 - shares)


def written_of(task: LanguageTask, tokens: Array) -> tuple[Written, Pairs]:
    """Return rows of pairs (2N, L), the preferred ones first, as if they had just been written, and the pairs."""
    prompts = [task.alphabet.decode(row[: task.prompt_columns]) for row in tokens]
    own = task.own(tokens)
    rows = Rows(tokens, task.prompt_columns, own, np.zeros(own.shape, np.float32), group=2)
    parts = task.rewards(prompts, rows.completions)
    order = np.arange(len(tokens))
    return Written(prompts, rows, parts, parts.sum(axis=1), len(tokens) // 2), Pairs(order[0::2], order[1::2])


def apart(values: Any) -> tuple[Any, Any]:
    """Return what belongs to the preferred and to the other completions (N,) of (2N,), an array or a tensor."""
    return values[0::2], values[1::2]


class PairsNoted:
    """The pairs of the last update, for pictures alone."""

    def __init__(self) -> None:
        self._rows = np.zeros((0, 2, 1), np.int64)
        self._numbers = np.zeros((0, 5))

    def update(self, written: Written, pairs: Pairs, scores: Array) -> None:
        """Keep pairs and what the model's own reward says of their rows (2N,)."""
        tokens, earned = written.rows.tokens, written.true_rewards
        chosen, rejected = apart(np.asarray(scores, np.float64))
        self._rows = np.stack([tokens[pairs.chosen], tokens[pairs.rejected]], axis=1)
        columns = (earned[pairs.chosen], earned[pairs.rejected], chosen, rejected, chosen - rejected)
        self._numbers = np.stack(columns, axis=1)

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for."""
        return {
            "pair_rows": lambda: self._rows[:SHOWN_PAIRS],
            "pair_numbers": lambda: self._numbers[:SHOWN_PAIRS],
        }


def pair_measures(scores: Array) -> dict[str, float]:
    """Return how the model's own reward tells N pairs apart (2N,), as TRL names it; nothing without pairs."""
    chosen, rejected = apart(np.asarray(scores, np.float64))
    if not len(chosen):
        return {}
    return {
        "rewards/chosen": float(chosen.mean()),
        "rewards/rejected": float(rejected.mean()),
        "rewards/margins": float((chosen - rejected).mean()),
        "rewards/accuracies": float((chosen > rejected).mean()),
    }
