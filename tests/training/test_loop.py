"""The loop: its end, its commands, its records, its failures. Also covers app/training/output.py and app/training/ports.py."""

from pathlib import Path
from typing import Any

import pytest

from app.core.codecs import trees_equal
from app.training import recorder
from app.training.checkpoints import read_checkpoint
from app.training.ports import BACKLOG_LIMIT_BYTES
from tests.training.fakes import Room, job


def told(room: Room, event: str) -> list[dict[str, Any]]:
    return [header for header in room.of("event") if header["event"] == event]


def test_a_run_ends_finished_with_evaluations_pictures_and_a_final_checkpoint(tmp_path: Path) -> None:
    room = Room()
    assert room.train(job(tmp_path)) == "finished"
    assert room.states() == ["running", "finished"]
    assert room.agent.steps == 2_000
    assert [points[0] for points in room.series()["eval/mean_reward"].values()] == list(range(100, 2_001, 100))
    assert room.of("frame")[0]["step"] == 0
    assert room.of("frame")[-1]["step"] == 2_000
    assert len(room.of("frame")) <= 120
    assert sorted({episode["evaluation"] for episode in room.of("episode")}) == list(range(1, 21))
    assert room.of("checkpoint")[-1]["kind"] == "final"
    assert room.records[-1][0] == "state"


def test_points_are_numbered_without_gaps_and_the_first_leave_at_once(tmp_path: Path) -> None:
    room = Room()
    room.train(job(tmp_path))
    for name, points in room.series().items():
        assert sorted(points) == list(range(len(points))), name
    first = next(index for index, record in enumerate(room.records) if record[0] == "points")
    assert room.records[first][1]["step"] <= 100
    assert len(room.series()["rollout/episode_return"]) == 200
    assert len(room.series()["time/total_timesteps"]) == 400


def test_only_what_a_clock_measures_is_not_reproducible(tmp_path: Path) -> None:
    room = Room()
    room.train(job(tmp_path))
    flags = {item["name"]: item["reproducible"] for header in room.of("points") for item in header["series"]}
    assert {name for name, is_reproducible in flags.items() if not is_reproducible} == {"time/fps", "time/run_clock"}


@pytest.mark.parametrize("speed", [None, 40.0, 1_000.0])
def test_the_pace_changes_nothing_that_is_recorded(tmp_path: Path, speed: float | None) -> None:
    slow, fast = Room(), Room()
    slow.train(job(tmp_path / "slow", speed=speed, total_steps=500))
    fast.train(job(tmp_path / "fast", total_steps=500))
    assert slow.reproducible() == fast.reproducible()


