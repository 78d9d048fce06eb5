"""Figures of the live path: server ready, Start → first point, metric → browser, a 100k-point curve over HTTP, page weight.

pytest -m bench -n 0 -s tests/bench/test_live_path.py
"""

import gzip
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from app.client import Playground

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]
PORT = "8497"


def say(text: str) -> None:
    sys.stdout.write(f"\n{text}")


def until(done: Callable[[], object], seconds: float) -> float:
    """Poll until `done` answers true; return the seconds it took."""
    begun = time.perf_counter()
    while not done():
        assert time.perf_counter() - begun < seconds, "never happened"
        threading.Event().wait(0.01)
    return time.perf_counter() - begun


def answers(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


class Listener:
    """One viewer of the event stream, noting when each message arrived."""

    def __init__(self, playground: Playground, runs: str) -> None:
        self.arrivals: list[tuple[float, dict]] = []
        self.open = threading.Event()
        self._http = playground._http
        self._thread = threading.Thread(target=self._listen, args=(runs,), daemon=True)
        self._thread.start()
        assert self.open.wait(10)

    def _listen(self, runs: str) -> None:
        with self._http.stream("GET", "/api/v1/stream", params={"runs": runs} if runs else {}, timeout=None) as answer:
            self.open.set()
            try:
                for line in answer.iter_lines():
                    if line.startswith("data:") and line[5:].strip().startswith("{"):
                        self.arrivals.append((time.perf_counter(), json.loads(line[5:])))
            except httpx2.TransportError:
                return

    def first(self, run: int, what: str) -> float | None:
        for moment, message in list(self.arrivals):
            if message.get("runs", {}).get(str(run), {}).get(what):
                return moment
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Playground]:
    command = [sys.executable, "-m", "app", "serve", "--data", str(folder), "--port", PORT]
    url = f"http://127.0.0.1:{PORT}"
    for name in ("first start, kernels compile", "second start"):
        begun = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                until(lambda: answers(f"{url}/api/v1/health"), 30)
                listening = time.perf_counter() - begun
                playground = Playground(url, data=folder)
                playground._http.get("/api/v1/algorithms").raise_for_status()
                say(f"server {name}: listening {listening:.2f} s, catalogue {time.perf_counter() - begun:.2f} s")
                run = playground.create("q_learning", "FrozenLake-v1", total_steps=2_000)
                playground.wait(run.id, timeout_s=120)
                if name == "second start":
                    yield playground
                playground.close()
            finally:
                process.terminate()


def test_start_to_first_point(server: Playground) -> None:
    name = "rollout/episode_return"
    figures = []
    for seed in range(5):
        threading.Event().wait(8)  # lets the spare worker warm up, as between two clicks of a person
        begun = time.perf_counter()
        run_id = server.create("q_learning", "FrozenLake-v1", total_steps=200_000, seed=100 + seed).id
        until(lambda run_id=run_id: name in server.metrics(run_id, names=[name]), 30)
        figures.append(time.perf_counter() - begun)
        server.wait(run_id)
    each = [round(figure * 1000) for figure in figures]
    say(f"Start → first point, warm worker: median {statistics.median(figures) * 1000:.0f} ms of {each}")


def test_metric_to_browser(server: Playground) -> None:
    """Delay between a commit's own clock reading (time/run_clock advances with it) and its arrival at a viewer."""
    run_id = server.create("ppo", "CartPole-v1", total_steps=60_000, preset="cleanrl").id
    listener = Listener(server, str(run_id))
    server.wait(run_id, timeout_s=240)
    stamps = []
    for moment, message in listener.arrivals:
        points = message.get("runs", {}).get(str(run_id), {}).get("points", {}).get("time/run_clock")
        stamps += [(moment, value) for value in points["values"]] if points else []
    assert len(stamps) > 20
    offset = min(moment - value for moment, value in stamps)
    delays = sorted(moment - value - offset for moment, value in stamps)
    say(
        f"metric → viewer beyond the quickest: p50 {delays[len(delays) // 2] * 1000:.0f} ms, p99 {delays[int(len(delays) * 0.99)] * 1000:.0f} ms over {len(delays)} points"
    )


def test_long_curve_over_http(server: Playground) -> None:
    run_id = server.create("q_learning", "FrozenLake-v1", total_steps=4_000_000).id
    server.wait(run_id, timeout_s=240)
    busy = server.create("ppo", "CartPole-v1", total_steps=400_000, preset="cleanrl").id
    until(lambda: server.run(busy).step > 0, 30)
    times, size = [], 0
    path = f"/api/v1/runs/{run_id}/metrics"
    for _ in range(200):
        begun = time.perf_counter()
        answer = server._http.get(path, params={"names": "rollout/episode_return", "max_points": 1000})
        times.append(time.perf_counter() - begun)
        size = len(answer.content)
    total = server._http.get(path, params={"names": "rollout/episodes"}).json()
    server.stop(busy)
    times.sort()
    say(
        f"curve over HTTP while training runs: p50 {times[100] * 1000:.1f} ms, p99 {times[197] * 1000:.1f} ms, {size / 1024:.0f} KB; "
        f"episodes {max(total['series']['rollout/episodes']['values']):.0f}"
    )


def test_page_weight(server: Playground) -> None:
    import re

    seen: dict[str, int] = {}
    run_id = server.create("q_learning", "FrozenLake-v1", total_steps=1_000).id
    for page in ("/", f"/runs/{run_id}"):
        wanted, seen = [page], {}
        while wanted:
            path = wanted.pop()
            answer = server._http.get(path)
            if path in seen or answer.status_code != 200:
                continue
            seen[path] = len(gzip.compress(answer.content)) if "woff2" not in path else len(answer.content)
            found = (
                re.findall(r"""(?:src|href|from|import)\s*[=( ]?\s*["'](/static/[^"']+)["']""", answer.text)
                if "woff2" not in path
                else []
            )
            wanted += [link for link in found if link not in seen]
        say(f"{page}: {sum(seen.values()) / 1024:.0f} KB compressed in {len(seen)} files")
