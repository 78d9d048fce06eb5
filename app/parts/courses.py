"""Courses of observations drawn over time, the real one beside what was made of it: the arrays and figures of a panel.

L courses, the real one first, K + 1 points of time, D observation size.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.specs import EnvironmentSpec
from app.core.text import _

Array = NDArray[Any]
MOST_AXES = 6


def course_figures(
    courses: Array, spec: EnvironmentSpec, names: Sequence[str]
) -> tuple[dict[str, Array], list[dict[str, Any]]]:
    """Return arrays t (K + 1,) and c{axis}_{course} (K + 1,), and a figure for each axis of the environment.

    A course that leaps across half an axis is an angle that went once around; the line is broken there.
    """
    points = np.stack([np.asarray(spec.placed(course), np.float64) for course in courses])
    arrays: dict[str, Array] = {"t": np.arange(points.shape[1], dtype=np.float32)}
    figures = []
    for index, axis in enumerate(spec.axes[:MOST_AXES]):
        marks = []
        for number, name in enumerate(names):
            line = points[number, :, index].astype(np.float32)
            leaps = np.flatnonzero(np.abs(np.diff(line)) > (axis.high - axis.low) / 2)
            line[leaps + 1] = np.nan
            arrays[f"c{index}_{number}"] = line
            mark = {"kind": "line", "x": "t", "y": f"c{index}_{number}", "color": number, "name": name}
            marks.append(mark if number == 0 else {**mark, "dash": True})
        figures.append({
            "title": axis.name,
            "words": "",
            "x": {"label": _("steps from the start of the stretch")},
            "y": {"label": axis.unit},
            "marks": marks,
        })  # fmt: skip
    return arrays, figures
