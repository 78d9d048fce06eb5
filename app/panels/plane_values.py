"""The value map of a continuous state: V over any two axes of the observation, the other dimensions held where you set them.

The states the agent visited lately are laid over it, because a value far from them is extrapolation.
B points = ny·nx, D observation size, K visited observations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config, Hyper
from app.core.contracts import Agent
from app.core.errors import InvalidInput
from app.core.scalars import in_unit
from app.core.specs import AlgorithmSpec, Axis, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _

F32 = NDArray[np.float32]
VALUE_SIGNALS = {"v_at", "q_at", "policy_at"}


class PlaneOptions(Config):
    """Which two axes to draw, and where to hold the others."""

    x: str = Hyper("", max_length=40, help=_("Observation on the horizontal axis; empty is the most telling one."))
    y: str = Hyper("", max_length=40, help=_("Observation on the vertical axis; empty is the most telling other one."))
    at: str = Hyper("", max_length=400, help=_("Values of the other dimensions as name:value, separated by commas."))
    of: str = Hyper(
        "",
        max_length=60,
        help=_("What to draw: V, Q of an action, its probability, a stream of a dueling network; empty is V."),
    )
    action: str = Hyper(
        "", max_length=40, help=_("Which number of a continuous action to draw; empty is the first one.")
    )
    resolution: int = Hyper(48, low=8, high=128, unit="points", help=_("Points per axis; more is finer and slower."))


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A continuous observation of at least two dimensions, and an agent that has values, or probabilities of actions."""
    return len(environment.axes) >= 2 and bool(VALUE_SIGNALS & set(algorithm.signals))


def compute(subject: Subject, options: PlaneOptions) -> Frame:
    """Return values (ny, nx), action (ny, nx) and visited (K, 2) in the units of the two axes.

    The action is the number of the likeliest one, or where it is made of continuous numbers, one of these.
    """
    agent, spec, bounds = subject.agent, subject.environment_spec, subject.environment.action_bounds
    axes = spec.axes
    x = _axis("x", options.x, axes, spec.shown_axes[0])
    y = _axis("y", options.y, axes, next(index for index in reversed(spec.shown_axes) if index != x))
    if x == y:
        raise InvalidInput.one("y", axes[y].name, _("is on the horizontal axis already"), _names(axes))
    held = _held(options.at, axes)
    observations = np.asarray(spec.seen(_mesh(axes, x, y, held, options.resolution)), np.float32)
    number = _number_of_action(options.action, spec)
    layers = _layers(subject)
    layer = _layer(options.of, layers)
    values, actions = np.asarray(layer.compute(observations), np.float32), _actions(agent, observations, number)
    shape = (options.resolution, options.resolution)
    visited = np.asarray(spec.placed(agent.signals()["visited"]()), np.float32)[:, [x, y]]
    meta: dict[str, Any] = {
        "x": _described(axes[x]),
        "y": _described(axes[y]),
        "at": {axis.name: held[i] for i, axis in enumerate(axes) if i not in (x, y)},
        "axes": [_described(axis) for axis in axes],
        "actions": list(spec.actions),
        "layer": {"id": layer.id, "name": layer.name, "signed": layer.is_signed, "unit": layer.unit},
        "layers": [{"id": one.id, "name": one.name} for one in layers],
    }
    if bounds is not None:
        low, high = (float(bound) for bound in bounds[number])
        meta["action"] = {"name": spec.actions[number], "low": low, "high": high}
    return Frame({"values": values.reshape(shape), "action": actions.reshape(shape), "visited": visited}, meta)


def _number_of_action(name: str, spec: EnvironmentSpec) -> int:
    if name and name not in spec.actions:
        known = _("Actions: {names}.").format(names=", ".join(spec.actions))
        raise InvalidInput.one("action", name, _("no such action"), known)
    return spec.actions.index(name) if name else 0


@dataclass(frozen=True)
class Layer:
    """One function of the observation that can be drawn."""

    id: str
    name: str
    compute: Callable[[F32], Any]
    is_signed: bool = False
    unit: str = ""


