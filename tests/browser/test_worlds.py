"""A world that changes while its run is looked at: lines, exact values, words and the past say which world they are of.

Covers static/js/worlds.js, static/js/elements/gamma-truth.js, static/js/elements/run-page.js and static/js/chart-frame.js.
"""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Server, begin

GAMMA = 0.9
DRAWN: dict[str, Any] = {
    "algorithm": "q_learning", "environment": "gridworld", "total_steps": 500_000_000, "speed": 500,
    "config": {"gamma": GAMMA}, "environment_config": {"layout": "S.../..../...G", "step_reward": 0.0},
}  # fmt: skip
STEPS = 5  # from start to goal; the fifth pays
LEAD = "curve-chart[data-size=large][scalar='rollout/episode_return']"


def said(value: float) -> str:
    """Return a number as the page writes it."""
    return f"{value:.4g}"


def send(page: Page, server: Server, method: str, path: str, body: object) -> dict[str, Any]:
    answer = page.request.fetch(f"{server.url}/api/v1{path}", method=method, data=json.dumps(body), headers={
        "Content-Type": "application/json", "Origin": server.url,
    })  # fmt: skip
    assert answer.ok, answer.text()
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("is_paused", [False, True])
def test_an_edit_of_the_world_moves_what_is_true_of_it_and_the_past_keeps_its_own(
    visit: Open, server: Server, is_paused: bool
) -> None:
    page = visit("/runs").page
    number = int(send(page, server, "POST", "/runs", DRAWN)["id"])
    page.goto(f"/runs/{number}")
    state, truth = page.locator("#run-header [data-live=state]"), page.locator("gamma-truth")
    expect(state).to_have_text("running", timeout=90_000)
    expect(truth).to_contain_text(f"V* at the start {said(GAMMA ** (STEPS - 1))}", timeout=90_000)
    expect(page.locator(LEAD)).to_contain_text(re.compile("dashed: Optimum 1$"))
    if is_paused:
        page.get_by_role("button", name="Pause", exact=True).click()
        expect(state).to_have_text("paused", timeout=90_000)
    send(page, server, "PATCH", f"/runs/{number}", {"environment_config": {"goal_reward": 2.0}})
    part = re.compile(r"dashed: Optimum 1 up to ([\d\s]+) steps · Optimum 2 from \1 steps on")
    expect(page.locator(LEAD)).to_contain_text(part)
    expect(truth).to_contain_text(f"V* at the start {said(2 * GAMMA ** (STEPS - 1))}")
    expect(page.locator("#run-header [data-live=world]")).to_contain_text("goal reward 2.0")
    slider = page.get_by_role("slider", name="Moment of the run")
    expect(slider).to_be_enabled()
    slider.focus()
    page.keyboard.press("Home")
    expect(truth).to_contain_text(f"V* at the start {said(GAMMA ** (STEPS - 1))}")
    expect(page.locator("#run-header [data-live=world]")).not_to_contain_text("goal reward")
    page.get_by_role("slider", name="Discount γ of V*").fill("500")
    expect(truth).to_contain_text(f"0.500 · V* at the start {said(0.5 ** (STEPS - 1))}")
    page.get_by_role("button", name="Live", exact=True).click()
    expect(truth).to_contain_text(f"0.500 · V* at the start {said(2 * 0.5 ** (STEPS - 1))}")
    expect(page.locator("#run-header [data-live=world]")).to_contain_text("goal reward 2.0")
    page.get_by_role("button", name="Stop").click()
    expect(state).to_have_text("stopped", timeout=90_000)


def test_the_past_of_a_maze_that_changed_by_itself_is_the_maze_of_then(visit: Open, server: Server) -> None:
    page = visit("/runs").page
    number = begin(page, server, {
        "algorithm": "dyna_q", "environment": "blocking_maze", "total_steps": 2_000, "config": {"gamma": 0.9},
    })  # fmt: skip
    short, long = said(0.9**9), said(0.9**15)  # 10 steps on the right, 16 on the left
    truth = page.locator("gamma-truth")
    expect(truth).to_contain_text(f"V* at the start {long}")
    page.goto(f"/runs/{number}?at=999")
    expect(truth).to_contain_text(f"V* at the start {short}")
    expect(truth.locator("grid-map[mode=optimal] canvas")).to_have_attribute("aria-label", re.compile("to 1\\."))
    slider = page.get_by_role("slider", name="Moment of the run")
    expect(slider).to_be_enabled()
    slider.focus()
    page.keyboard.press("End")
    expect(truth).to_contain_text(f"V* at the start {long}")


def test_each_exact_map_says_what_is_true_of_it(visit: Open, server: Server) -> None:
    page = visit("/runs").page
    body = {"algorithm": "q_learning", "environment": "CliffWalking-v1", "total_steps": 300, "config": {"gamma": 1.0}}
    begin(page, server, body)
    best, now = page.locator("gamma-truth grid-map").all()
    expect(best.locator(".caption")).to_have_text(re.compile("the most that any policy can get, with γ = 1$"))
    expect(now.locator(".caption")).to_contain_text(re.compile(r"at most [\d.]+ below V\*"))
    for layer, words in (("gap", "below V*: max"), ("residual", "moved by one exact backup: max")):
        now.get_by_label("Shown").select_option(layer)
        expect(now.locator(".caption")).to_contain_text(re.compile(re.escape(words) + r" [\d.]+, RMS [\d.]+"))
    page.get_by_role("slider", name="Discount γ of V*").fill("500")
    expect(best.locator(".caption")).to_contain_text("γ = 0.5")
