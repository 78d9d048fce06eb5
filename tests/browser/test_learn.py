"""Learn in a browser: equations and lines light each other, anchors work, everything fits, weighs little and is accessible."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.test_accessibility import check, in_both_themes

PAGES = [
    "/learn/double_q_learning",
    "/learn/sarsa/diff",
    "/learn/environments/CliffWalking-v1",
    "/learn/parts/exploration",
    "/learn/statements",
]
WEIGHT_BYTES = 320_000
LIT = "[data-lit]"


def lit(page: Page) -> list[str]:
    return sorted(page.eval_on_selector_all(LIT, "places => places.map(place => place.id)"))


def test_an_equation_and_its_lines_light_each_other(visit: Open) -> None:
    page = visit("/learn/q_learning").page
    line = page.locator(".source-line[data-equation='2']")
    expect(page.locator("#equation-2 .katex").first).to_be_visible()
    page.locator("#equation-2").hover()
    expect(line).to_have_attribute("data-lit", "")
    assert lit(page) == sorted(["equation-2", str(line.get_attribute("id"))])
    line.hover()
    expect(page.locator("#equation-2")).to_have_attribute("data-lit", "")
    page.mouse.move(5, 5)
    expect(page.locator(LIT)).to_have_count(0)
    page.locator("#equation-3 a").focus()
    expect(page.locator(".source-line[data-equation='3']")).to_have_attribute("data-lit", "")


def test_the_source_opens_at_the_first_equation(visit: Open) -> None:
    page = visit("/learn/q_learning").page
    line = page.locator(".source-line[data-equation='1']")
    expect(line).to_be_in_viewport()


@pytest.mark.parametrize("script", [True, False])
def test_addresses_of_lines_and_equations_lead_there(visit: Open, script: bool) -> None:
    page = visit("/learn/q_learning#equation-3", script=script).page
    expect(page.locator("#equation-3")).to_be_in_viewport()
    page.locator("#equation-3 a").click()
    target = page.locator(":target")
    expect(target).to_be_in_viewport()
    assert target.get_attribute("data-equation") == "3"
    assert page.url.endswith(f"#{target.get_attribute('id')}")
    target.locator("a").click()
    expect(page.locator("#equation-3:target")).to_be_in_viewport()


def test_a_difference_is_side_by_side_or_one_above_the_other(visit: Open) -> None:
    for width, is_beside in ((1000, True), (360, False)):
        page = visit("/learn/sarsa/diff", width=width).page
        chunk = page.locator(
            ".diff-chunk[data-kind='change']:has(.diff-side:nth-child(2) .diff-row):has([data-side='old'] .diff-row)"
        ).first
        old, new = (chunk.locator(f"[data-side='{side}']").bounding_box() for side in ("old", "new"))
        assert old
        assert new
        assert (old["y"] == new["y"]) == is_beside
        assert (old["y"] + old["height"] <= new["y"] + 1) != is_beside


def test_another_of_the_family_is_chosen_without_script(visit: Open) -> None:
    page = visit("/learn/sarsa/diff", script=False).page
    page.get_by_label("Compare with").select_option("double_q_learning")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("SARSA, compared with Double Q-learning")


def test_see_it_opens_a_recipe_that_can_be_started(visit: Open) -> None:
    page = visit("/learn/reinforce_tabular").page
    page.get_by_role("link", name="See it on").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    expect(page.locator(".field-error")).to_have_count(0)
    expect(page.locator("input[name=algorithm][value=reinforce_tabular]")).to_be_checked()


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(visit: Open, path: str) -> None:
    page = visit(path).page
    for theme in in_both_themes(page):
        page.wait_for_load_state("networkidle")
        check(page, theme)


@pytest.mark.parametrize("path", [*PAGES, "/learn/glossary"])
def test_nothing_scrolls_sideways_on_a_phone(visit: Open, path: str) -> None:
    page = visit(path, width=360).page
    page.wait_for_load_state("load")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("path", ["/learn/q_learning", "/learn/glossary", "/learn/ppo"])
def test_a_page_with_its_formulas_weighs_little(visit: Open, path: str) -> None:
    page = visit(path).page
    for place in page.locator("math-tex").all():
        place.scroll_into_view_if_needed()
    expect(page.locator("math-tex:not([data-set])")).to_have_count(0)
    page.wait_for_load_state("networkidle")
    entries = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
    assert page.evaluate(f"{entries}.reduce((sum, entry) => sum + entry.encodedBodySize, 0)") <= WEIGHT_BYTES


@pytest.mark.parametrize("width", [1280, 360])
def test_the_tables_of_the_glossary_are_read_without_scrolling_sideways(visit: Open, width: int) -> None:
    """At 1280 pixels the places of a scalar were cut off; on a phone each row was its name and a hand's breadth of nothing."""
    page = visit("/learn/glossary", width=width).page
    page.wait_for_load_state("load")
    hidden = "[...document.querySelectorAll('.table-scroll')].map((one) => one.scrollWidth - one.clientWidth)"
    assert page.evaluate(hidden) == [0, 0, 0]
    row = page.locator("#train-advantage_mean")
    for words in ("Advantage (mean)", "reward", "Mean advantage before normalisation", "TRPO"):
        expect(row.get_by_text(words).first).to_be_visible()
