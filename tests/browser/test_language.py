"""The language lab in a browser: a chain of stages from its page, a completion token by token, tokens read by keys, rewards edited.

Covers static/js/odds-bar.js, static/js/elements/writing-player.js, token-grid.js, group-advantages.js, text-table.js and attention-map.js.
"""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import WORK_MS, Open
from tests.browser.test_accessibility import check, in_both_themes

LAB = "/language?task=sort_digits"


def run_stage(page: Page, stage: str, updates: int, **choices: str) -> int:
    """Start a stage with the form of its card, and wait until its run has finished."""
    card = page.locator(f"form:has(input[name=stage][value={stage}])")
    card.get_by_label("Updates").fill(str(updates))
    for name, value in choices.items():
        card.locator(f"[name='config.{name}']").fill(value)
    card.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/runs/\d+$"))
    expect(page.locator("#run-header [data-live=state]")).to_have_text("finished", timeout=WORK_MS)
    return int(page.url.rsplit("/", 1)[-1])


def test_a_chain_is_run_and_taken_apart(visit: Open) -> None:
    page = visit(LAB).page
    taught = run_stage(page, "sft", 6)
    see_writing(page)
    page.goto(LAB)
    page.get_by_role("link", name=f"Start the next stage from run {taught}").click()
    run_stage(page, "grpo_language", 3, beta="0.05")
    expect(page.locator("text-table").first.locator("tbody tr")).to_have_count(8)
    read_tokens(page)
    edit_a_reward(page)
    heads = page.locator("attention-map")
    heads.scroll_into_view_if_needed()
    heads.locator("select").first.select_option(index=3)
    expect(heads.get_by_role("table", name="Attention of layer 4, head 1")).to_be_visible()
    for theme in in_both_themes(page):
        check(page, theme)
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def see_writing(page: Page) -> None:
    """Walk through a completion: what is written grows by a token a step, and the words name its share."""
    player = page.locator("writing-player")
    player.scroll_into_view_if_needed()
    line, words, slider = (
        player.locator(".writing-line"),
        player.locator(".writing-words"),
        player.get_by_role("slider"),
    )
    prompt = player.get_by_label("Prompt").locator("option").first.inner_text()
    expect(words).to_contain_text("Earned: digits in place")
    play = player.get_by_role("button", name="Play the replay")
    expect(play).to_be_visible()  # of a run that has ended it stops at the end
    whole = line.inner_text()
    slider.focus()
    page.keyboard.press("Home")
    expect(line).to_have_text(f"{prompt}▁")
    expect(words).to_contain_text(
        re.compile(r"Token 1 of \d: the drawn number 0\.\d{3} falls on “.”, which has [\d.]+\s%")
    )
    page.keyboard.press("ArrowRight")
    expect(line).to_have_text(f"{whole[: len(prompt) + 1]}▁")
    widths = player.locator(".odds").evaluate_all("all => all.map((one) => one.getBoundingClientRect().width)")
    bar = player.locator(".odds-bar").bounding_box()
    assert bar
    assert abs(sum(widths) - bar["width"]) < 1
    needle = player.locator(".odds-needle").bounding_box()
    drawn = player.locator(".odds[data-drawn]").bounding_box()
    assert needle
    assert drawn
    middle = needle["x"] + needle["width"] / 2
    assert drawn["x"] - 1 <= middle <= drawn["x"] + drawn["width"] + 1, "the number points to the token that is written"
    play.click()
    expect(line).to_have_text(whole)
    expect(play).to_be_visible()
    own = player.get_by_label("or your own")
    own.fill("12x=")
    own.press("Enter")
    assert "Holds x, which the model has no token for" in own.evaluate("input => input.validationMessage")
    own.fill("99=")
    own.press("Enter")
    expect(line).to_contain_text("99=")
    expect(words).not_to_contain_text("Earned")
    own.fill("")
    own.press("Enter")
    expect(line).to_contain_text(prompt)


def read_tokens(page: Page) -> None:
    """Read the numbers of tokens with the arrow keys."""
    grid = page.locator("token-grid")
    grid.scroll_into_view_if_needed()
    grid.locator("td.token").first.focus()
    expect(grid.locator(".token-words")).to_contain_text("token 1 of")
    page.keyboard.press("ArrowRight")
    expect(grid.locator(".token-words")).to_contain_text("token 2 of")
    expect(grid.locator(".token-words")).to_contain_text("advantage")


def edit_a_reward(page: Page) -> None:
    """Type another reward: the advantages of its group follow, (r − mean) / deviation, and the run's come back."""
    groups = page.locator("group-advantages")
    groups.scroll_into_view_if_needed()
    expect(groups.locator("option").first).to_be_attached()
    names = groups.get_by_label("Prompt").locator("option").all_inner_texts()
    dead = [name.endswith(", all the same") for name in names]
    assert dead == sorted(dead), "those that teach come first"
    values = groups.locator(".group-reward").evaluate_all("all => all.map((one) => one.value)")
    assert (len(set(values)) == 1) == dead[0], "and the first of them is open"
    rewards = groups.locator("input.group-reward")
    for place in range(rewards.count()):
        rewards.nth(place).fill("1" if place == 0 else "0")
    cells = groups.locator("tbody td.number:last-child")
    expect(cells.first).to_have_text(re.compile(r"2\.6"))  # √7: one right of eight
    expect(cells.nth(1)).to_have_text(re.compile(r"[−-]0\.37"))  # −1/√7
    groups.get_by_role("button", name="As in the run").click()
    expect(groups.get_by_role("button", name="As in the run")).to_be_hidden()
