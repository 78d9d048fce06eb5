"""A person plays the agent's episode again: by keys, by touch, and back to where the focus was."""

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.test_play_and_watch import start, state


def test_an_episode_is_played_by_keys_and_by_touch(visit: Open) -> None:
    page = visit("/", width=360).page
    start(page, environment="CliffWalking-v1", algorithm="q_learning", steps="5000")
    state(page, "finished")
    trio = page.locator("episode-trio")
    trio.scroll_into_view_if_needed()
    expect(trio.locator("figure").first).to_contain_text("in ")
    page.locator("agent-player select").first.select_option(index=1)
    play = page.get_by_role("button", name="Play this episode yourself")
    play.click()
    game = page.locator("episode-game")
    expect(game).to_contain_text("Same world, same start, same chance as the agent's episode: return")
    expect(game.locator(".game-field")).to_be_focused()
    for key in ("ArrowUp", *["ArrowRight"] * 11, "ArrowDown"):
        page.keyboard.press(key)
    expect(game).to_contain_text("You: −13 in 13 steps, ended by the environment")
    expect(game.locator("[aria-live]")).to_contain_text("the agent: −")
    game.get_by_role("button", name="Start over").click()
    expect(game.locator("figcaption")).to_have_text("Your turn")
    game.get_by_role("button", name="Up, key ↑").click()
    expect(game.locator("figcaption")).to_have_text("You: −1 in 1 steps")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.keyboard.press("Escape")
    expect(game).to_have_count(0)
    expect(play).to_be_focused()
