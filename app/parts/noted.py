"""What the last update saw, kept for pictures alone: training never reads it, and a checkpoint holds no more than where it began.

Only references to arrays that the update made anyway are kept, so it costs next to nothing.
B samples, K columns, D observation size, A numbers of an action, M samples judged in all passes of an update.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Tree

Array = NDArray[Any]

SAVED = 25_600  # parameters that a state holds at most for pictures: 100 KB
RECENT = 512  # steps of each environment over which rollouts are kept: time for an episode to end
MINIBATCH_SIGNALS = ("minibatch", "minibatch_observations", "minibatch_actions")
NOTED_SIGNALS = (*MINIBATCH_SIGNALS, "settings_used")
SETTINGS = ("gamma", "gae_lambda", "clip_range", "clip", "target_kl", "use_target_network", "use_twin")


class Noted:
    """The numbers of the last minibatch, and the log-ratios of all passes over the last rollout.

    Attributes:
        before: the policy's parameters before the last update (P,); empty before the first.
    """

    def __init__(self) -> None:
        self._columns: Callable[[], Mapping[str, Any]] = dict
        self._observations, self._actions = np.zeros((0, 1), np.float32), np.zeros((0, 1))
        self._passes: list[list[tuple[Array, Array]]] = []
        self._rollouts: deque[Array] = deque()
        self._discount: float | None = None  # of these rollouts
        self._settings: dict[str, float] = {}
        self.before = np.zeros(0, np.float32)

    def minibatch(self, observations: Array, actions: Array, columns: Callable[[], Mapping[str, Any]]) -> None:
        """Keep what a minibatch consisted of and what was computed from it.

        Args:
            observations: (B, D); actions: (B,) or (B, A).
            columns: called when a picture is wanted, gives name → an array (B,), or one number for all, in the order
                that the algorithm's SPEC names.
        """
        self._columns, self._observations, self._actions = columns, observations, actions

    def use(self, **settings: float) -> None:
        """Keep what an update took for some of `SETTINGS`: a live edit or a schedule may change them before the picture is drawn."""
        if unknown := settings.keys() - set(SETTINGS):
            raise ValueError(f"{sorted(unknown)}: not among {SETTINGS}")
        self._settings |= settings

    def begin_pass(self, number: int) -> None:
        """Begin a pass over the rollout, counted from 0; the first forgets those of the update before."""
        self._passes = [*self._passes[:number], []]

    def ratios(self, log_ratio: Array, slopes: Array) -> None:
        """Keep the log-ratios, which say how far where a ratio is too small for a float, and the gradients of the log-probabilities of a minibatch, each (B,)."""
        if self._passes:
            self._passes[-1].append((log_ratio, slopes))

    def rollout(self, *columns: Array) -> None:
        """Keep rewards, values, what followed, terminated, truncated and advantages of a rollout, each (T, N).

        As many of the rollouts before are kept as `RECENT` steps reach back, all under one discount: what a value of a rollout
        under another was meant to be, no return under this one tells.
        """
        if self._settings.get("gamma") != self._discount:
            self._rollouts.clear()
            self._discount = self._settings.get("gamma")
        self._rollouts.append(np.stack(columns, axis=2).astype(np.float64))
        while sum(map(len, self._rollouts)) - len(self._rollouts[0]) >= RECENT:
            self._rollouts.popleft()

    def table(self) -> Array:
        """Return the columns side by side (B, K) float64."""
        count = len(self._observations)
        columns = [np.broadcast_to(np.asarray(column, np.float64), count) for column in self._columns().values()]
        return np.stack(columns, axis=1) if columns else np.zeros((0, 0))

    def passes(self) -> Array:
        """Return pass, log-ratio and gradient of every sample judged in the last update (M, 3) float64."""
        parts = [
            np.stack([np.full(len(log_ratio), number), log_ratio, slopes], axis=1)
            for number, minibatches in enumerate(self._passes)
            for log_ratio, slopes in minibatches
        ]
        return np.concatenate(parts) if parts else np.zeros((0, 3))

    def trajectories(self) -> Array:
        """Return the columns of `rollout` of the last rollout, environment by environment (N, T, 6) float64."""
        return self._rollouts[-1].swapaxes(0, 1) if self._rollouts else np.zeros((0, 0, 6))

    def recent(self) -> Array:
        """Return the same of the rollouts that are kept, one after the other (N, K, 6)."""
        kept = np.concatenate(self._rollouts) if self._rollouts else np.zeros((0, 0, 6))
        return kept.swapaxes(0, 1)

    def settings(self) -> Array:
        """Return the numbers of `SETTINGS` that the last update took, 0 for those it has not (K,); nothing (0,) before the first."""
        return np.array([self._settings.get(name, 0.0) for name in SETTINGS if self._settings], np.float64)

    def state(self) -> Tree:
        """Return where the last update began, where that is not too much: a saved state still shows how far it went."""
        return {"before": self.before[: len(self.before) * (len(self.before) <= SAVED)].copy()}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned; all else is empty until the next update."""
        self.before = np.array(tree.get("before", ()), np.float32)

    def signals(self) -> dict[str, Callable[..., Array]]:
        """Return the signals of the last minibatch, and the settings that were used."""
        return {
            "minibatch": self.table,
            "minibatch_observations": lambda: self._observations,
            "settings_used": self.settings,
            "minibatch_actions": lambda: self._actions.reshape(len(self._actions), math.prod(self._actions.shape[1:])),
        }


def settings_used(signals: Mapping[str, Callable[..., Array]]) -> dict[str, float]:
    """Return name → number of what the last update took for `SETTINGS`; nothing before the first, or where none are kept."""
    numbers = signals["settings_used"]().tolist() if "settings_used" in signals else []
    return dict(zip(SETTINGS, numbers, strict=False))
