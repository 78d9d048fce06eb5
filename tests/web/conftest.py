"""The real application over a real store and supervisor; only the worker processes are absent, unless a test wants them."""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.jobs.hub import Hub
from app.jobs.supervisor import Supervisor
from app.protocol.runs import RunCreate
from app.settings import Settings
from app.store import runs as run_rows
from app.store.database import Store
from app.store.records import Record
from app.web.app import create_app
from app.web.identity import Identity
from app.web.services import Playground

TOKEN = "a-token-for-tests"
BASE = "http://127.0.0.1:8420"
API = "/api/v1"
CLIFF = {"algorithm": "q_learning", "environment": "CliffWalking-v1", "total_steps": 1000}


@dataclass(eq=False)
class SilentWorker:
    """A worker that takes every frame and never answers."""

    pid: int = 1
    sent: list[Any] = field(default_factory=list)

    def send(self, header: Any, arrays: Any = None) -> None:
        self.sent.append(header)

    def kill(self) -> None:
        self.sent.append({"type": "kill"})


class SilentEngine:
    """Starts no process."""

    def spawn(self, on_message: Any, on_exit: Any) -> SilentWorker:
        return SilentWorker()


def make_playground(folder: Path, **settings: Any) -> Playground:
    """Return a playground whose runs stay in `starting`."""
    chosen = Settings(data=folder, keep_spare=False, refuse_below_free_mb=0, **settings)
    store, hub = Store(folder), Hub()
    return Playground(
        chosen,
        store=store,
        hub=hub,
        jobs=Supervisor(store, hub, chosen, engine=SilentEngine()),
        identity=Identity(TOKEN, "first start"),
        load_catalog=lambda: importlib.import_module("app.catalog"),
    )


def close(playground: Playground) -> None:
    """End the supervisor without waiting for workers that do not exist."""
    supervisor: Any = playground.jobs
    supervisor._floor.workers.clear()
    playground.close()


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    made = make_playground(tmp_path_factory.mktemp("data"))
    yield made
    close(made)


@pytest.fixture(scope="module")
def outside(playground: Playground) -> Iterator[TestClient]:
    """A client without identity."""
    with TestClient(create_app(playground), base_url=BASE) as client:
        yield client


@pytest.fixture
def client(outside: TestClient) -> Iterator[TestClient]:
    """A client with the token."""
    outside.headers["Authorization"] = f"Bearer {TOKEN}"
    yield outside
    del outside.headers["Authorization"]


@pytest.fixture
def run(client: TestClient) -> dict[str, Any]:
    """A fresh run."""
    made: dict[str, Any] = client.post(f"{API}/runs", json=CLIFF).json()
    return made


@pytest.fixture
def ended(playground: Playground, client: TestClient) -> dict[str, Any]:
    """A finished run with everything a run may leave behind."""
    return recorded(playground, lambda id: client.get(f"{API}/runs/{id}").json())


def recorded(playground: Playground, read: Callable[[int], Any]) -> Any:
    """Make a run as a worker would have recorded it: points (one of them NaN), frames, an episode, a checkpoint, the end."""
    made = playground.create_run(RunCreate(**CLIFF, name="recorded"))
    with playground.store.read() as connection:
        row = run_rows.get(connection, made.id)
    assert row is not None
    attempt = row.attempt or playground.store.writer.do(lambda connection: run_rows.claim(connection, made.id))
    attempt = attempt or playground.store.writer.do(lambda connection: run_rows.get(connection, made.id)).attempt
    outcomes: list[str] = []
    playground.store.writer.submit(made.id, attempt, records(made.id), outcomes.append)
    playground.store.writer.do(lambda connection: None)
    assert outcomes == ["committed"]
    return read(made.id)


def records(run: int) -> list[Record]:
    """Return what one small run records."""
    steps = np.arange(1, 51, dtype=np.int64) * 20
    values = np.linspace(-100.0, -13.0, 50)
    values[7] = np.nan
    points = {"steps": steps, "values": values, "lows": values - 1, "highs": values + 1}
    series = [{"name": "rollout/episode_return", "first_seq": 0, "count": 50, "reproducible": True}]
    grid = {name: np.full((48,), 0.5, np.float32) for name in ("v", "error", "visits")}
    grid |= {name: np.full((48, 4), 0.25, np.float32) for name in ("q", "policy")}
    facts = {"kind": "evaluation", "length": 2, "terminated": True, "truncated": False}
    facts |= {"evaluation": 1, "place": "median", "lane": 0}
    episode = {"states": np.array([[36.0], [24.0], [25.0]], np.float32), "actions": np.array([0, 1], np.int32),
               "rewards": np.array([-1.0, -1.0], np.float32)}  # fmt: skip
    return [
        Record("state", {"state": "running", "reason": "", "step": 0}, {}),
        Record("points", {"series": series, "step": 1000}, points),
        Record("frame", {"panel": "grid_values", "step": 500, "meta": {"rows": 4, "cols": 12}}, grid),
        Record("episode", {"number": 1, "step": 500, "return": -2.0, **facts}, episode),
        Record("event", {"step": 500, "event": "evaluation", "text": "Evaluation 1", "data": {"mean": -13.0}}, {}),
        Record(
            "checkpoint",
            {"id": "1000-final-1", "step": 1000, "kind": "final", "size_bytes": 10, "files": {}, "removed": []},
            {},
        ),
        Record("state", {"state": "finished", "reason": "", "step": 1000}, {}),
    ]
