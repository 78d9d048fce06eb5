"""Preferences over REST: pairs of what a run kept, labels, a simulated rater, abilities.

Covers app/web/preferring.py, app/web/pieces.py and app/protocol/preferences.py.
"""

import csv
import io
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.protocol.runs import RunCreate
from app.store import runs as run_rows
from app.store.records import Record
from app.web.preferring import abilities_of, agreement_of, turns, uniform
from app.web.services import Playground
from tests.web.conftest import API

STEPS = (0, 50, 100)


def record(playground: Playground, body: RunCreate, records: list[Record]) -> str:
    """Make a run that left records, and return its address."""
    run = playground.create_run(body).id
    attempt = playground.store.writer.do(lambda connection: run_rows.claim(connection, run))
    attempt = attempt or playground.store.writer.do(lambda connection: run_rows.get(connection, run)).attempt
    outcomes: list[str] = []
    playground.store.writer.submit(run, attempt, [Record("state", {"state": "running"}), *records], outcomes.append)
    playground.store.writer.do(lambda connection: None)
    assert outcomes == ["committed"]
    return f"{API}/runs/{run}/preferences"


def drafts(step: int) -> Record:
    """Two tries at each of two prompts; later ones earn more."""
    rows = [[prompt, f"{prompt}{step}a⏎", step / 100, f"{prompt}{step}b", step / 200] for prompt in ("12=", "21=")]
    return Record("frame", {"panel": "drafts", "step": step, "meta": {"rows": rows}}, {})


def episode(number: int, step: int, length: int, reward: float = 1.0) -> Record:
    facts = {"number": number, "step": step, "kind": "evaluation", "return": reward * length, "length": length}
    facts |= {"terminated": True, "truncated": False, "evaluation": number, "place": "median", "lane": 0}
    arrays = {"states": np.zeros((length + 1, 4), np.float32), "actions": np.zeros(length, np.int32),
              "rewards": np.full(length, reward, np.float32)}  # fmt: skip
    return Record("episode", facts, arrays)


@pytest.fixture
def language(playground: Playground, client: TestClient) -> str:
    body = RunCreate(algorithm="sft", environment="sort_digits", total_steps=100)
    return record(playground, body, [drafts(step) for step in STEPS])


@pytest.fixture
def settled(playground: Playground, client: TestClient) -> str:
    """A run that writes the same everywhere from its second moment on, but for one try at one prompt."""
    prompts = [f"{number}=" for number in range(32)]
    first = [[prompt, "a⏎", 0.1, "b⏎", 0.2] for prompt in prompts[:4]] + [
        [p, "c⏎", 1.0, "c⏎", 1.0] for p in prompts[4:]
    ]
    later = [[prompt, "c⏎", 1.0, "c⏎", 1.0] for prompt in prompts]
    rows = {0: first, 50: [*later[:-1], [prompts[-1], "c⏎", 1.0, "d", 0.5]], 100: later}
    body = RunCreate(algorithm="sft", environment="sort_digits", total_steps=100)
    kept = [Record("frame", {"panel": "drafts", "step": s, "meta": {"rows": r}}, {}) for s, r in rows.items()]
    return record(playground, body, kept)


@pytest.fixture
def control(playground: Playground, client: TestClient) -> str:
    body = RunCreate(algorithm="ppo", environment="CartPole-v1", total_steps=100)
    made = [episode(1, 0, 12), episode(2, 50, 80), episode(3, 100, 200)]
    return record(playground, body, made)


def label(client: TestClient, address: str, choice: str = "left", **more: Any) -> Any:
    pair = client.get(f"{address}/pair").json()
    sides = {side: {name: pair[side][name] for name in ("step", "number", "start")} for side in ("left", "right")}
    return client.post(address, json={**sides, "choice": choice}, **more)


