"""What the policy does along each axis of the observation, the other dimensions held where the visited states have them.

Lines are probabilities of actions, the mean of a Gaussian with a band of one deviation, or action values. L points of a
line, A actions or numbers of an action, K visited states, H bins.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config
from app.core.specs import AlgorithmSpec, Axis, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _

F32 = NDArray[np.float32]
POINTS, BINS, MOST_AXES, MOST_ACTIONS, JUDGED = 61, 20, 6, 4, 500
WAYS = {"policy_at", "action_at", "q_at"}


class SlicesOptions(Config):
    """Nothing to choose: there is one slice for each axis."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """Axes of a continuous observation, and an agent with a policy or action values."""
    return bool(environment.axes) and bool(WAYS & set(algorithm.signals))


def compute(subject: Subject, options: SlicesOptions) -> Frame:
    """Return for axis i: x{i} (L,), y{i}_{a} (L,) of every action a, with low{i}_{a} and high{i}_{a} where there is a band;
    where a critic judges actions of continuous numbers, action{a} and q{a} (L,); over the visited states bins and share_{a} (H,)."""
    spec, signals = subject.environment_spec, subject.agent.signals()
    visited = np.asarray(spec.placed(signals["visited"]()), np.float64)
    held = np.median(visited, axis=0) if len(visited) else np.array([axis.middle for axis in spec.axes])
    arrays: dict[str, Any] = {}
    figures = []
    for index, axis in enumerate(spec.axes[:MOST_AXES]):
        points = np.tile(held, (POINTS, 1))
        points[:, index] = np.linspace(axis.low, axis.high, POINTS)
        arrays[f"x{index}"] = points[:, index]
        seen = np.asarray(spec.seen(points.astype(np.float32)), np.float32)
        figures.append(_slice(subject, seen, arrays, index, axis))
    if "q_along_at" in signals:
        seen = np.asarray(spec.seen(np.asarray(held, np.float32)[None, :]), np.float32)
        figures += _along_actions(subject, seen, arrays)
    if len(visited):
        figures.append(_over_visited(subject, arrays))
    others = ", ".join(
        f"{axis.name} {value:.3g}".replace("-", "−") for axis, value in zip(spec.axes, held, strict=False)
    )
    words = _("held where not on the axis, the medians of the visited states: {others}").format(others=others)
    return Frame(
        {name: np.asarray(array, np.float32) for name, array in arrays.items()}, {"figures": figures, "words": words}
    )


def _slice(subject: Subject, seen: F32, arrays: dict[str, Any], index: int, axis: Axis) -> dict[str, Any]:
    """Add the lines of one axis to the arrays and return its figure."""
    columns, names, unit = _judged(subject, seen)
    marks: list[dict[str, Any]] = []
    deviations = subject.agent.signals().get("action_std_at")
    for action, name in enumerate(names):
        middle = columns[:, action]
        arrays[f"y{index}_{action}"] = middle
        marks.append({"kind": "line", "x": f"x{index}", "y": f"y{index}_{action}", "color": action, "name": name})
        if deviations is not None:
            spread = np.asarray(deviations(seen))[:, action]
            arrays[f"high{index}_{action}"], arrays[f"low{index}_{action}"] = middle + spread, middle - spread
            band = {"kind": "band", "x": f"x{index}", "y": f"high{index}_{action}", "low": f"low{index}_{action}"}
            marks.append({**band, "color": action})
    is_share = "policy_at" in subject.agent.signals()
    return {
        "title": _("Along {axis}").format(axis=axis.name),
        "words": "",
        "x": {"label": f"{axis.name} ({axis.unit})" if axis.unit else axis.name, "low": axis.low, "high": axis.high},
        "y": {"label": unit, **({"low": 0.0, "high": 1.0} if is_share else {})},
        "marks": marks,
    }


def _along_actions(subject: Subject, seen: F32, arrays: dict[str, Any]) -> list[dict[str, Any]]:
    """Add what the critic says of other actions at one observation (1, D) than the actor's, and return the figures."""
    signals, bounds = subject.agent.signals(), subject.environment.action_bounds
    q, chosen = np.asarray(signals["q_along_at"](seen))[0], np.asarray(signals["action_at"](seen))[0]
    words = (
        _("What the first critic says of other actions there; the actor is to stand at the top.")
        if "train/q_gap" in subject.algorithm.emits
        else _("What the critic says of other actions there; the actor is to stand at the top.")
    )
    figures = []
    for number, name in enumerate(subject.environment_spec.actions[:MOST_ACTIONS]):
        low, high = (-1.0, 1.0) if bounds is None else (float(bound) for bound in bounds[number])
        arrays[f"action{number}"], arrays[f"q{number}"] = np.linspace(low, high, q.shape[1]), q[number]
        figures.append({
            "title": _("Q along {action}").format(action=name),
            "words": words,
            "x": {"label": name, "low": low, "high": high},
            "y": {"label": _("action value Q (reward)")},
            "marks": [{"kind": "line", "x": f"action{number}", "y": f"q{number}", "color": number}],
            "rules": [{"x": float(chosen[number]), "label": _("the actor's choice")}],
        })  # fmt: skip
    return figures


def _over_visited(subject: Subject, arrays: dict[str, Any]) -> dict[str, Any]:
    """Add how the visited states are spread over what is judged of them, and return the figure."""
    columns, names, unit = _judged(subject, _sample(subject))
    is_share = "policy_at" in subject.agent.signals()
    low, high = (0.0, 1.0) if is_share else (float(columns.min()), float(columns.max()))
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    arrays["bins"] = (edges[:-1] + edges[1:]) / 2
    for action in range(len(names)):
        arrays[f"share_{action}"] = np.histogram(columns[:, action], edges)[0] / len(columns)
    return {
        "title": _("Over the visited states"),
        "words": _("How often each number occurred over {count} states visited lately.").format(count=len(columns)),
        "x": {"label": unit, "low": float(edges[0]), "high": float(edges[-1])},
        "y": {"label": _("share of the states"), "low": 0.0},
        "marks": [
            {"kind": "line", "x": "bins", "y": f"share_{action}", "color": action, "name": name}
            for action, name in enumerate(names)
        ],
    }


def _sample(subject: Subject) -> F32:
    """Return visited observations spread evenly over those that are remembered (K, D)."""
    visited = np.asarray(subject.agent.signals()["visited"](), np.float32)
    return visited[:: -(-len(visited) // JUDGED)]


def _judged(subject: Subject, observations: F32) -> tuple[NDArray[np.float64], list[str], str]:
    """Return a column for each action (B, A), the names of the columns, and the unit."""
    signals, names = subject.agent.signals(), list(subject.environment_spec.actions)
    if "policy_at" in signals:
        return np.asarray(signals["policy_at"](observations), np.float64), names, _("probability")
    if "action_at" in signals:
        has_band = "action_std_at" in signals
        unit = _("likeliest action, band: one deviation") if has_band else _("the actor's action")
        return np.asarray(signals["action_at"](observations), np.float64), names, unit
    return np.asarray(signals["q_at"](observations), np.float64), names, _("action value Q (reward)")


SPEC = PanelSpec(
    id="slices",
    name=_("The policy, axis by axis"),
    summary=_("Action probabilities, a Gaussian's mean and deviation, or action values along each axis and over the visited states."),
    element="figure-set",
    version=1,
    options=SlicesOptions,
    fits=fits,
    compute=compute,
    order=5,
)  # fmt: skip
