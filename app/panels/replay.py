"""What a replay buffer holds: how far it covers the observations, and from when.

K transitions spread evenly over the buffer, H bins of age.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _

F64 = NDArray[np.float64]
CELLS = 16


class ReplayOptions(Config):
    """Nothing to choose: the axes are the two most telling ones."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A replay buffer of observations with at least two axes."""
    return len(environment.axes) >= 2 and {"replay_observations", "replay_ages"} <= set(algorithm.signals)


def compute(subject: Subject, options: ReplayOptions) -> Frame:
    """Return across, up and youth (K,), 1 for the newest and 0 for the oldest; parts and cover of the buffer by age."""
    spec, signals = subject.environment_spec, subject.agent.signals()
    ages = np.asarray(signals["replay_ages"](), np.float64)
    if not len(ages):
        return Frame({}, {})
    points = np.asarray(spec.placed(signals["replay_observations"]()), np.float64)
    x, y = spec.axes[spec.shown_axes[0]], spec.axes[spec.shown_axes[1]]
    across, up = points[:, spec.shown_axes[0]], points[:, spec.shown_axes[1]]
    places = np.stack([_cells(across, x.low, x.high), _cells(up, y.low, y.high)])
    oldest = float(ages.max()) or 1.0
    parts = np.array_split(np.argsort(ages, kind="stable"), 5)
    arrays = {
        "across": across,
        "up": up,
        "youth": 1 - ages / oldest,
        "middles": np.array([ages[part].mean() if len(part) else 0.0 for part in parts]),
        "cover": np.array([_covered(places[:, part]) for part in parts]),
    }
    facts = {
        "share": f"{100 * _covered(places):.0f}",
        "oldest": f"{oldest:,.0f}".replace(",", "\u202f"),
        "cells": CELLS * CELLS,
    }
    figures: list[dict[str, Any]] = [
        {
            "title": _("Where the remembered steps lie"),
            "words": _("Bright: new, dark: old (up to {oldest} steps). They touch {share} % of {cells} cells.").format(**facts),
            "x": {"label": f"{x.name} ({x.unit})" if x.unit else x.name, "low": x.low, "high": x.high},
            "y": {"label": f"{y.name} ({y.unit})" if y.unit else y.name, "low": y.low, "high": y.high},
            "marks": [{"kind": "dots", "x": "across", "y": "up", "shade": "youth"}],
        },
        {
            "title": _("Coverage by age"),
            "words": _("Share of the cells that each fifth of the buffer touches; falling towards new means that exploration narrows."),
            "x": {"label": _("mean age (env steps)")},
            "y": {"label": _("share of the cells"), "low": 0.0},
            "marks": [{"kind": "line", "x": "middles", "y": "cover"}, {"kind": "dots", "x": "middles", "y": "cover"}],
        },
    ]  # fmt: skip
    return Frame({name: np.asarray(array, np.float32) for name, array in arrays.items()}, {"figures": figures})


def _cells(values: F64, low: float, high: float) -> NDArray[np.int64]:
    """Return in which of the cells between the bounds each value lies; what lies beyond is in the outermost."""
    return np.clip((values - low) / (high - low) * CELLS, 0, CELLS - 1).astype(np.int64)


def _covered(places: NDArray[np.int64]) -> float:
    return len(np.unique(places, axis=1).T) / CELLS**2


SPEC = PanelSpec(
    id="replay",
    name=_("What the replay buffer holds"),
    summary=_("How far the remembered steps cover the observations, and how old they are."),
    element="figure-set",
    version=1,
    options=ReplayOptions,
    fits=fits,
    compute=compute,
    order=7,
)
