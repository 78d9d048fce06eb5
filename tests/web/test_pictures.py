"""Where a run's pictures stand, how each may be drawn, and which were kept when the run ended."""

from types import SimpleNamespace
from typing import Any

from app import catalog
from app.web.pictures import Picture, deck, pictures


def named(element: str, panel: str = "") -> Picture:
    return Picture(panel or element, "", "", element, ())


def shown(algorithm: str, environment: str, state: str = "running") -> list[Picture]:
    spec = catalog.algorithm(algorithm)
    run: Any = SimpleNamespace(state=state)
    return pictures(catalog.panels_for(spec, catalog.environment(environment)), spec, run)


def test_of_each_kind_the_first_stands_beside_the_curves() -> None:
    first, maps, texts = named("figure-set"), named("plane-map"), named("text-table", "completions")
    below = [named("gae-stack"), named("attention-map"), named("text-table", "drafts")]
    assert deck([first, texts, maps, *below]) == below
    assert deck([maps]) == []


def test_a_language_run_has_its_texts_first_and_the_forward_pass_below() -> None:
    found = shown("grpo_language", "sort_digits")
    assert found[0].panel == "completions"
    below = [picture.panel for picture in deck(found)]
    assert {"groups", "drafts"} <= set(below)
    assert below[-1] == "attention", "the tallest comes last, so that the columns are balanced"


def test_what_is_drawn_at_the_end_is_kept_once_the_run_has_finished() -> None:
    for state in ("running", "stopped", "finished"):
        kept = {picture.panel for picture in shown("sft", "sort_digits", state) if picture.is_kept}
        assert kept == ({"pass_at_k"} if state == "finished" else set())


def test_a_way_of_drawing_needs_its_signal() -> None:
    modes = {
        name: [mode for picture in shown(name, "FrozenLake-v1") if picture.element == "grid-map" for mode, _label in picture.modes]
        for name in ("value_iteration", "q_learning")
    }  # fmt: skip
    assert "visits" in modes["q_learning"]
    assert "visits" not in modes["value_iteration"]
