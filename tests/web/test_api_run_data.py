"""What a run leaves behind, over REST (also app/web/run_data.py)."""

import csv
import io
import json
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app import catalog
from app.core.codecs import unpack_arrays
from app.protocol.data import EpisodeDetail
from app.protocol.runs import RunCreate
from app.store import frames as frame_rows
from app.store import runs as run_rows
from app.store import series as series_rows
from app.store.records import Record
from app.web import run_data
from app.web.api_run_data import read_frame
from app.web.run_data import Window
from app.web.services import Playground
from tests.web.conftest import API, CLIFF

RETURN = "rollout/episode_return"


def test_curves_hold_every_extreme_and_say_what_is_not_finite(client: TestClient, ended: dict[str, Any]) -> None:
    body = client.get(ended["links"]["metrics"]).json()
    curve = body["series"][RETURN]
    assert curve["steps"][:2] == [20, 40]
    assert curve["values"][7] is None
    assert curve["nonfinite"] is True
    assert curve["min"][0] == -101.0
    assert curve["max"][-1] == -12.0
    assert body["cursor"][RETURN] == 50


def test_curves_are_reduced_to_buckets(client: TestClient, ended: dict[str, Any]) -> None:
    curve = client.get(ended["links"]["metrics"], params={"max_points": 5, "names": RETURN}).json()["series"][RETURN]
    assert len(curve["steps"]) == 5
    assert curve["max"][-1] == -12.0


def test_curves_can_be_cut(client: TestClient, ended: dict[str, Any]) -> None:
    cut = client.get(ended["links"]["metrics"], params={"from_step": 200, "to_step": 240}).json()["series"][RETURN]
    assert cut["steps"] == [200, 220, 240]


def test_an_unknown_series_is_named_and_one_that_may_still_come_is_not(
    client: TestClient, ended: dict[str, Any]
) -> None:
    for address in (ended["links"]["metrics"], ended["links"]["metrics"] + ".csv"):
        refused = client.get(address, params={"names": f"{RETURN},no/such"})
        assert refused.status_code == 422
        (fault,) = refused.json()["errors"]
        assert (fault["where"], fault["value"]) == ("names", "no/such")
        assert RETURN in fault["way_out"]
    assert client.get(ended["links"]["metrics"], params={"names": "eval/mean_reward"}).json()["series"] == {}


def test_a_curve_that_grows_is_never_answered_from_before(client: TestClient, playground: Playground) -> None:
    """What is kept equals what is read from the store, at every moment."""
    made = playground.create_run(RunCreate(**CLIFF))
    take = lambda connection: run_rows.claim(connection, made.id) or run_rows.get(connection, made.id).attempt  # noqa: E731
    attempt = playground.store.writer.do(take)
    sizes = []
    for first in range(0, 40, 10):
        arrays = {name: np.arange(first, first + 10, dtype=np.float64) for name in ("values", "lows", "highs")}
        series = [{"name": RETURN, "first_seq": first, "count": 10, "reproducible": True}]
        points = {"steps": np.arange(first, first + 10), **arrays}
        record = Record("points", {"series": series, "step": first + 10}, points)
        playground.store.writer.submit(made.id, attempt, [record], lambda outcome: None)
        playground.store.writer.do(lambda connection: None)
        for _time in range(2):
            answer = client.get(made.links["metrics"])
            plain = run_data.metrics(playground, made.id, Window())
            assert answer.json() == json.loads(json.dumps(plain))
        sizes.append(len(answer.json()["series"][RETURN]["steps"]))
    assert sizes == [10, 20, 30, 40]
    playground.store.writer.do(
        lambda connection: series_rows.truncate(connection, made.id, after_step=14)  # an edit cuts a future off
    )
    assert client.get(made.links["metrics"]).json()["series"][RETURN]["steps"][-1] == 14