def _layers(subject: Subject) -> list[Layer]:
    """Return what can be drawn of the agent, its state value first."""
    signals, names = subject.agent.signals(), subject.environment_spec.actions
    unit = in_unit(_("reward"), subject.agent.config.model_dump())
    layers = []
    if "q_at" in signals:
        layers.append(Layer("v", "V = max Q", lambda seen: signals["q_at"](seen).max(axis=1), unit=unit))
    elif "v_at" in signals:
        layers.append(Layer("v", "V", signals["v_at"], unit=unit))
    for source, letter, name, of in (("q_at", "q", "Q", unit), ("policy_at", "p", "π", _("probability"))):
        if source in signals:
            of_actions = (_column(signals[source], i) for i in range(len(names)))
            layers += [
                Layer(f"{letter}:{a}", f"{name}({a})", f, unit=of) for a, f in zip(names, of_actions, strict=True)
            ]
    if "v_part_at" in signals:
        layers.append(Layer("v_part", _("V alone (its stream)"), signals["v_part_at"], unit=unit))
    if "a_part_at" in signals:
        words = _("A({action}) alone (its stream)")
        for i, action in enumerate(names):
            compute = _column(signals["a_part_at"], i)
            layers.append(Layer(f"a_part:{action}", words.format(action=action), compute, is_signed=True, unit=unit))
    return layers


def _column(signal: Callable[..., Any], index: int) -> Callable[[F32], Any]:
    return lambda seen: signal(seen)[:, index]


def _layer(name: str, layers: list[Layer]) -> Layer:
    for layer in layers:
        if name in ("", layer.id):
            return layer
    known = _("Known here: {names}.").format(names=", ".join(layer.id for layer in layers))
    raise InvalidInput.one("of", name, _("cannot be drawn of this agent"), known)


def _actions(agent: Agent, observations: F32, number: int) -> F32:
    """Return the number of the likeliest action (B,), or one number of an action made of several."""
    signals = agent.signals()
    if "action_at" in signals:
        numbers: F32 = np.asarray(signals["action_at"](observations), np.float32)
        return numbers[:, number]
    judged = signals["q_at"] if "q_at" in signals else signals["policy_at"]
    return np.asarray(np.asarray(judged(observations)).argmax(axis=1), np.float32)


def _mesh(axes: tuple[Axis, ...], x: int, y: int, held: list[float], resolution: int) -> F32:
    observations = np.tile(np.asarray(held, np.float32), (resolution * resolution, 1))
    across = np.linspace(axes[x].low, axes[x].high, resolution, dtype=np.float32)
    up = np.linspace(axes[y].low, axes[y].high, resolution, dtype=np.float32)
    observations[:, x] = np.tile(across, resolution)
    observations[:, y] = np.repeat(up, resolution)
    return observations


def _axis(where: str, name: str, axes: tuple[Axis, ...], default: int) -> int:
    if not name:
        return default
    for index, axis in enumerate(axes):
        if axis.name == name:
            return index
    raise InvalidInput.one(where, name, _("no such observation"), _names(axes))


def _held(text: str, axes: tuple[Axis, ...]) -> list[float]:
    held = [axis.middle for axis in axes]
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _colon, number = part.partition(":")
        index = _axis("at", name.strip(), axes, 0)
        try:
            value = float(number)
        except ValueError:
            raise InvalidInput.one("at", part, _("must read name:number"), _names(axes)) from None
        if not np.isfinite(value):
            raise InvalidInput.one("at", part, _("must be a finite number"))
        held[index] = value
    return held


def _names(axes: tuple[Axis, ...]) -> str:
    return _("Observations: {names}.").format(names=", ".join(axis.name for axis in axes))


def _described(axis: Axis) -> dict[str, Any]:
    return {"name": axis.name, "unit": axis.unit, "low": axis.low, "high": axis.high, "middle": axis.middle}


SPEC = PanelSpec(
    id="plane_values",
    name=_("Value map"),
    summary=_("The value function over two axes you choose; the other dimensions stay where you set them."),
    element="plane-map",
    version=1,
    options=PlaneOptions,
    fits=fits,
    compute=compute,
    order=0,
)
