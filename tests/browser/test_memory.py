"""V* of another discount at a touch, and the pictures of what a learner carries beside its values.

Covers static/js/elements/gamma-truth.js, matrix-map.js and arm-bands.js.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, Server, begin
from tests.browser.test_accessibility import check


def test_the_slider_of_gamma_recolours_the_truth_of_an_ended_run(visit: Open, server: Server) -> None:
    page = visit("/runs").page
    begin(page, server, {"algorithm": "q_learning", "environment": "CliffWalking-v1", "total_steps": 2_000})
    truth = page.locator("gamma-truth")
    best = truth.locator("grid-map[mode=optimal]")
    expect(best.locator("canvas")).to_have_attribute("aria-label", re.compile("from −14 to −1"))
    expect(truth).to_contain_text("1.000 · V* at the start −13")
    slider = page.get_by_role("slider", name="Discount γ of V*")
    slider.fill("500")
    exact = -sum(0.5**step for step in range(13))
    expect(truth).to_contain_text(f"0.500 · V* at the start {f'{exact:.4g}'.replace('-', '−').rstrip('0').rstrip('.')}")
    expect(best.locator("canvas")).to_have_attribute("aria-label", re.compile("from −2 to −1"))
    slider.fill("0")
    expect(truth).to_contain_text("0.000 · V* at the start −1")
    check(page)
    page.get_by_role("button", name="As in the run").click()
    expect(best.locator("canvas")).to_have_attribute("aria-label", re.compile("from −14 to −1"))
    expect(truth).to_contain_text("1.000 · V* at the start −13")


PICTURES = {
    "eligibility": ("sarsa_lambda", "CliffWalking-v1", "grid-map", "step 2"),
    "learned_model": ("dyna_q", "FrozenLake-v1", "matrix-map", "pairs were taken"),
    "fisher": ("natural_gradient_tabular", "gridworld", "matrix-map", "π = Up"),
    "arms": ("thompson_bandit", "bandit", "arm-bands", "5 % to 95 % of the belief"),
}


@pytest.mark.parametrize("panel", PICTURES)
def test_what_a_learner_carries_is_drawn(visit: Open, server: Server, panel: str) -> None:
    algorithm, environment, element, words = PICTURES[panel]
    page = visit("/runs", width=360).page
    begin(page, server, {"algorithm": algorithm, "environment": environment, "total_steps": 2_000})
    picture = page.locator(f"{element}[panel={panel}]")
    expect(picture).to_contain_text(words)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
