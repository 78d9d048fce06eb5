"""The inspector on a paused run: one step shows the transition, the rule with its numbers, the change, the line of source.

Covers static/js/elements/equation-inspector.js and static/js/link.js.
"""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Server
from tests.browser.test_accessibility import check

CLIFF = "CliffWalking-v1"
COUNT_RINGS = """() => {
  window.rings = 0;
  const count = (changes) => { for (const { addedNodes } of changes) for (const node of addedNodes) window.rings += node.className === "cell-flash"; };
  new MutationObserver(count).observe(document.body, { childList: true, subtree: true });
}"""


def paused(page: Page, server: Server, environment: str = CLIFF, algorithm: str = "q_learning") -> int:
    """Start a run over REST, open its page and pause it there."""
    headers = {"Content-Type": "application/json", "Origin": server.url}
    body = {"algorithm": algorithm, "environment": environment, "total_steps": 500_000_000, "speed": 50}
    made = page.request.post(f"{server.url}/api/v1/runs", data=json.dumps(body), headers=headers)
    number = int(made.json()["id"])
    page.goto(f"/runs/{number}")
    expect(page.locator("#run-header [data-live=state]")).to_have_text("running", timeout=90_000)
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("#run-header [data-live=state]")).to_have_text("paused", timeout=90_000)
    return number


@pytest.mark.parametrize("environment", [CLIFF, "FrozenLake-v1"])
def test_a_step_is_shown_with_its_numbers_and_its_line(visit: Open, server: Server, environment: str) -> None:
    page = visit("/runs").page
    number = paused(page, server, environment)
    inspector = page.locator("equation-inspector")
    before = step_of(page, server, number)
    expect(inspector).to_contain_text(f"Step {before} · ")
    page.evaluate(COUNT_RINGS)
    inspector.get_by_role("button", name="One step").click()
    expect(inspector).to_contain_text(re.compile(rf"Step {before + 1} · state \d+ \(row .*\): \w+ led to state"))
    expect(inspector.locator("math-tex[data-set=formula]").nth(1)).to_be_attached()
    assert page.evaluate("window.rings") > 0, "a ring goes around the cell whose value changed, and goes"
    facts = page.request.get(f"{server.url}/api/v1/runs/{number}/frames/inspector").json()["meta"]
    terms = {term["symbol"]: term["value"] for term in facts["terms"]}
    delta = terms["r"] + terms["\\gamma"] * terms["\\max_{a'} Q(s',a')"] - terms["Q(s,a)"]
    assert abs(facts["old"] + terms["\\alpha"] * delta - facts["new"]) < 1e-12
    expect(inspector.get_by_role("img", name=re.compile("Backup diagram"))).to_be_visible()
    check(page)
    link = inspector.locator(".inspector-source")
    expect(link).to_contain_text(f"# ({facts['number']})")
    link.click()
    page.wait_for_url(re.compile(rf"/learn/q_learning#line-{facts['line']}$"))
    expect(page.locator(f"#line-{facts['line']}")).to_be_attached()


def test_the_map_stays_while_the_header_steps(visit: Open, server: Server) -> None:
    page = visit("/runs", width=360).page
    paused(page, server)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    before = page.locator("#run-header [data-live=step]").inner_text()
    page.get_by_label("Step", exact=True).fill("3")
    page.locator("#run-header .steps").get_by_role("button", name="episode").click()
    expect(page.locator("#run-header [data-live=step]")).not_to_have_text(before)
    expect(page.locator("grid-map[data-hero] canvas")).to_be_visible()
    assert page.locator(":popover-open").count() == 0
    assert page.get_by_label("Step", exact=True).input_value() == "3", "the count stays"


def test_a_lost_server_is_said_and_taken_back(visit: Open) -> None:
    found = visit("/runs")
    page = found.page
    page.route("**/api/v1/stream*", lambda route: route.abort())
    page.reload()
    note = page.get_by_text("Connection lost, trying again…")
    expect(note).to_be_visible()
    page.unroute("**/api/v1/stream*")
    expect(note).to_be_hidden()
    found.complaints.clear()  # the browser says each failed request


