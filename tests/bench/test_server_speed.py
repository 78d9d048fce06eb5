"""Figures of the server process: ready, a curve of 100,000 points over HTTP, leaving. Budgets: ready 1.5 s, curve p50 5 ms."""

import os
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import numpy as np
import pytest

from app.protocol.local import read_token
from app.store import runs
from app.store.database import Store
from app.store.records import Record

ROOT = Path(__file__).resolve().parent.parent.parent
POINTS, CHUNK, REQUESTS = 100_000, 1_000, 300
NAME = "rollout/episode_return"


def fill(folder: Path) -> None:
    """Write one run with a long curve."""
    store = Store(folder)
    new = runs.RunNew(
        algorithm="q_learning", environment="CliffWalking-v1", config={}, seed=0, total_steps=POINTS, name="long"
    )
    run = store.writer.do(lambda connection: runs.create(connection, new))
    attempt = store.writer.do(lambda connection: runs.claim(connection, run))
    values = np.random.default_rng(0).normal(size=POINTS).cumsum()
    for first in range(0, POINTS, CHUNK):
        part = slice(first, first + CHUNK)
        series = [{"name": NAME, "first_seq": first, "count": CHUNK, "reproducible": True}]
        arrays = {
            "steps": np.arange(first, first + CHUNK),
            "values": values[part],
            "lows": values[part],
            "highs": values[part],
        }
        record = Record("points", {"series": series, "step": first + CHUNK}, arrays)
        store.writer.submit(run, attempt, [record], lambda outcome: None)
    end = Record("state", {"state": "finished", "reason": "", "step": POINTS}, {})
    store.writer.submit(run, attempt, [end], lambda outcome: None)
    store.close()


@pytest.mark.bench
def test_figures_of_the_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "app", "serve", "--data", str(tmp_path)]
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"(http://\S+)/enter", process.stdout.readline())
    assert found
    headers = {"Authorization": f"Bearer {read_token(tmp_path)}"}
    with httpx2.Client(base_url=found.group(1), headers=headers, timeout=60, trust_env=False) as client:
        client.get("/api/v1/health").raise_for_status()
        ready_s = time.perf_counter() - begun
        client.get("/api/v1/algorithms").raise_for_status()
        complete_s = time.perf_counter() - begun
        times_ms = {
            label: [timed(client, path) for _time in range(REQUESTS)]
            for label, path in {
                "empty endpoint": "/api/v1/health",
                "curve, 1,000 buckets": f"/api/v1/runs/1/metrics?names={NAME}&max_points=1000",
                "one run": "/api/v1/runs/1",
                "list of runs": "/api/v1/runs",
            }.items()
        }
    asked = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    left_s = time.perf_counter() - asked
    process.stdout.close()
    with capsys.disabled():
        lines = [f"ready {ready_s:.2f} s, catalogue {complete_s:.2f} s, stopped {left_s:.2f} s"]
        for label, times in times_ms.items():
            lines.append(f"{label:<24} p50 {statistics.median(times):6.2f} ms   p99 {np.percentile(times, 99):6.2f} ms")
        sys.stdout.write("\n" + "\n".join(lines) + "\n")


def timed(client: httpx2.Client, path: str) -> float:
    """Return the milliseconds of one request."""
    begun = time.perf_counter()
    client.get(path).raise_for_status()
    return (time.perf_counter() - begun) * 1e3
