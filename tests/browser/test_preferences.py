"""Comparing clips in a browser: by keyboard, with abilities that follow, in both themes, narrow, and without script.

Covers static/js/elements/preference-page.js and static/js/elements/clip-player.js.
"""

import json

from playwright.sync_api import expect

from tests.browser.conftest import Open, Server, begin
from tests.browser.test_accessibility import check, in_both_themes

CLIFF = {"algorithm": "q_learning", "environment": "CliffWalking-v1", "total_steps": 2_000}


def test_clips_are_compared_by_keyboard_and_what_others_say_appears(visit: Open, server: Server) -> None:
    page = visit("/runs").page
    run = begin(page, server, CLIFF)
    page.goto(f"/runs/{run}/preferences")
    expect(page.locator("clip-player canvas")).to_have_count(2)
    expect(page.locator("clip-player .readout").first).to_contain_text("steps")
    seen, title = page.locator("#preference-seen"), page.locator("#pair-title")
    for number, key in enumerate(("ArrowLeft", "ArrowRight", "ArrowDown"), start=1):
        page.keyboard.press(key)
        expect(title).to_have_text(f"Pair {number + 1}")
        expect(seen).to_have_attribute("data-total", str(number))
    headers = {"Content-Type": "application/json", "Origin": server.url}
    address = f"{server.url}/api/v1/runs/{run}/preferences"
    choices = [item["choice"] for item in page.request.get(address).json()["items"]]
    assert choices == ["left", "right", "tie"]
    page.request.post(f"{address}/simulated", data=json.dumps({"count": 20}), headers=headers)
    expect(seen).to_have_attribute("data-total", "23")
    expect(title).to_have_text("Pair 4")  # the pair that is being looked at stays
    for theme in in_both_themes(page):
        check(page, theme)
    narrow = visit(f"/runs/{run}/preferences", width=360, script=False).page
    narrow.get_by_role("button", name="Neither").click()
    expect(narrow.locator("#pair-title")).to_have_text("Pair 25")