@pytest.mark.parametrize("word", ["update", "episode"])
def test_the_inspector_of_a_grid_goes_on_by_an_update_or_an_episode(visit: Open, server: Server, word: str) -> None:
    page = visit("/runs").page
    number = paused(page, server)
    inspector = page.locator("equation-inspector")
    before = step_of(page, server, number)
    expect(inspector).to_contain_text(re.compile(rf"Step {before} · "))  # the last picture is of where it paused
    inspector.get_by_role("button", name=f"One {word}", exact=True).click()
    expect(inspector).to_contain_text(re.compile(rf"Step (?!{before}\b)\d+ · state \d+ \(row"))
    expect(page.locator("#run-header [data-live=state]")).to_have_text("paused")
    after = step_where_it_stays(page, server, number, before)
    expect(inspector).to_contain_text(re.compile(rf"Step {after} · "))
    facts = page.request.get(f"{server.url}/api/v1/runs/{number}/frames/inspector").json()
    assert facts["step"] == after, "the picture is of where it stopped"
    ends = page.request.get(f"{server.url}/api/v1/runs/{number}/metrics?names=rollout/episode_length").json()
    if word == "episode":
        assert ends["series"]["rollout/episode_length"]["steps"][-1] == after, "it stopped where an episode ended"


def step_of(page: Page, server: Server, number: int) -> int:
    """Return the step at which a run stands."""
    return int(page.request.get(f"{server.url}/api/v1/runs/{number}").json()["step"])


def step_where_it_stays(page: Page, server: Server, number: int, before: int) -> int:
    """Wait until a run stands further on than it did and goes no further; return its step."""
    expect_moved(page, server, number, before)
    steps = [before]
    while steps[-1] != step_of(page, server, number):
        steps.append(step_of(page, server, number))
        page.wait_for_timeout(500)
    return steps[-1]


def expect_moved(page: Page, server: Server, number: int, before: int) -> None:
    """Wait until a run stands further on than it did."""
    for _try in range(600):
        if step_of(page, server, number) > before:
            return
        page.wait_for_timeout(100)
    pytest.fail(f"run {number} stayed at step {before}")


@pytest.mark.parametrize("algorithm", ["ppo", "dqn"])
def test_a_network_shows_its_last_minibatch_sample_by_sample(visit: Open, server: Server, algorithm: str) -> None:
    page = visit("/runs", width=360).page
    number = paused(page, server, "CartPole-v1", algorithm)
    inspector = page.locator("minibatch-inspector")
    before = step_of(page, server, number)
    inspector.get_by_role("button", name="One update", exact=True).click()
    expect(inspector).to_contain_text(re.compile(r"Step [\d\s]+ · the last minibatch: [\d\s]+ samples, whose mean is"))
    expect(inspector).to_contain_text(re.compile(r"Sample 1 of [\d\s]+, by size of its part"))
    expect_moved(page, server, number, before)
    frame = page.request.get(f"{server.url}/api/v1/runs/{number}/frames/minibatch").json()
    assert before < frame["step"] == step_of(page, server, number)
    lines = inspector.locator(".minibatch-line")
    expect(lines).to_have_count(len(frame["meta"]["lines"]))
    for line in frame["meta"]["lines"]:
        expect(inspector.locator(".inspector-source", has_text=f"# ({line['number']})").first).to_be_visible()
    rows = inspector.locator("tbody tr")
    expect(rows.first).to_have_attribute("data-chosen", "")
    worked = lines.first.locator("math-tex").get_attribute("tex")
    rows.nth(1).click()
    expect(inspector).to_contain_text(re.compile(r"Sample 2 of [\d\s]+, by size of its part"))
    expect(rows.nth(1)).to_have_attribute("data-chosen", "")
    assert lines.first.locator("math-tex").get_attribute("tex") != worked, "the numbers are those of the chosen sample"
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    check(page)
