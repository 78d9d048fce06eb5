"""What the Learn pages show: an algorithm's mathematics beside its source, and the glossary of every shared word."""

import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from markupsafe import Markup

from app.core.config import hyper_of
from app.core.scalars import Scalar
from app.core.signals import DICTIONARY as SIGNALS
from app.core.signals import Signal
from app.core.specs import AlgorithmSpec
from app.web import forms, markup
from app.web.markup import Equation, Line


@dataclass(frozen=True)
class Lesson:
    """One algorithm's page."""

    spec: AlgorithmSpec
    maths: Markup
    leaves_out: Markup
    sources: Markup
    lines: tuple[Line, ...]
    file: str
    fields: list[forms.Field]
    fits: list[tuple[str, str]]


def lesson(catalog: ModuleType, spec: AlgorithmSpec) -> Lesson:
    """Return the page of an algorithm, read from its file."""
    path = source_path(spec)
    lines = markup.source_lines(path, path.stat().st_mtime_ns)
    parts = markup.sections(docstring(spec))
    return Lesson(
        spec=spec,
        maths=markup.render(_without_title(parts[""]), markup.lines_of(lines)),
        leaves_out=markup.render(parts.get("leaves_out", "")),
        sources=markup.render(parts.get("sources", "")),
        lines=lines,
        file="/".join(path.parts[-3:]),
        fields=forms.fields(spec.config, {}),
        fits=[(world.id, world.name) for world in catalog.environments().values() if not catalog.misfit(spec, world)],
    )


def leading_equations(spec: AlgorithmSpec, count: int = 2) -> list[Equation]:
    """Return the formulas that stand for the algorithm: the inspector's first, else the first of the file."""
    found = list(markup.equations(docstring(spec)))
    if spec.inspector is not None:
        first = [item for item in found if item.number == str(spec.inspector.number)]
        found = first + [item for item in found if item not in first]
    return found[:count]


def docstring(spec: AlgorithmSpec) -> str:
    """Return the docstring of the algorithm's file."""
    return inspect.cleandoc(sys.modules[spec.agent.__module__].__doc__ or "")


def source_path(spec: AlgorithmSpec) -> Path:
    """Return the algorithm's file."""
    return Path(str(sys.modules[spec.agent.__module__].__file__))


@dataclass(frozen=True)
class Word:
    """One hyperparameter name of the glossary and the algorithms that use it."""

    name: str
    symbol: str
    unit: str
    help: str
    users: list[tuple[str, str]]


def scalars(catalog: ModuleType) -> list[Scalar]:
    """Return every scalar by name."""
    return sorted(catalog.scalars().values(), key=lambda scalar: scalar.name)


def signals(catalog: ModuleType) -> list[Signal]:
    """Return every signal by name."""
    own = {signal.name: signal for spec in catalog.algorithms().values() for signal in spec.own_signals}
    return sorted({**SIGNALS, **own}.values(), key=lambda signal: signal.name)


def hyperparameters(catalog: ModuleType) -> list[Word]:
    """Return every hyperparameter by name with the algorithms that have it."""
    words: dict[str, Word] = {}
    for spec in catalog.algorithms().values():
        for name, info in spec.config.model_fields.items():
            hyper: dict[str, Any] = hyper_of(info)
            fresh = Word(name, hyper.get("symbol", ""), hyper.get("unit", ""), info.description or "", [])
            words.setdefault(name, fresh).users.append((spec.id, spec.name))
    return sorted(words.values(), key=lambda word: word.name)


def _without_title(text: str) -> str:
    """The page has the name as its heading already."""
    first, _newline, rest = text.partition("\n")
    return rest if len(first) < 60 else text