def test_a_pair_continues_one_prompt_and_stays_the_same_until_it_is_judged(client: TestClient, language: str) -> None:
    pair = client.get(f"{language}/pair").json()
    assert (pair["kind"], pair["number"]) == ("completions", 0)
    assert pair["left"]["text"].startswith(pair["prompt"])
    assert pair["right"]["text"].startswith(pair["prompt"])
    assert pair["left"]["step"] != pair["right"]["step"]
    assert "earned" not in pair["left"], "nobody is told before choosing"
    assert client.get(f"{language}/pair").json() == pair
    made = label(client, language, "right")
    assert (made.status_code, made.json()["choice"], made.json()["rater"]) == (201, "right", "person")
    assert made.json()["left"]["text"] == pair["left"]["text"]
    assert client.get(f"{language}/pair").json()["number"] == 1
    assert client.get(f"{language}/pair", params={"number": 0}).json() == pair


def test_clips_are_stretches_of_recorded_episodes(client: TestClient, control: str) -> None:
    for number in range(20):
        pair = client.get(f"{control}/pair", params={"number": number}).json()
        assert pair["kind"] == "clips"
        for side in ("left", "right"):
            length = {1: 12, 2: 80, 3: 200}[pair[side]["number"]]
            assert 10 <= pair[side]["length"] <= 50
            assert pair[side]["start"] + pair[side]["length"] <= length
    made = label(client, control, "tie").json()
    assert made["left"]["earned"] == made["left"]["length"], "one for every step that the pole stood"


def seen(pair: dict[str, Any]) -> frozenset[tuple[int, int]]:
    """What was compared, whichever stood left."""
    return frozenset((pair[side]["step"], pair[side]["number"]) for side in ("left", "right"))


def test_a_run_that_mostly_writes_the_same_is_judged_to_its_end_and_then_again(
    client: TestClient, settled: str
) -> None:
    pairs = 4 * 2 * 4 + 2 * 2  # four prompts at two pairs of moments, and one text that is compared with four
    rounds = []
    for _round in range(2):
        judged = [label(client, settled).json() for _ in range(pairs)]
        assert all(one["left"]["text"] != one["right"]["text"] for one in judged)
        rounds.append([seen(one) for one in judged])
    assert len(set(rounds[0])) == pairs, "none twice in a round"
    assert set(rounds[0]) == set(rounds[1])


def test_what_looks_alike_is_not_shown_again_while_something_new_is_left(client: TestClient, settled: str) -> None:
    shown = [client.get(f"{settled}/pair", params={"number": number}).json() for number in range(9)]
    looks = {(pair["prompt"], frozenset(pair[side]["text"] for side in ("left", "right"))) for pair in shown}
    assert len(looks) == 9, "two texts of each of four prompts beside the one that stays, and the last prompt's"


def test_a_simulated_rater_labels_all_it_is_asked_for_where_most_is_the_same(client: TestClient, settled: str) -> None:
    by_hand = seen(label(client, settled).json())
    made = client.post(f"{settled}/simulated", json={"count": 60})
    assert (made.status_code, made.json()) == (201, {"added": 60, "total": 61})
    items = client.get(settled).json()["items"]
    assert by_hand not in [seen(one) for one in items[1:36]], "what a person judged waits for the others"
    assert len({seen(one) for one in items[:36]}) == 36


def test_a_forgotten_answer_opens_its_pair_and_no_other(client: TestClient, settled: str) -> None:
    made = [label(client, settled).json() for _ in range(5)]
    client.delete(f"{settled}/{made[1]['id']}")
    following = [seen(label(client, settled).json()) for _ in range(32)]
    assert seen(made[1]) in following
    assert len({*following, *(seen(one) for one in made)}) == 36, "32 that were open, and 4 that stay judged"


def test_clips_take_each_pair_of_episodes_once_a_round_at_other_stretches(client: TestClient, control: str) -> None:
    client.post(f"{control}/simulated", json={"count": 30})
    items = client.get(control).json()["items"]
    assert all(len({seen(one) for one in items[start : start + 3]}) == 3 for start in range(0, 30, 3))
    assert len({one["right"]["start"] for one in items} | {one["left"]["start"] for one in items}) > 10


