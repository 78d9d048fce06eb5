"""The gridworld editor in a real browser: drawing by mouse and keyboard, taking back, refusals in words, starting, changing a run."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open
from tests.browser.test_accessibility import check

EMPTY = "S.../..../...G"
SAVED = "S.#./..../...G"
PLAY = f"/?environment=gridworld&algorithm=q_learning&layout={EMPTY}&total_steps=3000"
ROWS, COLS = 3, 4


def solved(page: Page) -> None:
    """Wait for V*: a fresh kernel may compile for seconds."""
    expect(page.locator("[data-readout]")).to_contain_text("V* at the start", timeout=90_000)


def center(page: Page, row: int, col: int) -> tuple[float, float]:
    """Where a cell lies on the screen; the cursor cell says how large cells are."""
    box, cursor = page.locator(".editor-stage").bounding_box(), page.locator(".editor-cursor").bounding_box()
    assert box
    assert cursor
    size = cursor["width"]
    left = box["x"] + (box["width"] - size * COLS) / 2
    return left + (col + 0.5) * size, box["y"] + (row + 0.5) * size


def layout_field(page: Page) -> Locator:
    return page.locator("[name='environment_config.layout']")


def test_a_world_is_drawn_taken_back_and_started(visit: Open) -> None:
    page = visit(PLAY).page
    solved(page)
    page.mouse.move(*center(page, 1, 0))
    page.mouse.down()
    page.mouse.move(*center(page, 1, 2), steps=3)
    page.mouse.up()
    expect(layout_field(page)).to_have_value("S.../###./...G")
    expect(page).to_have_url(re.compile(r"layout=S\.\.\.%2F%23%23%23\.%2F\.\.\.G"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("g")
    expect(layout_field(page)).to_have_value("S.../###./..GG")
    expect(page.locator("[data-spoken]")).to_contain_text("row 2, column 2: goal")
    page.keyboard.press("Control+z")
    expect(layout_field(page)).to_have_value("S.../###./...G")
    page.keyboard.press("Control+Shift+z")
    expect(layout_field(page)).to_have_value("S.../###./..GG")
    page.get_by_role("button", name="Undo").click()
    expect(layout_field(page)).to_have_value("S.../###./...G")
    expect(page).to_have_url(re.compile(r"layout=S\.\.\.%2F%23%23%23\.%2F\.\.\.G"))
    solved(page)
    page.reload()
    expect(layout_field(page)).to_have_value("S.../###./...G")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/runs/\d+"))
    expect(page.locator("[data-live=state]")).to_have_text("finished", timeout=60_000)
    page.goto(page.url + "?tab=configuration")
    expect(page.get_by_role("heading", name="on Gridworld")).to_be_visible()


def test_the_last_of_many_quick_acts_holds_however_late_the_answers_come(visit: Open) -> None:
    """The form asks the server for its recipe after every act; no answer to an older one may undo a newer."""
    page = visit(PLAY).page
    solved(page)
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 400, "downloadThroughput": -1, "uploadThroughput": -1},
    )
    page.locator(".editor-cursor").focus()
    for key in ("ArrowRight", "#", "ArrowDown", "g", *["Control+z", "Control+Shift+z"] * 4, "Control+z"):
        page.keyboard.press(key)
    expect(layout_field(page)).to_have_value("S#../..../...G")
    expect(page).to_have_url(re.compile(r"layout=S%23\.\.%2F\.\.\.\.%2F\.\.\.G"))
    page.wait_for_load_state("networkidle")
    expect(layout_field(page)).to_have_value("S#../..../...G")


def test_what_cannot_be_solved_is_said_and_nothing_is_lost(visit: Open) -> None:
    page = visit(PLAY).page
    solved(page)
    page.locator(".editor-cursor").focus()
    page.keyboard.press("Control+ArrowDown")
    page.keyboard.press("Control+ArrowRight")
    page.keyboard.press("Delete")
    expect(page.locator("[data-hint]")).to_contain_text("Has no goal")
    expect(layout_field(page)).to_have_value("S.../..../....")
    page.keyboard.press("g")
    expect(page.locator("[data-hint]")).to_be_empty()
    layout_field(page).fill("S..G\n..")
    layout_field(page).press("Tab")
    expect(page.locator("[data-hint]")).to_contain_text("make all rows equally long")
    page.locator(".editor-cursor").focus()
    page.keyboard.press("Control+z")
    expect(layout_field(page)).to_have_value(EMPTY)
    solved(page)


def test_a_refused_start_leads_to_the_drawing_and_keeps_what_can_be_taken_back(visit: Open) -> None:
    visited = visit(PLAY)
    page = visited.page
    solved(page)
    page.locator(".editor-cursor").focus()
    page.keyboard.press("Control+ArrowDown")
    page.keyboard.press("Control+ArrowRight")
    page.keyboard.press("Delete")
    expect(layout_field(page)).to_have_value("S.../..../....")
    page.get_by_role("button", name="Start", exact=True).click()
    alert = page.get_by_role("alert")
    expect(alert.get_by_role("link", name="layout")).to_have_attribute("href", "#f-environment_config-layout")
    alert.get_by_role("link", name="To the drawing").click()
    expect(page.locator(".editor-stage")).to_be_in_viewport()
    page.get_by_role("button", name="Undo").click()
    expect(layout_field(page)).to_have_value(EMPTY)
    visited.complaints.clear()  # the browser says each refused request


def test_a_size_beyond_the_bound_is_said(visit: Open) -> None:
    page = visit(PLAY).page
    solved(page)
    page.get_by_label("Rows").fill("45")
    page.get_by_label("Rows").press("Enter")
    expect(page.get_by_label("Rows")).to_have_value("40")
    expect(page.locator("[data-hint]")).to_contain_text("Size 45: must be a whole number from 1 to 40")


@pytest.mark.parametrize("width", [360, 1280])
def test_a_world_half_drawn_is_no_alarm_and_moves_nothing_until_start(visit: Open, width: int) -> None:
    visited = visit(PLAY, width=width)
    page = visited.page
    solved(page)
    cursor, below = page.locator(".editor-cursor"), page.locator(".editor-bar")
    cursor.focus()
    before = below.evaluate("(bar) => bar.getBoundingClientRect().top + scrollY")
    page.keyboard.press("Control+ArrowDown")
    page.keyboard.press("Control+ArrowRight")
    page.keyboard.press("Delete")
    expect(page.locator("[data-hint]")).to_have_text("Has no goal; put a G where episodes should end.")
    expect(page).to_have_url(re.compile(r"layout=S\.\.\.%2F\.\.\.\.%2F\.\.\.\.(&|$)"))
    assert abs(below.evaluate("(bar) => bar.getBoundingClientRect().top + scrollY") - before) < 2
    expect(page.get_by_role("alert")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("This recipe was refused")
    visited.complaints.clear()  # the browser says each refused request


def test_a_smaller_world_says_what_it_cuts_off_and_undo_brings_it_back(visit: Open) -> None:
    page = visit(PLAY).page
    solved(page)
    page.get_by_label("Columns").fill("3")
    page.get_by_label("Columns").press("Enter")
    expect(page.locator("[data-hint]")).to_contain_text("Cut off: goal. Undo brings it back.")
    expect(layout_field(page)).to_have_value("S../.../...")
    page.get_by_role("button", name="Undo").click()
    expect(layout_field(page)).to_have_value(EMPTY)
    expect(page.locator("[data-hint]")).to_be_empty()
    page.get_by_label("Rows").fill("4")
    page.get_by_label("Rows").press("Enter")
    expect(layout_field(page)).to_have_value(EMPTY + "/....")
    expect(page.locator("[data-hint]")).to_be_empty()


def test_gamma_recolours_at_once_and_sizes_and_textbook_grids_open(visit: Open) -> None:
    page = visit(PLAY).page
    solved(page)
    slider = page.get_by_label("Discount of V*")
    slider.fill("100")
    expect(page.locator("[data-readout]")).to_contain_text("with γ 1")
    page.get_by_label("Rows").fill("40")
    page.get_by_label("Rows").press("Enter")
    expect(layout_field(page)).to_have_value(re.compile(r"^S\.\.\./(\.\.\.\./?|/|\.\.\.G)+$"))
    page.locator("#fold-classics > summary").click()
    page.get_by_role("link", name="4 × 3 world").click()
    expect(layout_field(page)).to_have_value("...G/.#.X/S...")
    expect(page.locator("[name='environment_config.slip']")).to_have_value("0.2")
    expect(page.locator("[data-readout]")).to_contain_text("0.7053")


def test_worlds_are_saved_under_a_name(visit: Open) -> None:
    page = visit(PLAY.replace(EMPTY, SAVED.replace("#", "%23"))).page
    solved(page)
    page.locator("#fold-saved > summary").click()
    page.get_by_label("Name of this world").fill("Empty hall")
    page.get_by_role("button", name="Save", exact=True).click()
    link = page.get_by_role("link", name="Empty hall")
    expect(link).to_have_attribute("href", "/?environment=gridworld&saved=Empty+hall")
    page.get_by_role("button", name="Clear").click()
    expect(layout_field(page)).not_to_have_value(SAVED)
    link.click()
    expect(layout_field(page)).to_have_value(SAVED)
    page.goto(page.url.split("/?")[0] + "/?environment=gridworld&saved=Empty+hall")
    expect(layout_field(page)).to_have_value(SAVED)
    page.locator("#fold-saved > summary").click()
    page.get_by_role("button", name="Delete Empty hall").click()
    expect(page.get_by_role("link", name="Empty hall")).to_be_hidden()


def test_the_world_of_a_running_run_changes(visit: Open) -> None:
    page = visit(f"/?environment=gridworld&algorithm=q_learning&layout={EMPTY}&total_steps=1000000&speed=100").page
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/runs/\d+"))
    expect(page.locator("[data-live=state]")).to_have_text("running", timeout=60_000)
    page.locator("#edit-world > summary").click()
    solved(page)
    page.locator(".editor-cursor").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("#")
    page.get_by_role("button", name="Change the world").click()
    expect(page.locator("[data-applied]")).to_contain_text("Changed from")
    expect(page.locator("#run-events")).to_contain_text("wall at row 0, column 1 added")
    page.get_by_role("button", name="Stop").click()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_editor(visit: Open, theme: str) -> None:
    page = visit(PLAY, theme=theme).page
    solved(page)
    page.locator("#fold-classics > summary").click()
    page.locator("#fold-saved > summary").click()
    check(page)


def test_the_editor_fits_a_phone_and_draws_by_touch(visit: Open) -> None:
    page = visit(PLAY, width=360).page
    solved(page)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    stage = page.locator(".editor-stage")
    stage.scroll_into_view_if_needed()
    fingers = page.context.new_cdp_session(page)
    fingers.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    scrolled = page.evaluate("scrollY")
    for kind, cells in (("touchStart", [(1, 0)]), ("touchMove", [(1, 1)]), ("touchMove", [(1, 2)]), ("touchEnd", [])):
        points = [dict(zip(("x", "y"), center(page, row, col), strict=True)) for row, col in cells]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(layout_field(page)).to_have_value("S.../###./...G")
    assert page.evaluate("scrollY") == scrolled, "a finger that draws does not move the page"


def test_without_script_the_text_and_the_picture_stay(visit: Open) -> None:
    page = visit(PLAY, script=False).page
    expect(page.locator("svg.scene[role=img]")).to_be_visible()
    expect(page.locator(".editor-stage")).to_be_hidden()
    assert layout_field(page).input_value() == EMPTY
    page.locator("#fold-classics > summary").click()
    page.get_by_role("link", name="Cliff, 4 × 12").click()
    assert layout_field(page).input_value().endswith("SXXXXXXXXXXG")
