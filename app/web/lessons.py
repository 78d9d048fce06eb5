"""What the Learn pages show of one file: its mathematics beside its source; of an algorithm and of an environment, also what follows from the SPEC."""

import inspect
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from markupsafe import Markup

from app.core.scalars import Scalar
from app.core.signals import DICTIONARY as SIGNALS
from app.core.signals import Signal
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Reference
from app.web import forms, lesson_parts, markup, roadmap
from app.web.lesson_parts import Part
from app.web.markup import Equation, Line
from app.web.roadmap import Sight, Station
from app.web.scenes import Scene, scene_of
from app.web.world_facts import Dynamics, dynamics

PART = re.compile(r"(?P<before>\bparts?\s+)<code>(?P<name>\w+)</code>")
OWN = ("app.algorithms.", "app.environments.")
AUTHOR_AND_YEAR = re.compile(r"^(?P<author>\w+).*?\((?P<year>\d{4})\)")


@dataclass(frozen=True)
class Reading:
    """One file: mathematics of the docstring, source below it."""

    maths: Markup
    leaves_out: Markup
    sources: tuple[Markup, ...]
    lines: tuple[Line, ...]
    file: str


@dataclass(frozen=True)
class Lesson(Reading):
    """One algorithm's page."""

    spec: AlgorithmSpec
    fields: list[forms.Field]
    fits: list[tuple[str, str]]
    station: Station
    sight: Sight
    parent: AlgorithmSpec | None
    variants: list[AlgorithmSpec]
    parts: list[Part]
    scalars: list[Scalar]
    signals: list[Signal]


@dataclass(frozen=True)
class WorldLesson(Reading):
    """One environment's page."""

    spec: EnvironmentSpec
    fields: list[forms.Field]
    scene: Scene
    references: tuple[Reference, ...]
    dynamics: Dynamics | None
    parts: list[Part]
    fits: list[tuple[AlgorithmSpec, str]]


def lesson(catalog: ModuleType, spec: AlgorithmSpec) -> Lesson:
    """Return the page of an algorithm, read from its file."""
    known: dict[str, AlgorithmSpec] = catalog.algorithms()
    all_scalars: dict[str, Scalar] = catalog.scalars()
    signals = {**SIGNALS, **{signal.name: signal for signal in spec.own_signals}}
    return Lesson(
        **vars(reading(source_path(spec), spec.references)),
        spec=spec,
        fields=forms.fields(spec.config, {}),
        fits=roadmap.sights(catalog, spec),
        station=roadmap.station_of(spec),
        sight=roadmap.sight(catalog, spec),
        parent=known.get(spec.parent or ""),
        variants=[other for other in known.values() if other.parent == spec.id],
        parts=lesson_parts.imported_by(source_path(spec)),
        scalars=[all_scalars[name] for name in spec.emits],
        signals=[signals[name] for name in spec.signals],
    )


def world_lesson(catalog: ModuleType, spec: EnvironmentSpec) -> WorldLesson:
    """Return the page of an environment, read from its file."""
    path = source_path(spec)
    scene = scene_of(spec, {})
    fitting = [other for other in catalog.algorithms().values() if not catalog.misfit(other, spec)]
    return WorldLesson(
        **vars(reading(path, (spec.source,) if spec.source else ())),
        spec=spec,
        fields=forms.fields(spec.config, {}, prefix="environment_config"),
        scene=scene,
        references=scene.references,
        dynamics=dynamics(spec),
        parts=lesson_parts.imported_by(path),
        fits=[(other, roadmap.address(other.id, spec.id)) for other in fitting],
    )


def reading(path: Path, references: tuple[str, ...] = ()) -> Reading:
    """Return a file as mathematics and source; `references` are added to the sources that its docstring names."""
    lines = markup.source_lines(path, path.stat().st_mtime_ns)
    text = docstring_of(path)
    parts = markup.sections(text)
    return Reading(
        maths=_linked(markup.render(_without_title(parts[""]), markup.lines_of(lines))),
        leaves_out=_linked(markup.render(parts.get("leaves_out", ""))),
        sources=sources(parts.get("sources", ""), references),
        lines=lines,
        file="/".join(path.parts[path.parts.index("app") :] if "app" in path.parts else path.parts[-2:]),
    )


@lru_cache(maxsize=256)
def sources(text: str, references: tuple[str, ...]) -> tuple[Markup, ...]:
    """Return the sources as a list: what a docstring names between semicolons, and every reference it does not name."""
    items = [item.strip().removesuffix(".") for item in re.split(r";|\n\s*[-*\d]+\.?\s", " " + text)]
    named = [item for item in items if item]
    for reference in references:
        found = AUTHOR_AND_YEAR.match(reference)
        is_named = reference in text or (found and re.search(rf"{found['author']}[^;]*{found['year']}", text))
        if not is_named:
            named.append(reference)
    return tuple(markup.with_papers(Markup(markup.render(" ".join(item.split())).strip()[3:-4])) for item in named)


def leading_equations(spec: AlgorithmSpec, count: int = 2) -> list[Equation]:
    """Return the formulas that stand for the algorithm: the inspector's first, else the first of the file."""
    found = list(markup.equations(docstring(spec)))
    if spec.inspector is not None:
        first = [item for item in found if item.number == str(spec.inspector.number)]
        found = first + [item for item in found if item not in first]
    return found[:count]


def docstring(spec: AlgorithmSpec | EnvironmentSpec) -> str:
    """Return the docstring of the file that declares a SPEC."""
    return inspect.cleandoc(_module(spec).__doc__ or "")


def source_path(spec: AlgorithmSpec | EnvironmentSpec) -> Path:
    """Return the file that declares a SPEC."""
    return Path(str(_module(spec).__file__))


def docstring_of(path: Path) -> str:
    """Return the docstring of a Python file."""
    return markup.docstring_of(path, path.stat().st_mtime_ns)


def _module(spec: AlgorithmSpec | EnvironmentSpec) -> ModuleType:
    """A SPEC does not say its file, but its Config or what it makes was declared there."""
    made = spec.agent if isinstance(spec, AlgorithmSpec) else spec.make
    names = [str(getattr(item, "__module__", "")) for item in (spec.config, made)]
    return sys.modules[next((name for name in names if name.startswith(OWN)), names[0])]


def _linked(html: Markup) -> Markup:
    """Return a text in which “the part `name`” leads to that part's page."""
    known = lesson_parts.parts()

    def link(found: re.Match[str]) -> str:
        name = found["name"]
        return f'{found["before"]}<a href="/learn/parts/{name}"><code>{name}</code></a>' if name in known else found[0]

    return Markup(PART.sub(link, str(html)))


def _without_title(text: str) -> str:
    """The page has the name as its heading already."""
    first, _newline, rest = text.partition("\n")
    return rest if len(first) < 60 else text
