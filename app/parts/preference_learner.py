"""What DPO and IPO share: writing pairs, and reporting what became of them.

N pairs, B rows, L columns.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Problem
from app.core.report import Report
from app.parts.preferences import PAIR_SIGNALS, Pairs, PairsNoted, apart, best_and_worst, pair_measures, rows_of
from app.parts.reinforced import REINFORCED_EMITS, REINFORCED_SIGNALS, ReinforcedLearner, Written
from app.parts.sampling import Rows

Array = NDArray[Any]
_NOT_OF_PAIRS = {"token_rows", "token_numbers", "group_rewards", "group_advantages"}
PREFERENCE_SIGNALS = (*(name for name in REINFORCED_SIGNALS if name not in _NOT_OF_PAIRS), *PAIR_SIGNALS)
PREFERENCE_EMITS = (
    *(name for name in REINFORCED_EMITS if name != "train/entropy"), "train/push", "rewards/chosen", "rewards/rejected",
    "rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected",
)  # fmt: skip


class PreferenceLearner(ReinforcedLearner):
    """A model that learns from pairs of completions."""

    counters: ClassVar[Mapping[str, str]] = {**ReinforcedLearner.counters, "labels_drawn": "label_random"}

    def __init__(self, config: Any, problem: Problem) -> None:
        super().__init__(config, problem)
        self.label_random = problem.stream("labels")
        self.pairs_noted = PairsNoted()

    def write_pairs(self, is_online: bool) -> tuple[Written, Pairs, Rows]:
        """Have completions written by the model, or by the reference, and return them with their pairs and the pairs' rows."""
        written = self.write(self.model if is_online else self.reference)
        pairs = best_and_worst(
            written.group_rewards, label_noise=self.config.label_noise, random=self.label_random
        )  # fmt: skip
        return written, pairs, rows_of(written.rows, pairs)

    def report_pairs(
        self, written: Written, pairs: Pairs, scalars: dict[str, float], *, scores: Array, log_probs: Array
    ) -> Report:
        """Return an update's report; scores and log-probabilities of the pairs' rows are (2N,)."""
        self.pairs_noted.update(written, pairs, scores)
        shown = written if self.config.pairs == "online" else self.write()  # what the model itself writes is measured
        chosen, rejected = apart(log_probs.astype(np.float64))
        said = {"logps/chosen": float(chosen.mean()), "logps/rejected": float(rejected.mean())} if len(pairs) else {}
        return self.report(shown, [scalars | pair_measures(scores) | said])

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for."""
        shared = {name: compute for name, compute in super().signals().items() if name not in _NOT_OF_PAIRS}
        return {**shared, **self.pairs_noted.signals()}
