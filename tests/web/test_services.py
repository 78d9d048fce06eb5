"""One run through its whole life, over REST, with a real worker process."""

import importlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.jobs.hub import Hub
from app.jobs.supervisor import Supervisor
from app.settings import Settings
from app.store.database import Store
from app.web.app import create_app
from app.web.identity import Identity
from app.web.services import Playground
from tests.web.conftest import API, BASE, TOKEN

DEADLINE_S = 120.0


class Watched:
    """The API of a playground whose commits wake whoever waits."""

    def __init__(self, playground: Playground, client: TestClient) -> None:
        self.client = client
        self._changed = threading.Condition()
        playground.store.writer.subscribe(self._on_commit)

    def _on_commit(self, changes: Any) -> None:
        with self._changed:
            self._changed.notify_all()

    def wait(self, address: str, is_met: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the run at an address once it is as wanted."""
        deadline = time.monotonic() + DEADLINE_S
        with self._changed:
            while True:
                run: dict[str, Any] = self.client.get(address).json()
                if is_met(run):
                    return run
                assert time.monotonic() < deadline, run
                self._changed.wait(0.5)

    def post(self, address: str, status: int = 202, **body: Any) -> Any:
        response = self.client.post(address, json=body) if body else self.client.post(address)
        assert response.status_code == status, response.text
        return response.json()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Watched]:
    settings = Settings(data=tmp_path, keep_spare=False, refuse_below_free_mb=0, max_running=2)
    store, hub = Store(tmp_path), Hub()
    playground = Playground(
        settings,
        store=store,
        hub=hub,
        jobs=Supervisor(store, hub, settings),
        identity=Identity(TOKEN, "start"),
        load_catalog=lambda: importlib.import_module("app.catalog"),
    )
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(create_app(playground), base_url=BASE, headers=headers) as client:
        yield Watched(playground, client)
    playground.close()


def test_a_run_is_started_paused_stepped_edited_forked_and_stopped(api: Watched) -> None:
    wanted = {"algorithm": "q_learning", "environment": "FrozenLake-v1", "total_steps": 10**9, "seed": 2}
    address = api.post(f"{API}/runs", 201, **wanted)["links"]["self"]
    api.wait(address, lambda run: run["state"] == "running" and run["step"] > 0)

    api.post(f"{address}/pause")
    paused = api.wait(address, lambda run: run["state"] == "paused")
    api.post(f"{address}/step", unit="step", count=3)
    stepped = api.wait(address, lambda run: run["step"] >= paused["step"] + 3)
    assert stepped["step"] == paused["step"] + 3

    edited = api.client.patch(address, json={"config": {"alpha": 0.0625}, "speed": 1e9}).json()
    assert edited["edit"]["step"] is None
    assert edited["config"]["alpha"] == 0.0625
    picture = api.client.get(f"{address}/frames/grid_values").json()
    assert picture["arrays"]["q"]["shape"] == [16, 4]

    api.post(f"{address}/checkpoint")
    kinds = lambda: {item["kind"] for item in api.client.get(f"{address}/checkpoints").json()["items"]}  # noqa: E731
    api.wait(address, lambda run: "requested" in kinds())
    child = api.post(f"{address}/fork", 201, config={"epsilon": 0.5}, name="child")
    assert child["parent"]["run"] == 1
    api.wait(child["links"]["self"], lambda run: run["state"] == "running" and run["step"] > paused["step"])

    for one in (address, child["links"]["self"]):
        api.post(f"{one}/stop")
        stopped = api.wait(one, lambda run: run["state"] == "stopped" and run["receipt"].get("process_gone"))
        assert stopped["receipt"]["acknowledged"]
    events = [item["event"] for item in api.client.get(f"{address}/events").json()["items"]]
    assert {"started", "paused", "edit", "stopped"} <= set(events)
    curve = api.client.get(f"{address}/metrics", params={"max_points": 50}).json()["series"]
    assert curve["rollout/episode_return"]["steps"]
