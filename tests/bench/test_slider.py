"""How long a move of the time slider takes in a real browser; run with -m bench -n 0 -s."""

import pytest

from tests.browser.conftest import Open, Server, browser, identity, server, visit
from tests.browser.test_time_travel import CASES, MOVES, Recipe, milliseconds_of_moves

__all__ = ["browser", "identity", "server", "visit"]  # fixtures
pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]
BUDGET_MS = 50


@pytest.mark.parametrize(("element", "recipe"), CASES)
def test_a_move_takes_at_most_50_ms(visit: Open, server: Server, element: str, recipe: Recipe) -> None:
    times = milliseconds_of_moves(visit("/runs").page, server, element, recipe)
    median, most, worst = (times[int(share * (MOVES - 1))] for share in (0.5, 0.9, 1.0))
    words = f"{recipe['environment']}: median {median:.1f} ms, 90 % {most:.1f} ms, worst {worst:.1f} ms a move"
    print(words)  # noqa: T201
    assert median <= BUDGET_MS, words
