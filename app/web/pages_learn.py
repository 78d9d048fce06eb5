"""The Learn pages: the roadmap, an algorithm, its difference to another, the parts, the environments, statements, glossary."""

from types import ModuleType
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from app.core.errors import InvalidInput, Missing, Violation, shorten
from app.core.specs import AlgorithmSpec
from app.core.text import _
from app.web import differences, glossary, lesson_parts, lessons, roadmap, statements
from app.web.context import Service
from app.web.describe import known
from app.web.differences import Source
from app.web.rendering import PageRoute, page

router = APIRouter(include_in_schema=False, route_class=PageRoute)
SEE_OTHER = 303


@router.get("/learn")
def learn(playground: Service) -> Response:
    """Show the roadmap: every algorithm in the order of reading, then environments and parts."""
    catalog = playground.catalog()
    context = {
        "stations": roadmap.stations(catalog),
        "worlds": roadmap.worlds(catalog.environments()),
        "parts": list(lesson_parts.parts().values()),
    }
    return _page("learn.html", "learn", context)


@router.get("/learn/glossary")
def words(playground: Service) -> Response:
    """Show every shared word, generated from the dictionaries and the sources."""
    catalog = playground.catalog()
    context = {
        "terms": glossary.terms(catalog),
        "scalars": glossary.scalars(catalog),
        "signals": glossary.signals(catalog),
        "words": glossary.hyperparameters(catalog),
    }
    return _page("glossary.html", "glossary", context)


@router.get("/learn/statements")
def circulating(playground: Service) -> Response:
    """Show statements that circulate, and what can be said instead."""
    context = {"statements": statements.statements(playground.catalog()), "kinds": statements.KINDS}
    return _page("statements.html", "statements", context)


@router.get("/learn/parts")
@router.get("/learn/environments")
def lists() -> Response:
    """Lead to the roadmap, which lists both."""
    return RedirectResponse("/learn", SEE_OTHER)


@router.get("/learn/parts/{name}")
def part(name: str, playground: Service) -> Response:
    """Show a shared part: mathematics beside source, and who uses it."""
    found = lesson_parts.parts().get(name)
    if found is None:
        raise Missing((Violation("part", shorten(name), _("no such part"), _("The parts are listed at /learn.")),))
    catalog = playground.catalog()
    algorithms, worlds = catalog.algorithms(), catalog.environments()
    users = lesson_parts.users(name)
    files = {lessons.source_path(spec).stem: spec for spec in worlds.values()}
    context = {
        "part": found,
        "lesson": lessons.reading(found.path),
        "uses": lesson_parts.imported_by(found.path),
        "algorithms": [algorithms[item] for item in users.get("algorithms", []) if item in algorithms],
        "worlds": [files[item] for item in users.get("environments", []) if item in files],
        "others": users.get("parts", []),
    }
    return _page("part.html", "parts", context)


@router.get("/learn/environments/{id}")
def environment(id: str, playground: Service) -> Response:
    """Show an environment: dynamics, actions, rewards, what is known of its optimum, and its options."""
    catalog = playground.catalog()
    spec = known(catalog.environment, id)
    return _page("environment.html", "environments", {"lesson": lessons.world_lesson(catalog, spec)})


@router.get("/learn/{algorithm}")
def algorithm(algorithm: str, playground: Service) -> Response:
    """Show an algorithm's mathematics beside its source."""
    catalog = playground.catalog()
    spec = known(catalog.algorithm, algorithm)
    return _page("algorithm.html", "learn", {"lesson": lessons.lesson(catalog, spec)})


@router.get("/learn/{algorithm}/diff")
def difference(algorithm: str, playground: Service, other: Annotated[str, Query(alias="with")] = "") -> Response:
    """Show the code in which an algorithm differs from its parent, or from another of its family or chain."""
    catalog = playground.catalog()
    spec = known(catalog.algorithm, algorithm)
    base = _base(catalog, spec, other)
    context = {
        "spec": spec,
        "base": base,
        "difference": differences.compare(_source(base), _source(spec)) if base else None,
        "lineage": roadmap.lineage(catalog, spec),
        "names": {item.id: item.name for item in catalog.algorithms().values()},
        "others": roadmap.comparable(catalog, spec),
    }
    return _page("difference.html", "learn", context)


def _base(catalog: ModuleType, spec: AlgorithmSpec, other: str) -> AlgorithmSpec | None:
    """Return what to compare with: the one asked for, the parent, or the first variant; None where there is none."""
    if other:
        found: AlgorithmSpec = catalog.algorithm(other)
        others = roadmap.comparable(catalog, spec)
        if found in others:
            return found
        way_out = _("It can be compared with {names}.").format(names=", ".join(item.id for item in others) or _("none"))
        raise InvalidInput.one(
            "with", other, _("must be another algorithm of the same family or chain of variants"), way_out
        )
    near = [item for item, _depth in roadmap.lineage(catalog, spec) if item is not spec]
    parent = catalog.algorithms().get(spec.parent or "")
    return parent or next(iter(near or roadmap.comparable(catalog, spec)), None)


def _source(spec: AlgorithmSpec) -> Source:
    return Source(lessons.source_path(spec), (spec.config.__name__, spec.agent.__name__, spec.id))


def _page(template: str, section: str, context: dict[str, Any]) -> Response:
    return page(template, {"here": "learn", "section": section, **context})
