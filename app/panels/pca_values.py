r"""The value map of an observation of many numbers: V over the plane in which the states visited lately differ most.

With m the mean of the visited observations o_k and C their covariance, the unit vectors u_1, u_2, … are the eigenvectors of C
in the order of their eigenvalues λ_1 ≥ λ_2 ≥ …, the principal components. They come from the singular values s_i of the
observations without their mean, λ_i = s_i² / (K − 1). A point (a, b) of the map is the observation

    o(a, b) = m + a u_1 + b u_2,                              (1)

where V is asked, or max Q. A visited state lies at a_k = u_1·(o_k − m), b_k = u_2·(o_k − m), which leaves out what it is off
the plane, and component i carries the share λ_i / Σ_j λ_j of the variance. Numbers count in the units in which they are seen,
so one of a wide range weighs more. A component and its negative are the same; the one whose largest loading is positive is
drawn, so that the map does not turn over between two pictures.

The components belong to states that are not part of stored weights: of the past there are the pictures that were stored.
K visited observations, D observation size, P points along each axis.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _, grouped

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
VALUES = {"v_at", "q_at"}
FEW_AXES = 8  # up to which two of them, the others held, still show an observation
POINTS, MOST_STATES, HEAVIEST, MARGIN = 41, 1_000, 3, 0.15


class PcaOptions(Config):
    """Nothing to choose: the visited states say which plane it is."""


@dataclass(frozen=True)
class Plane:
    """The plane of the first two principal components: mean (D,), components (2, D), shares (2,) of the variance."""

    mean: F64
    components: F64
    shares: F64

    def projected(self, observations: F64) -> F64:
        """Return where observations (K, D) lie on the plane (K, 2)."""
        places: F64 = (observations - self.mean) @ self.components.T
        return places

    def lifted(self, places: F64) -> F32:
        """Return the observations (B, D) of places (B, 2) of the plane."""
        return np.asarray(self.mean + places @ self.components, np.float32)  # (1)


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """An agent with values that remembers states of many numbers, or of numbers without declared axes."""
    is_wide = environment.kind == "continuous" and not 0 < len(environment.axes) <= FEW_AXES
    return is_wide and "visited" in algorithm.signals and bool(VALUES & set(algorithm.signals))


def compute(subject: Subject, options: PcaOptions) -> Frame:
    """Return values and action (P, P), the second component upwards, and visited (K, 2); nothing before two states differ.

    The action is the number of the likeliest one, or the first of an action made of continuous numbers.
    """
    signals, spec = subject.agent.signals(), subject.environment_spec
    seen = _spread(np.asarray(signals["visited"](), np.float64))
    plane = plane_of(seen)
    if plane is None:
        return Frame({}, {})
    visited = plane.projected(seen)
    (left, right), (bottom, top) = (_range(places) for places in visited.T)
    across, up = np.linspace(left, right, POINTS), np.linspace(bottom, top, POINTS)
    values, actions = [], []
    for height in up:  # a row at a time: an observation may be long
        row = plane.lifted(np.stack([across, np.full(POINTS, height)], axis=1))
        values.append(_values(signals, row))
        actions.append(_actions(signals, row))
    shares = [_percent(share) for share in plane.shares]
    first, second = _("First component ({share})"), _("Second component ({share})")
    name = "V = max Q" if "q_at" in signals else "V"
    meta: dict[str, Any] = {
        "x": {"name": first.format(share=shares[0]), "unit": "", "low": left, "high": right},
        "y": {"name": second.format(share=shares[1]), "unit": "", "low": bottom, "high": top},
        "at": {},
        "axes": [],
        "actions": list(spec.actions),
        "layer": {"id": "v", "name": name, "signed": False},
        "layers": [{"id": "v", "name": name}],
        "words": _words(plane, _names(spec, len(plane.mean)), len(seen)),
    }
    bounds = subject.environment.action_bounds
    if bounds is not None:
        low, high = (float(bound) for bound in bounds[0])
        meta["action"] = {"name": spec.actions[0], "low": low, "high": high}
    return Frame({"values": np.stack(values), "action": np.stack(actions), "visited": visited.astype(np.float32)}, meta)


def plane_of(observations: F64) -> Plane | None:
    """Return the plane of the first two principal components of observations (K, D); None where they do not differ."""
    if min(observations.shape) < 2:
        return None
    mean = observations.mean(axis=0)
    _left, sizes, components = np.linalg.svd(observations - mean, full_matrices=False)
    variances = np.square(sizes)
    if not variances[0] > 0:
        return None
    first_two = components[:2]
    largest = np.abs(first_two).argmax(axis=1)
    signs = np.where(first_two[[0, 1], largest] < 0, -1.0, 1.0)
    return Plane(mean, first_two * signs[:, None], variances[:2] / variances.sum())


def heaviest(component: F64, names: list[str]) -> str:
    """Name the numbers that weigh most in a component (D,), each with its loading.

    >>> heaviest(np.array([0.6, 0.0, -0.8]), ["height", "angle", "speed"])
    'speed (−0.80); height (0.60)'
    """
    order = np.argsort(-np.abs(component), kind="stable")[:HEAVIEST]
    found = [(names[number], float(component[number])) for number in order if abs(component[number]) > 1e-9]
    return "; ".join("{} ({})".format(name, f"{weight:.2f}".replace("-", "−")) for name, weight in found)


def _spread(observations: F64) -> F64:
    """Return at most so many of the observations, spread evenly over them."""
    return observations[:: max(1, -(-len(observations) // MOST_STATES))]


def _range(places: F64) -> tuple[float, float]:
    low, high = float(places.min()), float(places.max())
    margin = MARGIN * (high - low) or 1.0
    return low - margin, high + margin


def _values(signals: Any, observations: F32) -> F32:
    """Return V (B,), the largest Q where there are action values."""
    values = (
        np.asarray(signals["q_at"](observations)).max(axis=1) if "q_at" in signals else signals["v_at"](observations)
    )
    return np.asarray(values, np.float32)


def _actions(signals: Any, observations: F32) -> F32:
    """Return the number of the likeliest action (B,), or the first number of an action made of several."""
    if "action_at" in signals:
        return np.asarray(signals["action_at"](observations), np.float32)[:, 0]
    judged: Callable[[F32], Any] = signals["q_at"] if "q_at" in signals else signals["policy_at"]
    return np.asarray(np.asarray(judged(observations)).argmax(axis=1), np.float32)


def _names(spec: EnvironmentSpec, size: int) -> list[str]:
    if len(spec.axes) == size:
        return [axis.name for axis in spec.axes]
    return [_("Number {number}").format(number=number) for number in range(1, size + 1)]


def _words(plane: Plane, names: list[str], count: int) -> str:
    sentences = (
        _("The plane in which {count} states visited lately differ most."),
        _("First component, {share} of the variance, mostly: {first}."),
        _("Second component, {other_share}, mostly: {second}."),
        _("Points off the dots are states the agent never saw, where the value is a guess."),
        _("A dot shows where a state lies along the plane; how far it is off the plane, {rest} of the variance, is not drawn."),
    )  # fmt: skip
    first, second = (heaviest(component, names) for component in plane.components)
    share, other_share = (_percent(one) for one in plane.shares)
    rest = _percent(1 - float(plane.shares.sum()))
    return " ".join(sentences).format(
        count=grouped(count), share=share, first=first, other_share=other_share, second=second, rest=rest
    )


def _percent(share: float) -> str:
    return f"{100 * abs(share):.0f} %"


SPEC = PanelSpec(
    id="pca_values",
    name=_("Value map of the visited states"),
    summary=_("The value function over the two directions in which the states visited lately differ most."),
    element="plane-map",
    version=1,
    options=PcaOptions,
    fits=fits,
    compute=compute,
    order=1,
)
