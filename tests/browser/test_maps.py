"""A table whose states lie on several maps: the viewer chooses one, all pictures of the page follow, and cells are read out."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open, Server, begin


def test_the_two_maps_of_blackjack_are_chosen_together(visit: Open, server: Server) -> None:
    page = visit("/runs").page
    begin(page, server, {"algorithm": "q_learning", "environment": "Blackjack-v1", "total_steps": 2_000})
    value = page.locator("grid-map[data-hero]")
    error = page.locator("grid-map[mode=error]")
    value.locator("select").select_option("usable ace")
    expect(error.locator("select")).to_have_value("1")
    value.locator("canvas").focus()
    page.keyboard.press("ArrowRight")
    expect(value.locator(".caption")).to_contain_text("hand 4 against A, usable ace: no state")
    for _press in range(8):
        page.keyboard.press("ArrowRight")
    expect(value.locator(".caption")).to_contain_text("hand 12 against A, usable ace: V")


def test_a_row_of_states_is_a_map_and_has_its_agent(visit: Open, server: Server) -> None:
    page = visit("/runs").page
    begin(page, server, {"algorithm": "q_learning", "environment": "random_walk", "total_steps": 2_000})
    canvas = page.locator("grid-map[data-hero] canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile("Value map, 1 by 7 cells"))
    page.locator("agent-player select").select_option(index=1)
    expect(page.locator("agent-player")).to_contain_text("ended by the environment")
