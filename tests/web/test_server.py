"""Ports, starting and stopping: one real server process (also app/web/opening.py)."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from app.core.errors import InvalidInput
from app.protocol.local import read_owner, read_token
from app.settings import Settings
from app.web import server

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


def test_a_named_port_that_is_taken_is_refused(taken: int) -> None:
    with pytest.raises(InvalidInput, match="is taken"):
        server.bind(Settings(port=taken))


def test_without_a_name_the_next_free_port_is_taken(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "DEFAULT_PORT", taken)
    sockets, port = server.bind(Settings(port=None))
    assert taken < port <= taken + server.PORTS_TRIED
    for item in sockets:
        assert item.getsockname()[1] == port
        item.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_an_address_that_others_can_reach_is_refused_with_a_way_out(host: str) -> None:
    with pytest.raises(InvalidInput, match=r"host=.*only this machine.*ssh -L 8432:127\.0\.0\.1:8432"):
        server.bind(Settings(host=host, port=8432))


def test_the_address_is_one_that_a_browser_can_open() -> None:
    assert server.address(Settings(host="127.0.0.1"), 1) == "http://127.0.0.1:1"
    assert server.address(Settings(host="localhost"), 1) == "http://127.0.0.1:1"
    assert server.address(Settings(host="::1"), 1) == "http://[::1]:1"


def command(data: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "app", *more, "--data", str(data)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    data = tmp_path / "data"
    process = subprocess.Popen(
        command(data, "serve"), cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, line + process.stdout.read()
    yield process, found.group(0)
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_server_lives_and_ends(running: tuple[subprocess.Popen[str], str], tmp_path: Path) -> None:
    process, entrance = running
    data = tmp_path / "data"
    base = entrance.split("/enter")[0]
    owner = read_owner(data)
    assert owner is not None
    assert (owner.url, owner.pid) == (base, process.pid)
    with httpx2.Client(base_url=base, timeout=60, trust_env=False) as browser:
        assert browser.get("/api/v1/health").status_code == 200
        assert browser.get("/runs").status_code == 401
        assert browser.get(entrance).status_code == 200
        assert browser.get("/runs").status_code == 200
        second = subprocess.run(command(data), cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert second.stderr.count("\n") == 1
        assert base in second.stderr
        link = subprocess.run(
            command(data, "token", "--url"), cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
        )
        assert httpx2.get(link.stdout.strip(), trust_env=False).status_code == 200
        farewell = stopped_while_listening(process, browser)
    assert process.wait(30) == 0
    assert "event: bye" in farewell
    assert read_token(data)
    assert read_owner(data) is None


def stopped_while_listening(process: subprocess.Popen[str], browser: httpx2.Client) -> str:
    """Send SIGTERM while a stream is open and return everything the stream said."""
    lines: list[str] = []
    children = psutil.Process(process.pid).children(recursive=True)
    with browser.stream("GET", "/api/v1/stream") as response:
        source = response.iter_lines()
        lines.append(next(source))
        reader = threading.Thread(target=lambda: lines.extend(source))
        reader.start()
        process.send_signal(signal.SIGTERM)
        reader.join(30)
    process.wait(30)
    _gone, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    return "\n".join(lines)
