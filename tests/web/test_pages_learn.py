"""The Learn pages: every one answers whole, links lead somewhere, what is not there says so."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from app import catalog
from app.web import lesson_parts

PAGES = [
    "/learn",
    "/learn/glossary",
    "/learn/statements",
    *(f"/learn/{name}" for name in catalog.algorithms()),
    *(f"/learn/{name}/diff" for name in catalog.algorithms()),
    *(f"/learn/environments/{name}" for name in catalog.environments()),
    *(f"/learn/parts/{name}" for name in lesson_parts.parts()),
]
SEEN: dict[str, "Anchors"] = {}
PRESSED_BYTES = 40_000  # a page of text, compressed


class Anchors(HTMLParser):
    """Collects ids, links and inline scripts or styles."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))
        self.inline += [name for name in found if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in found):
            self.inline.append(tag)


def read(client: TestClient, path: str) -> Anchors:
    if path in SEEN:
        return SEEN[path]
    parser = SEEN[path] = Anchors()
    response = client.get(path)
    assert response.status_code == 200, path
    parser.feed(response.text)
    return parser


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole(client: TestClient, path: str) -> None:
    found = read(client, path)
    assert len(found.ids) == len(set(found.ids)), "an id stands twice"
    assert not found.inline
    assert {link[1:] for link in found.links if link.startswith("#")} <= set(found.ids)
    pressed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert int(pressed.headers["content-length"]) <= PRESSED_BYTES


def test_links_between_the_pages_lead_somewhere(client: TestClient) -> None:
    ids: dict[str, set[str]] = {}
    asked = {link for path in PAGES for link in read(client, path).links if link.startswith("/learn")}
    for link in sorted(asked):
        path, _, anchor = link.partition("#")
        if path not in ids:
            ids[path] = set(read(client, path).ids)
        assert not anchor or anchor in ids[path], link


def test_the_roadmap_leads_to_everything(client: TestClient) -> None:
    html = client.get("/learn").text
    for name in catalog.algorithms():
        assert f'href="/learn/{name}"' in html
    for name in catalog.environments():
        assert f'href="/learn/environments/{name}"' in html
    for name in lesson_parts.parts():
        assert f'href="/learn/parts/{name}"' in html


def test_lists_of_parts_and_environments_are_on_the_roadmap(client: TestClient) -> None:
    for path in ("/learn/parts", "/learn/environments"):
        answer = client.get(path, follow_redirects=False)
        assert answer.headers["location"] == "/learn"


def test_a_difference_needs_no_script_and_no_colour(client: TestClient) -> None:
    html = client.get("/learn/sarsa/diff").text
    assert "<h1>SARSA, compared with Q-learning</h1>" in html
    assert '<span class="diff-sign">−</span>' in html
    assert '<span class="diff-sign">+</span>' in html
    assert '<option value="q_learning" selected>' in html
    text = unescape(re.sub(r"<[^>]+>", "", html))
    assert "max_q_next = 0.0 if terminated else best_value(q, next_state)" in text


def test_any_two_of_a_family_are_compared(client: TestClient) -> None:
    html = client.get("/learn/expected_sarsa/diff?with=double_q_learning").text
    assert "<h1>Expected SARSA, compared with Double Q-learning</h1>" in html


@pytest.mark.parametrize("other", ["ppo", "sarsa", "nothing", "<script>"])
def test_what_cannot_be_compared_is_refused_with_the_way_out(client: TestClient, other: str) -> None:
    answer = client.get("/learn/sarsa/diff", params={"with": other})
    assert answer.status_code == 422
    assert "q_learning" in answer.text
    assert "<script>" not in answer.text


def test_the_first_of_a_chain_is_compared_with_a_variant(client: TestClient) -> None:
    html = client.get("/learn/q_learning/diff").text
    assert "<h1>Q-learning, compared with " in html


def test_pages_that_are_not_there_say_so(client: TestClient) -> None:
    for path in ("/learn/nothing", "/learn/nothing/diff", "/learn/parts/nothing", "/learn/environments/nothing"):
        assert client.get(path).status_code == 404, path
    assert client.get("/learn/parts/..%2f..%2fcli").status_code == 404


def test_an_environment_says_what_is_known_of_it(client: TestClient) -> None:
    html = client.get("/learn/environments/CliffWalking-v1").text
    text = " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split()).replace(" ,", ",")
    assert "Optimum −13 exact, from the model within 200 steps" in text
    assert "0 Up, 1 Right, 2 Down, 3 Left" in text
    assert 'href="/?environment=CliffWalking-v1&amp;algorithm=q_learning"' in html


def test_an_algorithm_lists_what_follows_from_its_spec(client: TestClient) -> None:
    html = client.get("/learn/q_learning").text
    for link in ("/learn/parts/exploration", "/learn/glossary#word-alpha", "/learn/glossary#tabular-epsilon"):
        assert f'href="{link}"' in html
    assert 'href="/learn/q_learning/diff"' in html
    assert re.search(r'<a class="button" data-kind="primary" href="/\?environment=', html)
