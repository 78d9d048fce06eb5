"""Every page in both themes: axe finds nothing serious, nothing scrolls sideways at 360 px, the console is silent."""

import re
from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Server, begin

PAGES = [
    "/",
    "/?environment=CartPole-v1&algorithm=ppo",
    "/runs",
    "/learn",
    "/learn/q_learning",
    "/learn/glossary",
    "/docs",
]
GRAVE = {"serious", "critical"}
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
WIDTHS = (360, 768, 1440, 3840)


@pytest.fixture(scope="package")
def finished(browser: object, server: Server, identity: object) -> str:
    """The address of a finished run, started over the same API the pages use."""
    context = browser.new_context(base_url=server.url, storage_state=identity)  # type: ignore[attr-defined]
    body: dict[str, object] = {"algorithm": "q_learning", "environment": "FrozenLake-v1", "total_steps": 20_000}
    number = begin(context.new_page(), server, body)
    context.close()
    return f"/runs/{number}"


def in_both_themes(page: Page) -> Iterator[Theme]:
    """Yield each theme with the page loaded in it; scripts and styles are fetched once."""
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        page.reload()
        yield theme


def check(page: Page, where: str = "") -> None:
    """Fail on anything axe calls serious or critical."""
    found = [
        f"{item['id']}: {item['help']}\n" + "\n".join(node["html"][:200] for node in item["nodes"][:5])
        for item in Axe().run(page).response["violations"]
        if item["impact"] in GRAVE
    ]
    assert not found, "\n".join([where, *found])


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(visit: Open, path: str) -> None:
    page = visit(path).page
    for theme in in_both_themes(page):
        page.wait_for_load_state("networkidle")
        check(page, theme)


def test_axe_finds_nothing_serious_on_a_run(visit: Open, finished: str) -> None:
    page = visit(finished).page
    for theme in in_both_themes(page):
        expect(page.locator("grid-map[data-hero] canvas")).to_be_visible()
        expect(page.locator("curve-chart canvas").first).to_be_visible()
        page.eval_on_selector_all("details[data-plots]", "groups => groups.forEach(group => (group.open = true))")
        check(page, theme)


def test_axe_finds_nothing_serious_on_a_comparison(visit: Open, finished: str) -> None:
    page = visit(f"/compare?runs={finished.rsplit('/', 1)[1]}").page
    for theme in in_both_themes(page):
        expect(page.locator("curve-chart canvas").first).to_be_visible()
        check(page, theme)


@pytest.mark.parametrize("path", [*PAGES, "run", "/compare"])
def test_nothing_scrolls_sideways(visit: Open, finished: str, path: str) -> None:
    page = visit(finished if path == "run" else path, width=WIDTHS[0]).page
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.reload()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width


def test_menus_open_by_keyboard_and_are_clean(visit: Open, finished: str) -> None:
    page = visit(finished).page
    button = page.get_by_role("button", name="Fork", exact=True).first
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("Fork: a new run"))).to_be_visible()
    check(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name=re.compile("Fork: a new run"))).to_be_hidden()
