"""The pages of algorithms, environments and parts as data.

Covers app/web/lessons.py and app/web/lesson_parts.py.
"""

import re

import pytest

from app import catalog
from app.core.specs import AlgorithmSpec, EnvironmentSpec
from app.web import lesson_parts, lessons

ALGORITHMS = list(catalog.algorithms().values())
WORLDS = list(catalog.environments().values())


@pytest.mark.parametrize("spec", ALGORITHMS, ids=lambda spec: spec.id)
def test_every_algorithm_has_a_whole_page(spec: AlgorithmSpec) -> None:
    page = lessons.lesson(catalog, spec)
    assert page.file.endswith(f"/{spec.id}.py")
    assert "$$" not in page.maths
    assert page.leaves_out
    assert page.sources
    assert [scalar.name for scalar in page.scalars] == list(spec.emits)
    assert [field.key for field in page.fields] == list(spec.config.model_fields)
    assert page.fits
    numbers = {number for line in page.lines for number in line.equations}
    assert numbers == set(re.findall(r'id="equation-(\d+)"', page.maths))
    assert all(f'href="#line-{line}"' in page.maths for line in first_lines(page).values())


def first_lines(page: lessons.Reading) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in page.lines:
        for number in line.equations:
            found.setdefault(number, line.number)
    return found


@pytest.mark.parametrize("spec", WORLDS, ids=lambda spec: spec.id)
def test_every_environment_has_a_whole_page(spec: EnvironmentSpec) -> None:
    page = lessons.world_lesson(catalog, spec)
    assert page.file.startswith("app/environments/")
    assert page.maths
    assert page.fits
    assert [field.key for field in page.fields] == list(spec.config.model_fields)
    assert page.references == tuple(spec.references(spec.config()))


@pytest.mark.parametrize("spec", ALGORITHMS, ids=lambda spec: spec.id)
def test_the_notation_is_the_same_everywhere(spec: AlgorithmSpec) -> None:
    """Lower-case letters with the time as index; rewards arrive one step later; ε of exploration is a varepsilon."""
    text = lessons.docstring(spec)
    for wrong in (r"S_t", r"S_{t", r"R_{t+1}", r"\epsilon_t", r"(1 - terminated", r"(1-terminated", r"(1 - d_"):
        assert wrong not in text, f"{spec.id} writes {wrong}"


def test_sources_are_a_list_and_references_are_added_once() -> None:
    text = "Watkins (1989), *Learning from Delayed Rewards*; Sutton and Barto (2018), section 6.5."
    references = ("Watkins (1989), Learning from Delayed Rewards, thesis, Cambridge", "Lin (1992), Reactive agents")
    found = lessons.sources(text, references)
    assert list(found) == [
        "Watkins (1989), <em>Learning from Delayed Rewards</em>",
        "Sutton and Barto (2018), section 6.5",
        "Lin (1992), Reactive agents",
    ]


def test_a_part_named_in_words_leads_to_its_page() -> None:
    page = lessons.lesson(catalog, catalog.algorithm("q_learning"))
    assert re.search(r'the part\s<a href="/learn/parts/exploration"><code>exploration</code></a>', page.maths)


def test_an_algorithm_names_the_parts_it_imports() -> None:
    page = lessons.lesson(catalog, catalog.algorithm("q_learning"))
    assert {part.name for part in page.parts} == {"exact", "exploration", "tabular", "tabular_agent"}
    assert "q_learning" in lesson_parts.users("exploration")["algorithms"]
    assert "cliff_walking" in lesson_parts.users("layout")["environments"]
    assert "tabular_agent" in lesson_parts.users("exact")["parts"]


def test_every_part_says_in_a_sentence_what_it_is() -> None:
    for part in lesson_parts.parts().values():
        assert part.summary.endswith(".")
        assert len(part.summary) < 200
        assert lessons.reading(part.path).lines
