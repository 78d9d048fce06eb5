"""The server's own kernels: solved worlds are the same before and after they are compiled, and nothing is left to compile."""

import logging
import threading
from types import ModuleType

import pytest

from app import catalog
from app.core.plain_mode import plain_elsewhere
from app.parts import backups
from app.protocol.solutions import Solution, SolutionRequest
from app.web.kernels import MODULES, warm
from app.web.solving import solution

DRAWN = {"layout": "S..G/.X.v/....", "slip": 0.1}
NEEDED = {"q_into", "improve", "way_out", "distances", "can_stay", "optimal_horizon_values", "horizon_values"}


def compiled() -> dict[str, int]:
    """Return kernel → for how many types of arguments it is compiled."""
    found = {name: getattr(value, "signatures", ()) for name, value in vars(backups).items()}
    return {name: len(signatures) for name, signatures in found.items() if signatures}


@pytest.mark.parametrize("gamma", [0.9, 1.0])
def test_a_drawn_world_has_the_same_solution_with_and_without_compiled_kernels(gamma: float) -> None:
    found: list[Solution] = []

    def solve() -> None:
        found.append(solution(catalog, "gridworld", SolutionRequest(environment_config=DRAWN, gamma=gamma)))

    with plain_elsewhere(*MODULES):
        other = threading.Thread(target=solve)
        other.start()
        other.join()
    solve()
    assert found[0].v == pytest.approx(found[1].v, abs=1e-12)
    assert found[0].policy == found[1].policy


def test_warming_leaves_nothing_to_compile() -> None:
    """Every table's solution and known numbers take kernels for types of arguments that the warmed worlds have too."""
    warm(lambda: catalog)
    warmed = compiled()
    assert warmed.keys() >= NEEDED
    for name, spec in catalog.environments().items():
        if spec.kind == "tabular":
            spec.references(spec.config())
            for gamma in (0.5, 1.0):
                solution(catalog, name, SolutionRequest(gamma=gamma, explain=True))
    assert compiled() == warmed


def test_what_goes_wrong_is_logged_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> ModuleType:
        raise RuntimeError("no catalogue")

    with caplog.at_level(logging.ERROR, "app.web.kernels"):
        warm(broken)
    assert "no catalogue" in caplog.text
