"""A table whose states lie on several maps: the viewer chooses one, all pictures of the page follow, and cells are read out."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.test_play_and_watch import start, state


def test_the_two_maps_of_blackjack_are_chosen_together(visit: Open) -> None:
    page = visit("/").page
    start(page, environment="Blackjack-v1", algorithm="q_learning", steps="2000")
    state(page, "finished")
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


def test_a_row_of_states_is_a_map_and_has_its_agent(visit: Open) -> None:
    page = visit("/").page
    start(page, environment="random_walk", algorithm="q_learning", steps="2000")
    state(page, "finished")
    canvas = page.locator("grid-map[data-hero] canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile("Value map, 1 by 7 cells"))
    page.locator("agent-player select").select_option(index=1)
    expect(page.locator("agent-player")).to_contain_text("ended by the environment")
