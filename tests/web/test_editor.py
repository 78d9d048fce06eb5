"""The editor's part of the pages: what it is opened with, the layout in the address, textbook grids as links, without script too.

Covers app/web/editor.py and app/web/classics.py as the pages show them.
"""

import json
import re
from html import unescape

import pytest
from starlette.testclient import TestClient

from app import catalog
from app.web import editor, recipe
from app.web.classics import CLASSICS

PLAY = "/?environment=gridworld&algorithm=q_learning"


def opened_with(html: str) -> dict[str, object]:
    found = re.search(r'<grid-editor[^>]* config="([^"]*)"', html)
    assert found, "no editor on the page"
    made: dict[str, object] = json.loads(unescape(found[1]))
    return made


def test_the_layout_of_the_address_is_what_the_editor_and_the_form_show(client: TestClient) -> None:
    html = client.get(f"{PLAY}&layout=S.%23G%2F....&environment_config.slip=0.1").text
    assert opened_with(html)["layout"] == "S.#G/...."
    assert opened_with(html)["slip"] == 0.1
    assert re.search(r'<textarea[^>]*name="environment_config.layout"[^>]*>S.#G/....</textarea>', html)


def test_the_address_of_a_drawing_names_its_layout_and_gives_it_back(client: TestClient) -> None:
    form = {"environment": "gridworld", "algorithm": "q_learning", "environment_config.layout": "S.#\n..G"}
    choice = recipe.read(catalog, form)
    assert "layout=S.%23%0A..G" in choice.url()
    again = recipe.read(catalog, {"environment": "gridworld", "layout": "S.#\n..G"})
    assert again.world == choice.world
    assert again.request()["environment_config"] == {"layout": "S.#\n..G"}


def test_a_form_outweighs_the_short_name(client: TestClient) -> None:
    form = {"environment": "gridworld", "layout": "S.G", "environment_config.layout": "S..G"}
    assert recipe.read(catalog, form).world["layout"] == "S..G"


def test_a_refused_drawing_is_shown_as_it_was_typed(client: TestClient) -> None:
    html = client.get(f"{PLAY}&layout=S..%2F.G&environment_config.slip=lots").text
    assert opened_with(html)["layout"] == "S../.G"
    assert opened_with(html)["slip"] == "lots"
    assert "make all rows equally long" in html


@pytest.mark.parametrize("classic", CLASSICS, ids=lambda one: one.id)
def test_every_textbook_grid_opens_from_its_link(client: TestClient, classic: object) -> None:
    html = client.get(classic.url).text  # type: ignore[attr-defined]
    shown = opened_with(html)
    for name, value in classic.config.items():  # type: ignore[attr-defined]
        assert shown[name] == value
    assert "was refused" not in html


def test_other_worlds_have_a_picture_and_no_editor(client: TestClient) -> None:
    html = client.get("/?environment=CliffWalking-v1").text
    assert "<grid-editor" not in html
    assert 'class="big-scene"' in html
    assert editor.editor_of("CliffWalking-v1", {}, {}) is None


def test_without_script_the_picture_and_the_text_stay(client: TestClient) -> None:
    html = client.get(PLAY).text
    assert re.search(r'<div class="big-scene without-script"><svg class="scene"[^>]*role="img"', html)
    assert 'href="/?environment=gridworld&amp;layout=' in html


def test_the_discount_of_the_recipe_is_the_first(client: TestClient) -> None:
    assert re.search(r'<grid-editor[^>]* gamma="0.8"', client.get(f"{PLAY}&config.gamma=0.8").text)
    assert re.search(r'<grid-editor[^>]* gamma="0.99"', client.get(f"{PLAY}&config.gamma=nonsense").text)


def test_every_tool_has_a_key_of_its_own() -> None:
    keys = [key for tool in editor.TOOLS for key in tool.keys]
    assert len(keys) == len(set(keys))
    assert {tool.letter for tool in editor.TOOLS} == set("#.SGX^>v<r")


def test_the_world_of_the_editor_may_change_while_a_run_goes() -> None:
    assert catalog.environment(editor.ENVIRONMENT).config.live_names()
