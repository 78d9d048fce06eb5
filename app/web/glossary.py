"""The glossary: scalars, signals, hyperparameters and terms, each with the pages where it is used, read from the code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from app.core.config import hyper_of
from app.core.scalars import SHARED
from app.core.signals import DICTIONARY as SIGNALS
from app.core.signals import Signal
from app.core.specs import AlgorithmSpec
from app.core.text import _
from app.web import lesson_parts, lessons
from app.web.terms import TERMS, Term


@dataclass(frozen=True)
class Place:
    """A page where a word is used."""

    url: str
    name: str


@dataclass(frozen=True)
class Used:
    """A word of a dictionary and where it is used; `note` where that is everywhere."""

    item: Any
    places: tuple[Place, ...]
    note: str = ""


@dataclass(frozen=True)
class Word:
    """One hyperparameter name; algorithms may explain the same name differently."""

    name: str
    symbol: str
    unit: str
    helps: tuple[tuple[str, tuple[Place, ...]], ...]


def terms(catalog: ModuleType) -> list[Used]:
    """Return the words of reinforcement learning that some file says, by name, each with those files."""
    files = list(_files(catalog))
    found = [Used(term, _places(term, files)) for term in sorted(TERMS, key=lambda term: term.name.casefold())]
    return [used for used in found if used.places]


def scalars(catalog: ModuleType) -> list[Used]:
    """Return every scalar by name with the algorithms that emit it."""
    shared = {scalar.name for scalar in SHARED}
    found = []
    for scalar in sorted(catalog.scalars().values(), key=lambda scalar: scalar.name):
        places = tuple(_place(spec) for spec in catalog.algorithms().values() if scalar.name in spec.emits)
        found.append(Used(scalar, places, _("every learner") if scalar.name in shared and not places else ""))
    return found


def signals(catalog: ModuleType) -> list[Used]:
    """Return every signal by name with the algorithms that compute it."""
    own: dict[str, Signal] = {
        signal.name: signal for spec in catalog.algorithms().values() for signal in spec.own_signals
    }
    known = sorted({**SIGNALS, **own}.values(), key=lambda signal: signal.name)
    return [
        Used(signal, tuple(_place(spec) for spec in catalog.algorithms().values() if signal.name in spec.signals))
        for signal in known
    ]


def hyperparameters(catalog: ModuleType) -> list[Word]:
    """Return every hyperparameter by name: each explanation with the algorithms and environments that give it."""
    facts: dict[str, tuple[str, str]] = {}
    helps: dict[str, dict[str, list[Place]]] = {}
    for config, place in _configs(catalog):
        for name, info in config.model_fields.items():
            hyper: dict[str, Any] = hyper_of(info)
            facts.setdefault(name, (hyper.get("symbol", ""), hyper.get("unit", "")))
            helps.setdefault(name, {}).setdefault(info.description or "", []).append(place)
    return [
        Word(name, *facts[name], tuple((text, tuple(places)) for text, places in helps[name].items()))
        for name in sorted(helps)
    ]


def _configs(catalog: ModuleType) -> Iterator[tuple[Any, Place]]:
    for spec in catalog.algorithms().values():
        yield spec.config, _place(spec)
    for world in catalog.environments().values():
        yield world.config, Place(f"/learn/environments/{world.id}", world.name)


def _files(catalog: ModuleType) -> Iterator[tuple[Place, Path]]:
    for spec in catalog.algorithms().values():
        yield _place(spec), lessons.source_path(spec)
    for part in lesson_parts.parts().values():
        yield Place(f"/learn/parts/{part.name}", part.name), part.path


def _place(spec: AlgorithmSpec) -> Place:
    return Place(f"/learn/{spec.id}", spec.name)


def _places(term: Term, files: list[tuple[Place, Path]]) -> tuple[Place, ...]:
    return tuple(place for place, path in files if _says(path, path.stat().st_mtime_ns, term.pattern))


@lru_cache(maxsize=16_384)
def _says(path: Path, stamp: int, pattern: str) -> bool:
    """`stamp` is the file's modification time."""
    return re.search(pattern, _text(path, stamp), re.I) is not None


@lru_cache(maxsize=256)
def _text(path: Path, stamp: int) -> str:
    return path.read_text(encoding="utf-8")