@pytest.mark.parametrize(("length", "status"), [(10, 409), (12, 200)])
def test_one_episode_alone_is_compared_with_itself_where_it_is_long_enough(
    playground: Playground, client: TestClient, length: int, status: int
) -> None:
    body = RunCreate(algorithm="ppo", environment="CartPole-v1", total_steps=100)
    address = record(playground, body, [episode(1, 0, length)])
    for number in range(10):
        answer = client.get(f"{address}/pair", params={"number": number})
        assert answer.status_code == status
        if status == 200:
            assert answer.json()["left"]["start"] != answer.json()["right"]["start"]


@pytest.mark.parametrize(
    ("more", "way_out"), [([], "Let it learn"), ([Record("state", {"state": "finished"})], "Judge another run")]
)
def test_a_run_whose_writing_is_all_the_same_says_so(
    playground: Playground, client: TestClient, more: list[Record], way_out: str
) -> None:
    rows = [["12=", "12⏎", 1.0, "12⏎", 1.0]]
    kept = [Record("frame", {"panel": "drafts", "step": step, "meta": {"rows": rows}}, {}) for step in STEPS]
    body = RunCreate(algorithm="sft", environment="sort_digits", total_steps=100)
    address = record(playground, body, [*kept, *more])
    for refused in (client.get(f"{address}/pair"), client.post(f"{address}/simulated", json={"count": 60})):
        assert refused.status_code == 409
        assert "is the same" in refused.json()["detail"]
        assert way_out in refused.json()["detail"]
    assert ("Nothing to compare yet" in client.get(address.removeprefix(API)).text) == (not more)


def test_far_turns_are_found_without_going_through_those_before() -> None:
    line: Any = ["a", "b", "c"]
    answers: Any = {"a": 2, "c": 5}
    near = turns(line, answers)
    expected = [next(near) for _ in range(40)]
    assert [next(turns(line, answers, ahead)) for ahead in range(40)] == expected
    assert next(turns(line, answers, 3 * 10**15 + 2))[1] > 10**14


def test_a_label_may_come_twice_and_counts_once(client: TestClient, language: str) -> None:
    pair = client.get(f"{language}/pair").json()
    sides = {side: {name: pair[side][name] for name in ("step", "number")} for side in ("left", "right")}
    first, second = (
        client.post(language, json={**sides, "choice": "left"}, headers={"Idempotency-Key": "k"}) for _ in range(2)
    )
    assert first.json() == second.json()
    other = client.post(language, json={**sides, "choice": "tie"}, headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["errors"][0]["where"]) == (422, "Idempotency-Key")
    assert client.get(language).json()["total"] == 1


def test_labels_are_listed_page_by_page_exported_and_forgotten(client: TestClient, language: str) -> None:
    ids = [label(client, language, choice).json()["id"] for choice in ("left", "right", "tie")]
    page = client.get(language, params={"limit": 2})
    assert [item["id"] for item in page.json()["items"]] == ids[:2]
    rest = client.get(language, params={"cursor": page.json()["next_cursor"]}).json()
    assert [item["id"] for item in rest["items"]] == ids[2:]
    assert 'rel="next"' in page.headers["Link"]
    table = list(csv.DictReader(io.StringIO(client.get(f"{language}.csv").text)))
    assert [row["choice"] for row in table] == ["left", "right", "tie"]
    assert table[0]["left_text"].startswith(table[0]["prompt"])
    assert client.delete(f"{language}/{ids[1]}").status_code == 204
    assert client.delete(f"{language}/{ids[1]}").status_code == 404
    assert client.get(language).json()["total"] == 2
    assert client.delete(language).status_code == 204
    assert client.get(language).json()["total"] == 0


def test_a_simulated_rater_goes_by_the_true_reward_and_abilities_follow(client: TestClient, language: str) -> None:
    made = client.post(f"{language}/simulated", json={"count": 60}, headers={"Idempotency-Key": "once"})
    assert (made.status_code, made.json()) == (201, {"added": 60, "total": 60})
    again = client.post(f"{language}/simulated", json={"count": 60}, headers={"Idempotency-Key": "once"})
    assert again.json()["added"] == 0
    found = client.get(language).json()
    assert found["agreement"] == 1.0
    order = [ability["ability"] for ability in found["abilities"]]
    assert order == sorted(order), "what was written later earns more"
    assert sum(order) == pytest.approx(0, abs=1e-6)
    assert all(ability["half_width"] > 0 for ability in found["abilities"])


