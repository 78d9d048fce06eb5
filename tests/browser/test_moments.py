"""What a moment of a run says: nothing before its first step, what a schedule is worth then, and where the past ends.

Covers static/js/elements/value-now.js and static/js/time-parts.js.
"""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Server

RECIPE = {
    "algorithm": "q_learning", "environment": "CliffWalking-v1", "total_steps": 3000,
    "config": {"epsilon": 1.0, "epsilon_schedule": "linear", "epsilon_final": 0.0, "epsilon_decay_steps": 4000},
}  # fmt: skip


def finished(page: Page, server: Server) -> int:
    number: int = page.request.post(f"{server.url}/api/v1/runs", data=RECIPE).json()["id"]
    page.goto(f"{server.url}/runs/{number}")
    expect(page.locator("#run-header [data-live=state]")).to_have_text("finished", timeout=90_000)
    return number


def test_schedules_step_zero_and_the_end_are_said(visit: Open, server: Server) -> None:
    page = visit("/runs").page
    finished(page, server)
    page.reload()
    epsilon = page.locator("dd:has(> [data-key=epsilon]) value-now")
    expect(epsilon).to_have_text("now 0.25")
    expect(page.locator("time-travel .time-words")).to_have_text("end")
    slider = page.get_by_label("Moment of the run")
    expect(slider).to_be_enabled()
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator("equation-inspector")).to_contain_text("Step 0 · nothing has happened yet")
    expect(page.locator("equation-inspector")).not_to_contain_text("led to")
    expect(epsilon).to_have_text("")
    for _press in range(25):
        page.keyboard.press("ArrowRight")
    expect(epsilon).to_contain_text("then 0.")
    page.get_by_role("button", name="End", exact=True).click()
    expect(epsilon).to_have_text("now 0.25")


WAITS = """async () => {
  const at = (file) => new URL(file, document.querySelector("script[type=module]").src);
  const [{ Audience }, { waiting }] = await Promise.all(["audience.js", "waiting.js"].map((file) => import(at(file))));
  const host = document.createElement("div");
  document.body.append(host);
  host.append(waiting(host));
  const [audience, shown] = [new Audience(() => {}), []];
  audience.add((picture) => shown.push(picture.step), host);
  const words = [host.textContent];
  audience.tell({ step: 3, meta: { waits: "Appears later." } }, false);
  words.push(host.textContent);
  audience.tell({ step: 4, meta: {} }, false);
  audience.tell({ step: 5, meta: { waits: "Appears later." } }, false);
  return { shown, words };
}"""


def test_a_picture_that_waits_for_an_update_says_so_and_leaves_what_is_shown(visit: Open) -> None:
    assert visit("/").page.evaluate(WAITS) == {
        "shown": [4],
        "words": ["Waiting for the first picture.", "Appears later."],
    }
