"""How soon the first completion stands on the screen after Start in the language lab, in a real browser.

pytest -m bench -n 0 -s tests/bench/test_first_completion.py
"""

import re
import statistics
import time

import pytest

from tests.browser.conftest import Open, Server, browser, identity, server, visit

__all__ = ["browser", "identity", "server", "visit"]  # fixtures
pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]
STAGES = (
    "sft",
    "sft",
    "grpo_language",
    "dpo",
    "ppo_language",
    "rloo",
    "best_of_n",
    "ipo",
)  # the first lets the kernels be compiled
WARM_S = 15  # lets the spare worker warm up, as between two clicks of a person


def test_first_completion(visit: Open, server: Server) -> None:
    page, figures = visit("/language?task=sort_digits").page, list[float]()
    for stage in STAGES:
        page.goto(f"{server.url}/language?task=sort_digits")
        page.wait_for_timeout(WARM_S * 1000)
        button = page.locator(f"form:has(input[name=stage][value={stage}])").get_by_role("button", name="Start")
        begun = time.perf_counter()
        button.click()
        page.locator("text-table td.text-cell").first.wait_for()
        figures.append(time.perf_counter() - begun)
        page.locator("#run-header").get_by_role("button", name="Stop").first.click()
        page.locator("#run-header [data-live=state]", has_text=re.compile("stopped|finished")).first.wait_for()
    each = ", ".join(f"{stage} {1000 * seconds:.0f} ms" for stage, seconds in zip(STAGES, figures, strict=True))
    print(f"\nStart → first completion on screen: median {1000 * statistics.median(figures[1:]):.0f} ms ({each})")  # noqa: T201
