"""A real server on a folder of its own, and a real Chromium.

The browser is found in this order: RL_PLAYGROUND_BROWSER, one on the PATH, one of Playwright's, `playwright install`, the
system's package manager where we may use it; otherwise the tests fail and say so. They never skip.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "msedge")
ARGUMENTS = ["--no-sandbox", "--disable-background-networking"]
START_S = 120.0  # the server imports what it needs, on a busy machine too
WAIT_MS = 30_000
COLD_MS = 120_000  # the first page waits for the catalogue, on a busy machine too
WORK_MS = 90_000  # a cold worker on a busy machine
expect.set_options(timeout=WAIT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.fspath).parent.name == "browser":
            item.add_marker("browser")


@dataclass(frozen=True)
class Server:
    """A running server: its address, the link that lets one browser in, and the finished runs that tests may look at."""

    url: str
    entrance: str
    finished: dict[str, int] = field(default_factory=dict)


def find_browser(playwright: Playwright) -> str:
    """Return the path of a Chromium, installing one where there is none."""
    named = os.environ.get("RL_PLAYGROUND_BROWSER")
    if named:
        return named
    on_path = next(filter(None, map(shutil.which, NAMES)), None)
    own = playwright.chromium.executable_path
    if on_path or Path(own).exists():
        return on_path or own
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if Path(own).exists():
        return own
    _apt_install()
    found = shutil.which("chromium")
    assert found, "no Chromium: install one, or name it in RL_PLAYGROUND_BROWSER"
    return found


def _apt_install() -> None:
    apt, sudo = shutil.which("apt-get"), shutil.which("sudo")
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if apt and (is_root or sudo):
        prefix = [] if is_root else ["sudo", "-n"]
        subprocess.run([*prefix, apt, "update"], check=False)
        subprocess.run([*prefix, apt, "install", "-y", "--no-install-recommends", "chromium"], check=False)


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the command a user starts, on a free port and an empty data folder."""
    folder = tmp_path_factory.mktemp("browser-data")
    settings = {"RL_PLAYGROUND_MAX_RUNNING": "2", "RL_PLAYGROUND_REFUSE_BELOW_FREE_MB": "0", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "app", "--data", str(folder)]
    process = subprocess.Popen(
        command, cwd=Path(__file__).parents[2], env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True
    )
    lines: Queue[str] = Queue()
    assert process.stdout is not None
    threading.Thread(target=lambda: [lines.put(line) for line in process.stdout or ()], daemon=True).start()
    try:
        yield _entrance(lines)
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def _entrance(lines: Queue[str]) -> Server:
    try:
        line = lines.get(timeout=START_S)
    except Empty:
        raise AssertionError(f"the server did not start within {START_S} s") from None
    found = re.search(r"(http://\S+)/enter\?\S+", line)
    assert found, line
    return Server(found.group(1), found.group(0))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=find_browser(playwright), args=ARGUMENTS)
        yield made
        made.close()


@pytest.fixture(scope="package")
def identity(browser: Browser, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Swap the printed link's code for the cookie once, as a user does; every later context has the cookie."""
    file = tmp_path_factory.mktemp("identity") / "cookies.json"
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.entrance)
    page.wait_for_url(f"{server.url}/", timeout=COLD_MS)
    context.storage_state(path=file)
    context.close()
    return file


@dataclass(frozen=True)
class Visit:
    """A page and what its console complained about."""

    page: Page
    complaints: list[str]


Open = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, server: Server, identity: Path) -> Iterator[Open]:
    """Open a page with the cookie; at the end nothing may have complained: no error, no violation of the policy."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def open_page(path: str, *, width: int = 1440, theme: str = "light", script: bool = True) -> Visit:
        context = browser.new_context(
            base_url=server.url,
            storage_state=identity,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
            java_script_enabled=script,
        )
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(f"exception: {error.stack or error}"))
        page.goto(path)
        return Visit(page, complaints)

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints, "\n".join(complaints)


def begin(page: Page, server: Server, body: dict[str, object]) -> int:
    """Open the page of a finished run: one started over REST with the page's cookie, once for all tests that look at its recipe."""
    recipe = json.dumps(body, sort_keys=True)
    if recipe not in server.finished:
        headers = {"Content-Type": "application/json", "Origin": server.url}
        made = page.request.post(f"{server.url}/api/v1/runs", data=recipe, headers=headers)
        server.finished[recipe] = int(made.json()["id"])
    number = server.finished[recipe]
    page.goto(f"/runs/{number}")
    expect(page.locator("#run-header [data-live=state]")).to_have_text("finished", timeout=WORK_MS)
    return number
