"""Static files: one fingerprint, one stylesheet, nothing outside the served folders."""

import gzip
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app import catalog
from app.web import assets


def test_an_address_carries_the_fingerprint_and_is_kept_for_good(outside: TestClient) -> None:
    response = outside.get(assets.asset_url("js/main.js"))
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/javascript")
    assert "immutable" in response.headers["cache-control"]


def test_an_old_fingerprint_is_asked_for_again(outside: TestClient) -> None:
    response = outside.get("/static/000000000000/js/main.js")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-cache"


def test_the_stylesheet_is_every_css_file_without_comments_and_with_the_tokens_first() -> None:
    text = assets.stylesheet().decode()
    assert text.index("@layer reset, tokens, base, layout, components, utilities;") < text.index(".button")
    for path in (assets.static_folder() / "css").rglob("*.css"):
        for rules in re.split(r"\s*/\*.*?\*/", path.read_text(), flags=re.DOTALL):
            assert rules in text
    assert "/*" not in text


@pytest.mark.parametrize(
    "name",
    ["package.json", "build_hook.py", "../pyproject.toml", "js/../package.json", "css/../../README.md", "js", "js/\0"],
)
def test_nothing_else_is_served(name: str) -> None:
    assert assets.content(name) is None


def test_text_is_compressed_where_the_browser_takes_it(outside: TestClient) -> None:
    url = assets.asset_url("css/app.css")
    packed = outside.get(url, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    plain = outside.get(url, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content


def scripts_of(tags: set[str]) -> list[str]:
    """Return the modules that a page with these custom elements loads: its own, and all that these import."""
    folder = assets.static_folder()
    waiting = [folder / "js/main.js", *(folder / f"js/elements/{tag}.js" for tag in tags)]
    reached: set[Path] = set()
    while waiting:
        path = waiting.pop().resolve()
        if path not in reached and path.exists():
            reached.add(path)
            imported = re.findall(r'(?:from|import)\s*\(?\s*"(\.[^"]+\.js)"', path.read_text())
            waiting += [path.parent / name for name in imported]
    return sorted(path.relative_to(folder.resolve()).as_posix() for path in reached)


def weight(*names: str) -> int:
    """Return the compressed bytes of files."""
    found = [assets.content(name) for name in names]
    assert None not in found, names
    return sum(len(gzip.compress(body or b"", 9)) for body in found)


def pages() -> dict[str, set[str]]:
    """Return the custom elements of Play and of the run pages with the most panels; only a grid's page has its editor."""
    folder = assets.static_folder().parent / "templates"

    def tags(*names: str) -> set[str]:
        """Return the elements of templates and of all that these take in."""
        waiting, seen, found = [*names], set[str](), set[str]()
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                text = (folder / name).read_text()
                waiting += re.findall(r'"(_[a-z_]+\.html)"', text)
                found |= set(re.findall(r"<([a-z]+-[a-z-]+)", text))
        return found

    found = {"play": tags("base.html", "play.html")}
    for algorithm, environment in (("ppo", "CartPole-v1"), ("sarsa_lambda", "gridworld"), ("rainbow", "CartPole-v1")):
        fitting = catalog.panels_for(catalog.algorithm(algorithm), catalog.environment(environment))
        tagged = tags("base.html", "run.html") | {panel.element for panel in fitting}
        found[algorithm] = tagged if environment == "gridworld" else tagged - {"grid-editor"}
    return found


@pytest.mark.parametrize("page", ["play", "ppo", "sarsa_lambda", "rainbow"])
def test_first_load_keeps_its_budget(page: str) -> None:
    """150 KB compressed before a page is interactive, 320 KB with formulas, their fonts and curves."""
    folder, own = assets.static_folder(), scripts_of(pages()[page])
    assert len(own) > 10
    first = weight("css/app.css", "vendor/htmx/htmx.min.js", *own)
    assert first <= 150_000
    fonts = [f"vendor/katex/fonts/{path.name}" for path in (folder / "vendor/katex/fonts").glob("*.woff2")]
    used = [
        name for name in fonts if any(kind in name for kind in ("Main-Regular", "Math-Italic", "Size", "Main-Italic"))
    ]
    rest = weight("vendor/katex/katex.min.js", "vendor/katex/katex.min.css", "vendor/uplot/uPlot.iife.min.js")
    font_bytes = sum(len(assets.content(name) or b"") for name in used)
    assert first + rest + font_bytes <= 320_000


def test_modules_stay_small_and_are_checked() -> None:
    for path in (assets.static_folder() / "js").rglob("*.js"):
        lines = path.read_text().splitlines()
        assert len(lines) <= 155, f"{path.name}: {len(lines)} lines"
        assert lines[0] == "// @ts-check" or path.name == "theme.js", path.name
