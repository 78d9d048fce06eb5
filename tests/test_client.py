"""The Python client against the real application, without a network."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from app.client import NoServer, Playground, WaitedTooLong, error_of
from app.core.errors import InvalidInput, Missing, PlaygroundError, Refused
from app.protocol.runs import RunCreate
from app.store.lock import DataFolderLock
from app.web import services
from app.web.app import create_app
from tests.web.conftest import BASE, TOKEN, close, make_playground, recorded
from tests.web.test_api_preferences import episode, record

CLIFF = ("q_learning", "CliffWalking-v1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.Playground]:
    made = make_playground(tmp_path_factory.mktemp("data"))
    yield made
    close(made)


@pytest.fixture(scope="module")
def client(server: services.Playground) -> Iterator[Playground]:
    with (
        TestClient(create_app(server), base_url=BASE) as inside,
        Playground(BASE, TOKEN, transport=inside._transport) as made,
    ):
        yield made


def test_create_read_list_and_stop(client: Playground) -> None:
    run = client.create(*CLIFF, config={"alpha": 0.5}, seed=3, name="by client")
    assert client.run(run.id).config["alpha"] == 0.5
    assert run.id in [one.id for one in client.runs(q="by client")]
    assert client.stop(run.id).receipt is not None
    assert client.patch(run.id, name="renamed").name == "renamed"


def test_a_repeated_create_with_a_key_makes_one_run(client: Playground) -> None:
    first, second = (client.create(*CLIFF, idempotency_key="once") for _time in range(2))
    assert first.id == second.id


def test_every_run_is_listed_across_pages(client: Playground) -> None:
    made = {client.create(*CLIFF, tags=["many"]).id for _time in range(5)}
    assert {run.id for run in client.runs(tag="many", limit=2)} == made


def test_what_a_run_left_behind(client: Playground, server: services.Playground) -> None:
    id = recorded(server, lambda id: id)
    assert client.wait(id, timeout_s=5).state == "finished"
    curve = client.metrics(id, names=["rollout/episode_return"], max_points=10)["rollout/episode_return"]
    assert len(curve.steps) == 10
    assert client.frame(id, "grid_values", step=500).arrays["q"].shape == [48, 4]
    assert client.episode(id, client.episodes(id).items[0].number).actions == [0, 1]
    assert client.checkpoints(id).items[0].kind == "final"
    assert client.events(id).items
    client.delete(id)
    with pytest.raises(Missing):
        client.run(id)


def test_pairs_are_asked_for_judged_and_listed(client: Playground, server: services.Playground) -> None:
    body = RunCreate(algorithm="ppo", environment="CartPole-v1", total_steps=100)
    address = record(server, body, [episode(1, 0, 12), episode(2, 100, 80)])
    id = int(address.split("/")[-2])
    pair = client.pair(id)
    label = client.prefer(id, pair, "right", idempotency_key="once")
    assert (label.right.number, label.choice) == (pair.right.number, "right")
    assert client.prefer(id, pair, "right", idempotency_key="once").id == label.id
    assert client.simulate_preferences(id, 5, rationality=1.0).total == 6
    assert [one.rater for one in client.preferences(id, limit=2).items] == ["person", "simulated"]


def test_what_json_cannot_hold_is_refused_before_it_is_sent(client: Playground) -> None:
    with pytest.raises(InvalidInput, match="cannot be sent as JSON"):
        client.create(*CLIFF, config={"alpha": float("nan")})


def test_errors_are_ours_and_name_value_rule_and_way_out(client: Playground, server: services.Playground) -> None:
    with pytest.raises(InvalidInput, match=r"config.alpha=2: must be ≤ 1\. Allowed"):
        client.create(*CLIFF, config={"alpha": 2})
    with pytest.raises(Missing):
        client.run(999_999)
    id = recorded(server, lambda id: id)
    for action in (client.pause, client.resume, client.checkpoint, client.step):
        with pytest.raises(Refused, match="finished"):
            action(id)
    with pytest.raises(PlaygroundError):
        client.fork(id, checkpoint="none-such-1")


def test_waiting_has_an_end(client: Playground) -> None:
    run = client.create(*CLIFF)
    seen: list[str] = []
    with pytest.raises(WaitedTooLong, match=str(run.id)):
        client.wait(run.id, timeout_s=0, on_change=lambda now: seen.append(now.state))
    assert len(seen) == 1


def test_a_wrong_token_is_said(server: services.Playground) -> None:
    with TestClient(create_app(server), base_url=BASE) as inside:
        stranger = Playground(BASE, "wrong", transport=inside._transport)
        with pytest.raises(PlaygroundError, match="rl-playground token"):
            stranger.run(1)


def test_without_a_server_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NoServer, match="rl-playground"):
        Playground(data=tmp_path)


def test_a_server_that_is_gone_is_said() -> None:
    def gone(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    with Playground("http://127.0.0.1:1", "t", transport=httpx2.MockTransport(gone)) as client, pytest.raises(NoServer):
        client.run(1)


def test_the_local_server_is_found_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RL_PLAYGROUND_URL", raising=False)
    monkeypatch.delenv("RL_PLAYGROUND_TOKEN", raising=False)
    sent: list[str] = []

    def listen(request: httpx2.Request) -> httpx2.Response:
        sent.append(f"{request.url} {request.headers['authorization']}")
        return httpx2.Response(200, json={"items": [], "next_cursor": None})

    (tmp_path / "token").write_text("secret\n")
    with DataFolderLock(tmp_path) as lock:
        lock.write_owner(url="http://127.0.0.1:1234", instance="i")
        with Playground(data=tmp_path, transport=httpx2.MockTransport(listen)) as client:
            assert list(client.runs()) == []
    assert sent == ["http://127.0.0.1:1234/api/v1/runs Bearer secret"]


def test_an_answer_that_is_no_problem_is_still_an_error() -> None:
    assert "502" in str(error_of(502, "<html>"))
    assert "502" in str(error_of(502, "[]"))
