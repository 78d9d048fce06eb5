"""Charts: what is drawn of the points of a run, and what is said around it."""

from typing import Any

from tests.browser.conftest import Open

MODULE = 'const {{ {names} }} = await import(new URL("{file}", document.querySelector("script[type=module]").src));'
TOGETHER = "async (curve) => { " + MODULE.format(names="together", file="curves.js") + " return together(curve); }"


def test_points_of_one_step_are_drawn_as_their_mean_and_band(visit: Open) -> None:
    """As they are, points at one place are a line up and down, and what is smoothed over them a saw."""
    page = visit("/").page
    curve: dict[str, Any] = {
        "steps": [10, 10, 10, 20, 30, 30], "values": [1, 5, 3, 4, None, 7], "min": [0, 5, 3, 4, None, 6],
        "max": [1, 9, 3, 4, None, 8], "next": 6,
    }  # fmt: skip
    assert page.evaluate(TOGETHER, curve) == {
        "steps": [10, 20, 30], "values": [3, 4, 7], "min": [0, 4, 6], "max": [9, 4, 8], "next": 6,
    }  # fmt: skip
    apart = {**curve, "steps": [10, 11, 12, 20, 30, 31]}
    assert page.evaluate(TOGETHER, apart) == apart
    empty: dict[str, Any] = {"steps": [], "values": [], "min": [], "max": []}
    assert page.evaluate(TOGETHER, empty) == empty
