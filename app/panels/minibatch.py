"""The inspector of a network: the loss with the numbers of the last minibatch in it, sample by sample.

The numbers are those that the update used: the agent keeps them where it computes them. R shown samples of B, K columns, D
observation size.
"""

import math
from functools import partial
from typing import Any

import numpy as np

from app.core.config import Config
from app.core.scalars import NORMALISED
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, Line, Minibatch, PanelSpec, Subject
from app.core.text import _
from app.panels.inspector import source_line, with_numbers
from app.parts.noted import settings_used

SHOWN = 128  # samples, the largest contributions first


class MinibatchOptions(Config):
    """Nothing to choose: the samples are those of the last minibatch, sorted by their share of the loss."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """An algorithm that declares its loss sample by sample and keeps the numbers of the last minibatch."""
    return algorithm.minibatch is not None and "minibatch" in algorithm.signals


def compute(subject: Subject, options: MinibatchOptions) -> Frame:
    """Return rows (R, K), observations (R, D), actions (R, A) and notes (R,), an index into the facts' `notes`."""
    declared, signals = subject.algorithm.minibatch, subject.agent.signals()
    if declared is None:
        raise ValueError(f"{subject.algorithm.id} declares no minibatch")
    table = np.asarray(signals["minibatch"](), np.float64).reshape(-1, len(declared.columns))
    contributions = table[:, declared.columns.index(declared.contribution)]
    order = np.argsort(-np.abs(contributions), kind="stable")[:SHOWN]
    said = [declared.note(dict(zip(declared.columns, row, strict=True))) for row in table[order].tolist()]
    notes = list(dict.fromkeys(said))
    module = subject.algorithm.config.__module__
    meta: dict[str, Any] = {
        "algorithm": subject.algorithm.id,
        "columns": list(declared.columns),
        "contribution": declared.contribution,
        "loss": declared.loss,
        "shown": [{"column": column, "symbol": symbol, "help": words} for column, symbol, words in declared.shown],
        "lines": [_line(line, declared, module) for line in declared.lines_under(partial(_was_on, subject))],
        "count": len(table),
        "mean": float(contributions.mean()) if len(table) else None,
        "notes": notes,
        "axes": _axes(subject),
        "actions": list(subject.environment_spec.actions),
        "is_numbered": subject.environment_spec.action_kind == "numbered",
        "unit": NORMALISED[_("reward")] if _is_scaled(subject, declared) else "",
    }
    arrays = {
        "rows": table[order],
        "observations": _seen(subject, np.asarray(signals["minibatch_observations"]())[order]),
        "actions": np.asarray(signals["minibatch_actions"]())[order],
        "notes": np.array([notes.index(words) for words in said]),
    }
    return Frame({name: np.asarray(array, np.float32) for name, array in arrays.items()}, meta)


def template(line: Line, columns: tuple[str, ...]) -> str:
    r"""Return the line with each symbol of its right-hand side replaced by the place of its column, in brackets ⟦ ⟧.

    >>> template(Line(r"\ell = (q - y)^2", (("q", "q"), ("y", "target")), "loss", 1), ("q", "target", "loss"))
    '\\ell = (⟦0⟧ - ⟦1⟧)^2'
    """
    places = {symbol: float(columns.index(column)) for symbol, column in line.terms}
    return with_numbers(line.equation, places, write=lambda place: f"⟦{int(place)}⟧")


def _is_scaled(subject: Subject, declared: Minibatch) -> bool:
    """Return whether values or returns are shown that are in normalised reward."""
    shown = {"value", "baseline", "return"} & set(declared.columns)
    return bool(shown) and bool(subject.agent.config.model_dump().get("normalize"))


def _was_on(subject: Subject, setting: str) -> bool:
    """Return whether a setting was on in the last update, or is now where there has been none."""
    used = settings_used(subject.agent.signals())
    return bool(used[setting] if used else getattr(subject.agent.config, setting))


def _line(line: Line, declared: Minibatch, module: str) -> dict[str, Any]:
    number, source = source_line(module, line.number, line.where)
    return {
        "equation": line.equation,
        "template": template(line, declared.columns),
        "result": declared.columns.index(line.result),
        "number": line.number,
        "line": number,
        "source": source,
    }


def _axes(subject: Subject) -> list[dict[str, str]]:
    """Return name and unit of the numbers that say where a sample was; a numbered state is one number."""
    spec = subject.environment_spec
    if subject.environment.mdp is not None:
        return [{"name": _("state"), "unit": ""}]
    return [{"name": axis.name, "unit": axis.unit} for axis in spec.axes]


def _seen(subject: Subject, observations: Any) -> Any:
    """Return where the samples were, in the terms of `_axes`: a state's number, or points in the axes' units."""
    if not len(observations):
        return np.zeros((0, 1))
    if subject.environment.mdp is not None:
        return observations.argmax(axis=1)[:, None]
    scale = getattr(subject.agent, "unscaled", None)
    placed = subject.environment_spec.placed(scale(observations) if scale else observations)
    return np.where(np.isfinite(placed), placed, math.nan)


SPEC = PanelSpec(
    id="minibatch",
    name=_("Inspector"),
    summary=_("Pause, take one update, and read the loss with the numbers of its last minibatch, sample by sample."),
    element="minibatch-inspector",
    version=1,
    options=MinibatchOptions,
    fits=fits,
    compute=compute,
    order=2,
)