def test_unchanged_curves_are_not_sent_again(client: TestClient, ended: dict[str, Any]) -> None:
    tag = client.get(ended["links"]["metrics"]).headers["ETag"]
    assert client.get(ended["links"]["metrics"], headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("how", ["suffix", "accept"])
def test_a_table_has_every_point(client: TestClient, ended: dict[str, Any], how: str) -> None:
    address = ended["links"]["metrics"]
    response = client.get(f"{address}.csv") if how == "suffix" else client.get(address, headers={"Accept": "text/csv"})
    assert response.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert len(rows) == 50
    assert rows[0] == {"name": RETURN, "step": "20", "value": "-100.0", "min": "-101.0", "max": "-99.0"}
    assert rows[7]["value"] == "nan"


@pytest.mark.parametrize(
    "query", ["max_points=0", "max_points=2001", "from_step=-1", "to_step=x", "name=a", "from_step=" + "9" * 30]
)
def test_a_bad_window_is_refused(client: TestClient, ended: dict[str, Any], query: str) -> None:
    assert client.get(f"{ended['links']['metrics']}?{query}").status_code == 422


def test_the_pictures_of_a_run_are_listed(client: TestClient, ended: dict[str, Any]) -> None:
    panels = {item["panel"]: item for item in client.get(ended["links"]["frames"]).json()["panels"]}
    assert panels["grid_values"]["steps"] == [500]
    assert panels["grid_values"]["element"] == "grid-map"


def test_a_picture_is_json_or_bytes(client: TestClient, ended: dict[str, Any]) -> None:
    address = f"{ended['links']['frames']}/grid_values"
    as_json = client.get(address, params={"step": 700}).json()
    assert (as_json["panel"], as_json["step"], as_json["meta"]["cols"]) == ("grid_values", 500, 12)
    assert as_json["arrays"]["q"]["shape"] == [48, 4]
    response = client.get(address, headers={"Accept": "application/octet-stream"})
    length = int.from_bytes(response.content[:4], "little")
    assert (4 + length) % 4 == 0
    header = json.loads(response.content[4 : 4 + length])
    arrays = unpack_arrays(header["arrays"], response.content[4 + length :])
    assert arrays["v"].dtype == np.float32
    assert arrays["q"].tolist() == np.full((48, 4), 0.25).tolist()
    again = client.get(
        address, headers={"Accept": "application/octet-stream", "If-None-Match": response.headers["ETag"]}
    )
    assert again.status_code == 304


def keep_more(playground: Playground, run: int, steps: list[int]) -> None:
    """Store pictures whose values are their steps."""
    for step in steps:
        arrays = {"v": np.full((48,), step, np.float32)}
        playground.store.writer.do(
            partial(frame_rows.put, run=run, panel="grid_values", step=step, meta={"cols": 12}, arrays=arrays)
        )


def test_past_pictures_come_in_one_answer_as_json_or_bytes(
    client: TestClient, playground: Playground, ended: dict[str, Any]
) -> None:
    keep_more(playground, ended["id"], [600, 700, 800])
    address = f"{ended['links']['frames']}/grid_values"
    window = {"from_step": 600, "to_step": 799}
    items = client.get(f"{address}/past", params=window).json()["items"]
    assert items == [client.get(address, params={"step": step}).json() for step in (600, 700)]
    headers = {"Accept": "application/octet-stream"}
    response = client.get(f"{address}/past", params=window, headers=headers)
    bodies, rest = [], response.content
    while rest:
        length = int.from_bytes(rest[:4], "little")
        bodies.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    assert bodies == [client.get(address, params={"step": step}, headers=headers).content for step in (600, 700)]
    again = client.get(f"{address}/past", params=window, headers={**headers, "If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_past_pictures_are_bounded_by_number_and_size(
    client: TestClient, playground: Playground, ended: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_more(playground, ended["id"], [600, 700, 800])
    address = f"{ended['links']['frames']}/grid_values/past"
    steps = lambda: [item["step"] for item in client.get(address).json()["items"]]  # noqa: E731
    assert steps() == [500, 600, 700, 800]
    monkeypatch.setattr(run_data, "MOST_FRAMES", 3)
    assert steps() == [500, 600, 700]
    monkeypatch.setattr(run_data, "MOST_FRAMES_BYTES", 1)
    assert steps() == [500]
    assert client.get(f"{ended['links']['frames']}/no_such/past").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [("no_such", 404), ("plane_values", 404), ("grid_values?x=position", 422), ("grid_values?step=-1", 422)],
)
def test_a_picture_that_cannot_be_is_refused(client: TestClient, ended: dict[str, Any], path: str, status: int) -> None:
    assert client.get(f"{ended['links']['frames']}/{path}").status_code == status


def test_the_log_comes_page_by_page(client: TestClient, ended: dict[str, Any]) -> None:
    everything = client.get(ended["links"]["events"]).json()["items"]
    assert "evaluation" in [item["event"] for item in everything]
    first = client.get(ended["links"]["events"], params={"limit": 1})
    if len(everything) > 1:
        rest = client.get(first.links["next"]["url"], params={}).json()["items"]
        assert first.json()["items"] + rest == everything[: 1 + len(rest)]


def test_saved_states_are_listed_and_deleted(client: TestClient, ended: dict[str, Any]) -> None:
    address = ended["links"]["checkpoints"]
    assert [(item["id"], item["kind"]) for item in client.get(address).json()["items"]] == [("1000-final-1", "final")]
    assert client.delete(f"{address}/1000-final-1").status_code == 204
    assert client.get(address).json()["items"] == []
    assert client.delete(f"{address}/1000-final-1").status_code == 404
    assert client.delete(f"{address}/a.b").status_code == 422


def test_an_episode_is_given_step_by_step(client: TestClient, ended: dict[str, Any]) -> None:
    listed = client.get(ended["links"]["episodes"]).json()["items"]
    assert listed == [
        {
            "number": 1,
            "step": 500,
            "kind": "evaluation",
            "return": -2.0,
            "length": 2,
            "terminated": True,
            "truncated": False,
            "evaluation": 1,
            "place": "median",
            "lane": 0,
        }
    ]
    detail = client.get(f"{ended['links']['episodes']}/1").json()
    assert detail["states"] == [[36.0], [24.0], [25.0]]
    assert (detail["actions"], detail["rewards"], detail["drawing"]) == ([0, 1], [-1.0, -1.0], "grid")
    assert detail["layout"]["cols"] == 12
    assert client.get(f"{ended['links']['episodes']}/99").status_code == 404


def test_an_action_may_be_made_of_continuous_numbers() -> None:
    facts = {"number": 1, "step": 5, "kind": "best", "return": 0.0, "length": 1, "terminated": False, "truncated": True}
    happened = {"states": [[0.0], [1.0]], "actions": [[0.5, -1.0]], "rewards": [0.0], "drawing": "lander"}
    detail = EpisodeDetail.model_validate({**facts, **happened})
    assert detail.actions == [[0.5, -1.0]]


def test_addresses_of_links_are_those_of_the_api(ended: dict[str, Any]) -> None:
    assert all(link.startswith((API, "/runs/")) for link in ended["links"].values())


def test_every_option_of_every_panel_may_stand_in_the_address() -> None:
    known = set(signature(read_frame).parameters)
    missing = {(spec.id, name) for spec in catalog.panels().values() for name in set(spec.options.model_fields) - known}
    assert not missing
