"""The time slider on a tabular and a neural run: everything moves together, quickly, by keyboard, from the address.

Covers static/js/elements/time-travel.js.
"""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Server, begin

Recipe = dict[str, object]
MOVES = 40
MEASURE = """async ([moves, element, kept]) => {
  const slider = document.querySelector("time-travel input[type=range]");
  const caption = document.querySelector(`${element} .caption`);
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const times = [];
  for (let move = 0; move < moves; move++) {
    await frame();
    const start = performance.now();
    const place = (move * 7) % kept.length;
    const words = `step ${String(kept[place]).replace(/\\B(?=(\\d{3})+$)/g, "\u202f")} `;
    slider.value = String(place);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await frame(); // the maps draw in this frame
    for (let turn = 0; turn < 300 && !`${caption.textContent} `.includes(words); turn++) await frame();
    if (!`${caption.textContent} `.includes(words)) throw new Error(`${words} is not shown: ${caption.textContent}`);
    await new Promise((resolve) => setTimeout(resolve));
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b);
}"""


def shown_step(page: Page, element: str) -> str:
    """Return the step that a map says it shows."""
    found = re.search(r"step ([\d\u202f]+)", page.locator(f"{element} .caption").first.inner_text())
    return found.group(1) if found else ""


RECIPES: dict[str, Recipe] = {
    "grid-map": {"algorithm": "q_learning", "environment": "FrozenLake-v1", "total_steps": 20_000},
    "plane-map": {"algorithm": "ppo", "environment": "CartPole-v1", "total_steps": 20_000},
}
CLIFF: Recipe = {"algorithm": "q_learning", "environment": "CliffWalking-v1", "total_steps": 20_000}
CASES = [*RECIPES.items(), ("grid-map", CLIFF)]


def kept_steps(page: Page, server: Server, number: int) -> list[int]:
    """Return the steps at which the run's first panel was kept."""
    steps: list[int] = page.request.get(f"{server.url}/api/v1/runs/{number}/frames").json()["panels"][0]["steps"]
    return steps


@pytest.mark.parametrize(("element", "recipe"), CASES)
def test_everything_goes_to_the_moment_in_time(visit: Open, server: Server, element: str, recipe: Recipe) -> None:
    page = visit("/runs").page
    number = begin(page, server, recipe)
    slider = page.get_by_role("slider", name="Moment of the run")
    expect(slider).to_be_enabled()
    expect(page.locator(f"{element} canvas").first).to_be_visible()
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator(f"{element} .caption").first).to_contain_text("step 0")
    for _press in range(20):
        page.keyboard.press("ArrowRight")
    kept = kept_steps(page, server, number)
    wanted = f"{kept[20]:,}".replace(",", "\u202f")
    expect(page.locator(f"{element} .caption").first).to_contain_text(f"step {wanted}")
    expect(page.locator("curve-chart .plot-moment").first).to_be_attached()
    expect(page.locator("curve-chart .caption").first).to_have_text(re.compile("^(first )?at [\\d\u202f]+ steps$"))
    expect(page.locator(".run-edit")).to_contain_text("as they were then")
    expect(page.locator("agent-player")).to_contain_text("evaluation at step")
    expect(page.locator("agent-player .readout")).to_contain_text(
        re.compile("the last one by step|^later: .*none was kept by step")
    )
    expect(page.locator("#run-events .log-item[data-event=evaluation]").first).to_have_attribute("data-later", "")
    expect(page.locator("#run-events .log-item").last).not_to_have_attribute("data-later", "")
    if element == "grid-map":
        expect(page.locator("equation-inspector")).to_contain_text(f"Step {kept[20]} · ")
    expect(page).to_have_url(re.compile(rf"at={kept[20]}\b"))
    page.reload()
    expect(page.locator(f"{element} .caption").first).to_contain_text(f"step {wanted}")
    slider.focus()
    page.keyboard.press("End")
    assert shown_step(page, element)
    page.get_by_role("button", name="End", exact=True).click()
    expect(page.locator(".plot-moment")).to_have_count(0)
    expect(page.locator("#run-events [data-later]")).to_have_count(0)
    expect(page).to_have_url(re.compile(rf"/runs/{number}$"))


def milliseconds_of_moves(page: Page, server: Server, element: str, recipe: Recipe) -> list[float]:
    """Return how long each of many moves took, in order; one ends when the map in view says the moment's step.

    The first begins before the past was read.
    """
    number = begin(page, server, recipe)
    expect(page.locator(f"{element} canvas").first).to_be_visible()
    kept = kept_steps(page, server, number)
    expect(page.get_by_role("slider", name="Moment of the run")).to_have_attribute("max", str(len(kept) - 1))
    times: list[float] = page.evaluate(MEASURE, [MOVES, element, kept])
    return times


@pytest.mark.parametrize(("element", "recipe"), CASES)
def test_each_of_many_quick_moves_shows_its_moment(visit: Open, server: Server, element: str, recipe: Recipe) -> None:
    assert len(milliseconds_of_moves(visit("/runs").page, server, element, recipe)) == MOVES


def test_pictures_of_the_past_come_many_in_one_answer(visit: Open, server: Server) -> None:
    page = visit("/runs").page
    number = begin(page, server, RECIPES["grid-map"])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/frames/grid_values" in request.url else None)
    page.goto(f"/runs/{number}?at=0")
    caption = page.locator("grid-map[data-hero] .caption")
    expect(caption).to_contain_text("step 0")
    kept = kept_steps(page, server, number)
    slider = page.get_by_role("slider", name="Moment of the run")
    slider.focus()
    for place in range(0, len(kept), 10):
        slider.fill(str(place))
        expect(caption).to_contain_text(f"step {kept[place]:,} ".replace(",", "\u202f"))
    read = [address for address in asked if "past?" in address]
    assert len(kept) > 100
    assert 1 <= len(read) <= 8, read
    assert not [address for address in asked if "?step=" in address]


def test_the_past_plays_and_a_running_run_does_not_follow_until_live(visit: Open, server: Server) -> None:
    page = visit("/runs").page
    made = page.request.post(
        f"{server.url}/api/v1/runs",
        data=json.dumps({**RECIPES["grid-map"], "total_steps": 500_000_000, "speed": 1000}),
        headers={"Content-Type": "application/json", "Origin": server.url},
    )
    number = made.json()["id"]
    page.goto(f"/runs/{number}")
    expect(page.locator("#run-header [data-live=state]")).to_have_text("running", timeout=90_000)
    slider = page.get_by_role("slider", name="Moment of the run")
    expect(slider).to_be_enabled()
    page.locator("#run-edit input[name='config.epsilon']").fill("0.2")
    page.get_by_role("button", name="Apply from now on").click()
    expect(page.locator("time-travel .time-mark[data-kind=edit]")).to_have_count(1)
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator(".run-edit [data-key=epsilon]")).to_have_text("1")
    caption = page.locator("grid-map[data-hero] .caption")
    expect(caption).to_contain_text("step 0")
    page.keyboard.press("Space")
    expect(caption).not_to_contain_text("step 0 ")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play the past")).to_be_visible()
    then = page.locator("time-travel .time-words").inner_text()
    expect(caption).to_contain_text(f"{then} ·")
    before = page.locator("#run-header [data-live=step]").inner_text()
    expect(page.locator("#run-header [data-live=step]")).not_to_have_text(before)
    assert then in caption.inner_text(), "the past stays while the run goes on"
    page.get_by_role("button", name="Live", exact=True).click()
    expect(caption).not_to_contain_text(f"{then} ·")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#run-header [data-live=state]")).to_have_text("stopped", timeout=90_000)
