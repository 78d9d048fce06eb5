"""A user starts a run, watches it, pauses, steps, resumes, stops and compares, with script and without."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import WORK_MS, Open, Server, begin

LONG = "500000000"
LAKE: dict[str, object] = {"algorithm": "q_learning", "environment": "FrozenLake-v1", "total_steps": 20_000}
CLIFF: dict[str, object] = {**LAKE, "environment": "CliffWalking-v1"}


def state(page: Page, name: str) -> None:
    """Wait until the run's pill shows a state."""
    expect(page.locator("#run-header [data-live=state]")).to_have_text(name, timeout=WORK_MS)


def start(page: Page, *, environment: str, algorithm: str, steps: str, seed: str = "0") -> None:
    """Choose on Play and press Start."""
    world = page.locator(f"input[name=environment][value={environment!r}]")
    if not world.is_checked():
        with page.expect_response(re.compile(r"/\?.*environment=")):
            world.check()
        page.wait_for_url(re.compile(f"environment={environment}"))
    if not page.locator(f"input[value={algorithm}]").is_checked():
        with page.expect_response(re.compile(r"/\?.*algorithm=")):
            page.locator(f"input[value={algorithm}]").check()
        page.wait_for_url(re.compile(f"algorithm={algorithm}"))
    page.get_by_label("Budget").fill(steps)
    page.get_by_label("Seed").fill(seed)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/runs/\d+$"))


def test_start_watch_pause_step_resume_stop(visit: Open) -> None:
    page = visit("/").page
    start(page, environment="FrozenLake-v1", algorithm="q_learning", steps=LONG)
    state(page, "running")
    chart = page.locator("curve-chart[scalar='rollout/episode_return'][data-size=large]")
    expect(chart.locator(".plot-now")).not_to_have_text("–")
    expect(chart.locator("canvas")).to_be_visible()
    grid = page.locator("grid-map[data-hero]")
    expect(grid.locator("canvas")).to_have_attribute("aria-label", re.compile("Value map, 4 by 4 cells"))
    page.get_by_role("button", name="Pause").click()
    state(page, "paused")
    at = page.locator("#run-header [data-live=step]").inner_text()
    page.locator("#run-header .steps").get_by_role("button", name="step", exact=True).click()
    expect(page.locator("#run-header [data-live=step]")).not_to_have_text(at)
    state(page, "paused")
    page.get_by_role("button", name="Resume").click()
    state(page, "running")
    page.get_by_role("button", name="Stop").click()
    state(page, "stopped")
    expect(page.locator("#run-header")).to_contain_text("Stop receipt")


BAR = """() => {
  const [bar, step] = ["progress", "step"].map((name) => document.querySelector(`#run-header [data-live=${name}]`));
  return [bar.value * 20_000, Number(step.textContent.replace(/[^0-9]/g, ""))];
}"""


def test_the_bar_moves_with_the_steps_while_the_run_goes(visit: Open) -> None:
    page = visit("/?environment=CliffWalking-v1&algorithm=q_learning&total_steps=20000&speed=200").page
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/runs/\d+$"))
    state(page, "running")
    before = page.evaluate(BAR)[1]
    for _look in range(20):
        page.wait_for_timeout(100)
        shown, steps = page.evaluate(BAR)
        assert abs(shown - steps) < 1
    assert before < steps < 20_000
    page.get_by_role("button", name="Stop").click()
    state(page, "stopped")


def test_a_live_edit_is_logged_and_marked(visit: Open) -> None:
    page = visit("/").page
    start(page, environment="CliffWalking-v1", algorithm="q_learning", steps=LONG)
    state(page, "running")
    page.locator("#run-edit input[name='config.epsilon']").fill("0.2")
    page.get_by_role("button", name="Apply from now on").click()
    expect(page.locator("#run-events [data-event=edit]")).to_contain_text("0.2")
    page.get_by_role("button", name="Stop").click()
    state(page, "stopped")
    expect(page.locator("#run-edit")).not_to_contain_text("Apply")


def test_the_map_is_read_by_keyboard(visit: Open, server: Server) -> None:
    page = visit("/runs").page
    begin(page, server, LAKE)
    canvas = page.locator("grid-map[data-hero] canvas")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("grid-map[data-hero] [aria-live]")).to_contain_text("row 0, column 1: V")
    page.get_by_role("button", name="Q", exact=True).click()
    expect(canvas).to_have_attribute("aria-label", re.compile("^Q map"))