def test_a_rater_that_errs_agrees_as_often_as_it_should(client: TestClient, language: str) -> None:
    client.post(f"{language}/simulated", json={"count": 400, "error_share": 0.4, "seed": 1})
    found = client.get(language, params={"limit": 1}).json()
    assert found["agreement"] == pytest.approx(0.8, abs=0.06), "half of the careless answers are right"
    client.delete(language)
    client.post(f"{language}/simulated", json={"count": 400, "rationality": 0.0})
    assert client.get(language, params={"limit": 1}).json()["agreement"] == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        ({"left": {"step": 0, "number": 0}, "right": {"step": 50, "number": 2}, "choice": "left"}, 422, "right.number"),
        ({"left": {"step": 1, "number": 0}, "right": {"step": 50, "number": 0}, "choice": "left"}, 404, "left"),
        ({"left": {"step": 0, "number": 0}, "right": {"step": 50, "number": 9}, "choice": "left"}, 404, "right"),
        ({"left": {"step": 0, "number": 0}, "right": {"step": 50, "number": 0}, "choice": "both"}, 422, "choice"),
        ({"left": {"step": -1, "number": 0}, "right": {"step": 50, "number": 0}, "choice": "tie"}, 422, "left.step"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(
    client: TestClient, language: str, body: dict[str, Any], status: int, where: str
) -> None:
    refused = client.post(language, json=body)
    assert (refused.status_code, refused.json()["errors"][0]["where"]) == (status, where)
    assert refused.json()["errors"][0]["rule"]


def test_bounds_are_named(client: TestClient, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.post(f"{language}/simulated", json={"count": 1001}).status_code == 422
    monkeypatch.setattr("app.store.preferences.MOST", 3)
    assert client.post(f"{language}/simulated", json={"count": 3}).status_code == 201
    refused = label(client, language)
    assert refused.status_code == 409
    assert "at most 3 labels" in refused.json()["detail"]


def test_a_run_that_kept_nothing_says_so(client: TestClient, run: dict[str, Any]) -> None:
    refused = client.get(f"{API}/runs/{run['id']}/preferences/pair")
    assert refused.status_code == 409
    assert "first evaluation" in refused.json()["detail"]
    assert client.get(f"{API}/runs/{run['id']}/preferences").json()["total"] == 0
    assert client.get(f"{API}/runs/999999/preferences").status_code == 404


def a_label(left: int, right: int, choice: str, earned: tuple[float, float] = (1.0, 0.0)) -> dict[str, Any]:
    return {
        "left": {"step": left, "earned": earned[0]},
        "right": {"step": right, "earned": earned[1]},
        "choice": choice,
    }


def test_a_tie_is_half_a_win_and_one_moment_alone_has_no_ability() -> None:
    even = abilities_of([a_label(0, 10, "tie"), a_label(0, 10, "left"), a_label(0, 10, "right")])
    assert [one.ability for one in even] == pytest.approx([0, 0])
    assert [one.compared for one in even] == [3, 3]
    assert abilities_of([a_label(5, 5, "left")]) == []
    three_to_one = abilities_of([a_label(0, 10, "left")] * 30 + [a_label(10, 0, "left")] * 10)
    gap = three_to_one[0].ability - three_to_one[1].ability
    assert gap == pytest.approx(np.log(30.1 / 10.1)), "the log-odds, with a tenth of a win for each beforehand"


def test_agreement_leaves_ties_apart() -> None:
    assert agreement_of([]) is None
    labels = [a_label(0, 1, "left"), a_label(0, 1, "right"), a_label(0, 1, "tie"), a_label(0, 1, "left", (2.0, 2.0))]
    assert agreement_of(labels) == 0.5


def test_draws_follow_from_their_key_alone() -> None:
    draws = [uniform("a", number) for number in range(2000)]
    assert draws == [uniform("a", number) for number in range(2000)]
    assert np.mean(draws) == pytest.approx(0.5, abs=0.03)
    assert 0 <= min(draws) < 0.01 < 0.99 < max(draws) < 1