def test_a_vector_agent_passes_a_boundary_by_less_than_one_vector_step(tmp_path: Path) -> None:
    room = Room()
    room.train(job(tmp_path, config={"n_envs": 8, "update_every": 64}, total_steps=1_000))
    steps = [point[0] for point in room.series()["eval/mean_reward"].values()]
    assert steps == [-(-target // 8) * 8 for target in range(50, 1_001, 50)]


def test_a_speed_limit_is_kept_and_the_loop_waits_only_in_poll(tmp_path: Path) -> None:
    room = Room()
    room.train(job(tmp_path, speed=10.0, total_steps=50))
    assert set(room.agent.calls) == {1}
    assert 4.5 <= room.clock.time <= 6.0
    assert max(room.waits) <= 0.1


def test_pause_resume_and_stop_are_obeyed_between_calls(tmp_path: Path) -> None:
    room = Room([(300, {"name": "pause", "reason": "lunch"}), (0, {"name": "resume"}), (900, {"name": "stop"})])
    assert room.train(job(tmp_path)) == "stopped"
    assert room.states() == ["running", "paused", "running", "stopped"]
    paused, stopped = room.of("state")[1], room.of("state")[-1]
    assert paused["reason"] == "lunch"
    assert 300 <= paused["step"] < 700
    assert stopped["receipt"]["checkpoint"] == room.of("checkpoint")[-1]["id"]
    assert stopped["receipt"]["acknowledged"].endswith("+00:00")
    assert room.agent.steps < 2_000


def test_a_paused_run_takes_exactly_the_steps_it_is_told(tmp_path: Path) -> None:
    script = [
        (300, {"name": "pause"}),
        (9_999, {"name": "step", "unit": "step", "count": 3}),
        (9_999, {"name": "checkpoint"}),
        (9_999, {"name": "step", "unit": "update", "count": 2}),
        (9_999, {"name": "checkpoint"}),
        (9_999, {"name": "step", "unit": "episode", "count": 1}),
        (9_999, {"name": "stop"}),
    ]
    room = Room(script)
    assert room.train(job(tmp_path, config={"update_every": 7})) == "stopped"
    start = room.of("state")[1]["step"]
    asked = [header["step"] for header in room.of("checkpoint") if header["kind"] == "requested"]
    assert asked[0] == start + 3
    assert asked[1] == (asked[0] // 7 + 2) * 7
    assert room.agent.steps == (asked[1] // 10 + 1) * 10
    assert room.states() == ["running", *4 * ["paused"], "stopped"]
    assert [header.get("stepped") for header in room.of("state")[1:5]] == [None, 1, 1, 1]


def test_a_run_may_start_paused(tmp_path: Path) -> None:
    room = Room([(0, {"name": "step", "count": 2}), (9_999, {"name": "stop"})])
    assert room.train(job(tmp_path, paused=True)) == "stopped"
    assert room.states() == ["paused", "paused", "stopped"]
    assert room.agent.steps == 2


def test_an_edit_takes_effect_here_and_leaves_a_checkpoint_from_before(tmp_path: Path) -> None:
    room = Room([(300, {"name": "edit", "id": 7, "config": {"alpha": 2.0}})])
    room.train(job(tmp_path))
    (edit,) = room.of("edit")
    before = next(header for header in room.of("checkpoint") if header["kind"] == "before_edit")
    assert edit == {"id": 7, "step": before["step"], "config": {"alpha": 2.0}}
    tree, meta = read_checkpoint(tmp_path / "checkpoints" / before["id"])
    assert meta["config"]["alpha"] == 0.5
    assert tree["agent"]["steps"] == edit["step"]
    assert room.agent.config.alpha == 2.0
    assert told(room, "edit")[0]["text"] == "alpha: 0.5 → 2.0"


@pytest.mark.parametrize("config", [{"alpha": 99.0}, {"n_envs": 2}, {"nonsense": 1}])
def test_an_edit_that_breaks_a_rule_changes_nothing(tmp_path: Path, config: dict[str, Any]) -> None:
    room, plain = Room([(300, {"name": "edit", "id": 7, "config": config})]), Room()
    assert room.train(job(tmp_path / "a")) == plain.train(job(tmp_path / "b")) == "finished"
    (answer,) = room.of("edit")
    assert answer["id"] == 7
    assert answer["refused"]
    assert room.reproducible() == plain.reproducible()


def test_divergence_fails_the_run_with_scalar_and_step(tmp_path: Path) -> None:
    room = Room()
    assert room.train(job(tmp_path, config={"diverge_at": 101})) == "failed"
    assert room.of("state")[-1]["reason"].startswith("train/loss became nan at step 104")
    assert told(room, "failed")


def test_a_bug_fails_the_run_with_its_class_and_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    room = Room()
    assert room.train(job(tmp_path, config={"break_at": 101})) == "failed"
    assert room.of("state")[-1]["reason"] == "IndexError: a bug"
    assert "Traceback" in caplog.text


def test_a_configuration_that_cannot_be_built_fails_the_run(tmp_path: Path) -> None:
    room = Room()
    assert room.train(job(tmp_path, config={"alpha": -1.0})) == "failed"
    assert "config.alpha=-1.0: must be ≥ 0" in room.of("state")[-1]["reason"]


def test_an_agent_with_nothing_left_to_do_ends_the_run_early(tmp_path: Path) -> None:
    room = Room()
    assert room.train(job(tmp_path, config={"finish_at": 150})) == "finished"
    assert room.of("state")[-1]["step"] == 150
    assert list(room.series()["eval/mean_reward"].values())[-1][0] == 150


def test_a_full_outbox_pauses_the_run_until_it_has_emptied(tmp_path: Path) -> None:
    room = Room(backlog=[65 << 20, 65 << 20, 40 << 20, 31 << 20])
    assert room.train(job(tmp_path)) == "finished"
    assert room.states() == ["running", "running", "running", "finished"]
    assert (room.of("state")[1]["reason"], room.of("state")[1]["is_short"]) == ("storage behind", True)


def test_a_paused_run_that_waits_for_the_storage_stays_paused(tmp_path: Path) -> None:
    script = [(9_999, {"name": "step", "count": 500}), (9_999, {"name": "stop"})]
    room = Room(script, backlog=[65 << 20, 65 << 20, 31 << 20])
    room.train(job(tmp_path, paused=True))
    assert set(room.states()) == {"paused", "stopped"}
    assert room.of("state")[1]["reason"] == "storage behind"


def test_a_stopped_run_leaves_the_picture_of_its_last_step(tmp_path: Path) -> None:
    room = Room([(333, {"name": "stop"})])
    assert room.train(job(tmp_path)) == "stopped"
    last = room.of("state")[-1]["step"]
    assert room.of("frame")[-1]["step"] == room.of("weights")[-1]["step"] == last
    assert room.of("checkpoint")[-1]["step"] == last


def test_a_run_that_is_left_saves_its_state_and_says_nothing_of_an_end(tmp_path: Path) -> None:
    room, whole, second = Room([(333, {"name": "leave"})]), Room(), Room()
    assert room.train(job(tmp_path)) == "left"
    assert room.states() == ["running"]
    saved = room.of("checkpoint")[-1]
    assert (saved["kind"], saved["step"]) == ("auto", room.agent.steps)
    second.train(job(tmp_path, attempt=2, checkpoint=saved["id"]))
    whole.train(job(tmp_path / "whole"))
    joined = {name: room.reproducible().get(name, {}) | points for name, points in second.reproducible().items()}
    assert joined == whole.reproducible()


def test_a_paused_run_that_is_left_has_saved_its_state_already(tmp_path: Path) -> None:
    room = Room([(100, {"name": "pause"}), (9_999, {"name": "leave"})])
    assert room.train(job(tmp_path)) == "left"
    assert [header["kind"] for header in room.of("checkpoint")].count("auto") == 1
    stepped = Room([(100, {"name": "step", "count": 3}), (9_999, {"name": "leave"})])
    stepped.train(job(tmp_path / "stepped"))
    assert stepped.of("checkpoint")[-1]["step"] == stepped.agent.steps


@pytest.mark.parametrize("ends", [{}, {"diverge_at": 321}])
def test_a_thinned_series_ends_with_what_its_last_bin_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: dict[str, int]
) -> None:
    """30 updates alone, then pairs, then fours, …: the last bin is not full."""
    monkeypatch.setattr(recorder, "UPDATE_POINTS", 30)
    room = Room()
    room.train(job(tmp_path, total_steps=500, config=ends))
    steps = [point[0] for _number, point in sorted(room.series()["train/loss"].items())]
    last = 320 if ends else 500
    assert steps[-1] == last
    assert steps[-2] < last - 4
    assert len(steps) == len(set(steps))


def test_a_backlog_up_to_the_limit_pauses_nothing(tmp_path: Path) -> None:
    room = Room(backlog=[BACKLOG_LIMIT_BYTES, BACKLOG_LIMIT_BYTES])
    assert room.train(job(tmp_path)) == "finished"
    assert room.states() == ["running", "finished"]
    assert BACKLOG_LIMIT_BYTES == 64 * 2**20


def test_checkpoints_are_kept_as_promised(tmp_path: Path) -> None:
    room = Room([(100, {"name": "checkpoint"})])
    room.clock.time = 0.0
    room.train(job(tmp_path, speed=40.0, total_steps=2_000))
    announced = {header["id"] for header in room.of("checkpoint")}
    removed = {name for header in room.of("checkpoint") for name in header["removed"]}
    on_disk = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert on_disk == announced - removed
    kinds = sorted(name.split("-")[1] for name in on_disk)
    assert kinds == ["auto", "auto", "best", "final", "requested"]
    assert len(announced) > 6


def test_the_final_checkpoint_holds_the_live_state(tmp_path: Path) -> None:
    room = Room()
    room.train(job(tmp_path))
    tree, meta = read_checkpoint(tmp_path / "checkpoints" / room.of("checkpoint")[-1]["id"])
    assert not trees_equal(tree["agent"], room.agent.state())
    assert (meta["step"], meta["run"], meta["algorithm"]) == (2_000, 1, "counter")