def test_a_replay_plays(visit: Open, server: Server) -> None:
    page = visit("/runs").page
    begin(page, server, CLIFF)
    player = page.locator("agent-player")
    expect(player.locator("select option")).not_to_have_count(1)
    player.locator("select").select_option(index=1)
    expect(player).to_contain_text("evaluation at step")
    expect(player.get_by_role("slider")).to_be_enabled()


def test_two_runs_are_compared(visit: Open, server: Server) -> None:
    page = visit("/runs").page
    numbers = [begin(page, server, recipe) for recipe in (CLIFF, {**CLIFF, "seed": 2})]
    page.goto("/runs?environment=CliffWalking-v1&state=finished")
    expect(page.get_by_role("button", name="Compare")).to_be_disabled()
    for number in numbers:
        page.locator(f"tbody input[name=runs][value='{number}']").check()
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url(re.compile("/compare"))
    expect(page.locator("curve-chart canvas").first).to_be_visible()
    expect(page.locator("td.is-different").first).to_be_visible()


def test_dashed_lines_too_near_for_two_labels_share_one(visit: Open) -> None:
    page = visit("/runs").page
    found = page.evaluate(
        """async () => {
          const main = [...document.scripts].find((one) => one.src.endsWith("main.js")).src;
          const { bundles, fitted } = await import(main.replace("main.js", "plot-notes.js"));
          const levels = [["Optimum 500", 20], ["Solved 475", 28], ["Random policy 22", 180]].map(([text, y]) => ({ text, y }));
          const width = (words) => words.length * 6;
          return [bundles(levels).map(({ texts }) => texts), fitted(["Optimum 500", "Solved 475", "PPO 490"], 180, width)];
        }"""
    )
    assert found == [[["Optimum 500", "Solved 475"], ["Random policy 22"]], "Optimum 500 · Solved 475 · +1"]


def test_the_list_follows_a_run(visit: Open) -> None:
    watching = visit("/runs").page
    page = visit("/").page
    start(page, environment="CliffWalking-v1", algorithm="q_learning", steps=LONG, seed="77")
    number = page.url.rsplit("/", 1)[1]
    row = watching.locator(f"[data-run='{number}']")
    expect(row.locator("[data-live=state]")).to_have_text("running")
    page.get_by_role("button", name="Stop").click()
    expect(row.locator("[data-live=state]")).to_have_text("stopped")


def test_everything_works_without_script(visit: Open) -> None:
    page = visit("/", script=False).page
    page.locator("input[value='CliffWalking-v1']").check()
    page.get_by_role("button", name="Show this choice").click()
    page.wait_for_url(re.compile("environment=CliffWalking-v1"))
    page.get_by_label("Budget").fill(LONG)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/runs/\d+$"))
    page.get_by_role("button", name="Stop").click()
    page.wait_for_url(re.compile(r"/runs/\d+$"))
    expect(page.locator("#run-header [data-live=state]")).to_have_text(re.compile("stopping|stopped"))
    page.goto("/runs?state=stopped")
    expect(page.locator("tbody tr").first).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
def test_deleting_asks_first(visit: Open, *, script: bool) -> None:
    visited = visit("/", script=script)
    page = visited.page
    for seed in ("31", "32"):
        page.goto(f"/?environment=CliffWalking-v1&algorithm=q_learning&total_steps={LONG}&seed={seed}")
        page.get_by_role("button", name="Start").click()
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("[data-live=state]")).to_have_text(re.compile("stopp"))
        page.goto(page.url)
        expect(page.locator("[data-live=state]")).to_have_text(re.compile("stopp"))
    page.goto("/runs?environment=CliffWalking-v1")
    first = page.locator("tbody tr").nth(1).get_attribute("data-run")
    page.locator("tbody input[name=runs]").nth(1).check()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text(f"Delete run #{first}")
    page.get_by_role("button", name="Delete for good").click()
    page.wait_for_url(re.compile(r"/runs\?environment=CliffWalking-v1$"))
    expect(page.locator(f"[data-run='{first}']")).to_have_count(0)
    page.locator("tbody a.run-link").first.click()
    page.get_by_role("button", name="Rename").click()
    page.keyboard.press("Escape")
    asked = f"/api/v1/runs/{page.url.split('/runs/')[1].split('#')[0]}/"
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete for good").click()
    page.wait_for_url(re.compile(r"/runs$"))
    # what was asked for while the run went is answered 404, and the browser says so
    visited.complaints[:] = [words for words in visited.complaints if asked not in words]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_toggle_is_kept(visit: Open, theme: str) -> None:
    page = visit("/learn", theme=theme).page
    page.get_by_role("button", name="Switch between light and dark").click()
    other = "dark" if theme == "light" else "light"
    expect(page.locator("html")).to_have_attribute("data-theme", other)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", other)
