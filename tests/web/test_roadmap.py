"""The roadmap: everything is on it, in one order, and every “see it” opens a recipe that can be started."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast, get_args
from urllib.parse import parse_qsl, urlsplit

import pytest

from app import catalog
from app.core.specs import Family
from app.web import recipe, roadmap

ALGORITHMS = list(catalog.algorithms().values())


def test_every_algorithm_stands_at_one_station() -> None:
    standing = [stop.spec.id for _station, stops in roadmap.stations(catalog) for stop in stops]
    assert sorted(standing) == sorted(catalog.algorithms())


def test_an_algorithm_that_no_station_names_stands_with_its_family() -> None:
    fresh = replace(catalog.algorithm("q_learning"), id="brand_new")
    known = {**catalog.algorithms(), "brand_new": fresh}
    other = cast(Any, SimpleNamespace(**{**vars(catalog), "algorithms": lambda: known}))
    found = {station.id: [stop.spec.id for stop in stops] for station, stops in roadmap.stations(other)}
    assert found["control"][-1] == "brand_new"
    assert sum("brand_new" in names for names in found.values()) == 1


def test_every_family_has_one_station_that_takes_others() -> None:
    families = {station.family for station in roadmap.STATIONS}
    for family in families:
        assert sum(station.takes_others for station in roadmap.STATIONS if station.family == family) == 1
    assert families == set(get_args(Family))


@pytest.mark.parametrize("spec", ALGORITHMS, ids=lambda spec: spec.id)
def test_see_it_opens_a_ready_recipe(spec: Any) -> None:
    sight = roadmap.sight(catalog, spec)
    for url in (sight.url, *(url for url, _name in roadmap.sights(catalog, spec))):
        form = dict(parse_qsl(urlsplit(url).query))
        choice = recipe.read(catalog, form)
        assert choice.notice == ""
        assert choice.algorithm is spec
        assert choice.environment.id == form["environment"]
    choice = recipe.read(catalog, dict(parse_qsl(urlsplit(sight.url).query)))
    assert recipe.check(catalog, choice) == ()
    if not any(catalog.presets_for(spec.id, name) for name in catalog.environments()):
        assert choice.total_steps == spec.smoke.total_steps
        assert all(choice.config[name] == value for name, value in spec.smoke.config.items())


def test_the_lineage_is_a_tree_from_its_root() -> None:
    for spec in ALGORITHMS:
        found = roadmap.lineage(catalog, spec)
        ids = [item.id for item, _depth in found]
        assert spec.id in ids
        assert len(ids) == len(set(ids))
        assert found[0][1] == 0
        for item, depth in found[1:]:
            assert depth >= 1
            assert ids.index(str(item.parent)) < ids.index(item.id)


@pytest.mark.parametrize(
    ("first", "last"), [("q_learning", "rainbow"), ("q_learning", "sac"), ("reinforce_tabular", "grpo")]
)
def test_a_chain_of_differences_leads_from_the_table_to_the_network(first: str, last: str) -> None:
    chain = [spec.id for spec, _depth in roadmap.lineage(catalog, catalog.algorithm(first))]
    assert chain[0] == first
    assert last in chain
    others = {other.id for other in roadmap.comparable(catalog, catalog.algorithm(first))}
    assert last in others
    assert first not in others
