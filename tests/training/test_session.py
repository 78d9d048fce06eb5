"""Resume and fork: a run cut anywhere records the same numbers. Also covers app/training/build.py."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.core.codecs import trees_equal
from app.core.errors import InvalidInput
from tests.training import fakes
from tests.training.fakes import Room, job

EDIT: dict[str, Any] = {"name": "edit", "id": 1, "config": {"alpha": 2.0}}


def checkpoint_of(room: Room, kind: str) -> str:
    return str(next(header["id"] for header in room.of("checkpoint") if header["kind"] == kind))


def assert_same(whole: Room, *parts: Room) -> None:
    """The points of the parts, each overwriting those of the one before, are the points of the whole."""
    joined: dict[str, dict[int, Any]] = {}
    for part in parts:
        for name, points in part.reproducible().items():
            for number, point in points.items():
                known = joined.setdefault(name, {}).setdefault(number, point)
                assert known == point, f"{name} {number}"
    assert joined == whole.reproducible()
    assert not trees_equal(whole.agent.state(), parts[-1].agent.state())


@pytest.mark.parametrize("cut", [1, 97, 100, 512, 1_337, 1_950])
@pytest.mark.parametrize("n_envs", [1, 8])
def test_a_run_stopped_and_resumed_equals_one_that_never_stopped(tmp_path: Path, cut: int, n_envs: int) -> None:
    config = {"n_envs": n_envs, "update_every": 16}
    whole, first, second = Room(), Room([(cut, {"name": "checkpoint"})]), Room()
    whole.train(job(tmp_path / "whole", config=config))
    first.train(job(tmp_path / "parts", config=config))
    resumed = job(tmp_path / "parts", config=config, attempt=2, checkpoint=checkpoint_of(first, "requested"))
    assert second.train(resumed) == "finished"
    assert_same(whole, first, second)


def test_a_resumed_run_repeats_a_known_edit_at_its_step(tmp_path: Path) -> None:
    first, second = Room([(100, {"name": "checkpoint"}), (700, EDIT)]), Room()
    first.train(job(tmp_path))
    edits = [{"id": 1, "step": first.of("edit")[0]["step"], "config": {"alpha": 2.0}}]
    second.train(job(tmp_path, attempt=2, checkpoint=checkpoint_of(first, "requested"), edits=edits))
    assert_same(first, first, second)
    assert not second.of("edit")


def test_a_resume_from_just_before_an_edit_applies_it(tmp_path: Path) -> None:
    first, second = Room([(700, EDIT)]), Room()
    first.train(job(tmp_path))
    edits = [{"id": 1, "step": first.of("edit")[0]["step"], "config": {"alpha": 2.0}}]
    second.train(job(tmp_path, attempt=2, checkpoint=checkpoint_of(first, "before_edit"), edits=edits))
    assert_same(first, first, second)


def test_a_resume_from_after_an_edit_does_not_apply_it_twice(tmp_path: Path) -> None:
    first, second = Room([(300, EDIT), (900, {"name": "checkpoint"})]), Room()
    first.train(job(tmp_path))
    edits = [{"id": 1, "step": first.of("edit")[0]["step"], "config": {"alpha": 2.0}}]
    second.train(job(tmp_path, attempt=2, checkpoint=checkpoint_of(first, "requested"), edits=edits))
    assert_same(first, first, second)
    assert second.agent.config.alpha == 2.0


def test_an_edit_nobody_answered_takes_effect_after_everything_recorded(tmp_path: Path) -> None:
    first, second = Room([(100, {"name": "checkpoint"}), (900, {"name": "stop"})]), Room()
    first.train(job(tmp_path))
    reached = first.of("state")[-1]["step"]
    edits = [{"id": 4, "step": None, "config": {"alpha": 2.0}}]
    name = checkpoint_of(first, "requested")
    second.train(job(tmp_path, attempt=2, checkpoint=name, edits=edits, reached=reached))
    assert second.of("edit") == [{"id": 4, "step": reached, "config": {"alpha": 2.0}}]
    before, after = first.reproducible()["train/loss"], second.reproducible()["train/loss"]
    repeated = [number for number, point in after.items() if point[0] <= reached]
    assert repeated
    assert [after[number] for number in repeated] == [before[number] for number in repeated]


def test_a_run_resumed_while_paused_first_returns_to_where_it_was(tmp_path: Path) -> None:
    first = Room([(100, {"name": "checkpoint"}), (900, {"name": "stop"})])
    first.train(job(tmp_path))
    reached = first.of("state")[-1]["step"]
    second = Room([(9_999, {"name": "stop"})])
    second.train(job(tmp_path, checkpoint=checkpoint_of(first, "requested"), reached=reached, paused=True,
                     paused_at=reached))  # fmt: skip
    assert second.states() == ["running", "paused", "stopped"]
    assert second.agent.steps == reached
    assert not trees_equal(first.agent.state(), second.agent.state())


def test_an_edit_while_a_run_catches_up_takes_effect_after_everything_recorded(tmp_path: Path) -> None:
    first, second = Room([(100, {"name": "checkpoint"}), (900, {"name": "stop"})]), Room([(150, EDIT)])
    first.train(job(tmp_path))
    reached = first.of("state")[-1]["step"]
    resumed = job(tmp_path, attempt=2, checkpoint=checkpoint_of(first, "requested"), reached=reached)
    assert second.train(resumed) == "finished"
    assert second.of("edit") == [{"id": 1, "step": reached, "config": {"alpha": 2.0}}]
    before, after = first.reproducible()["train/loss"], second.reproducible()["train/loss"]
    repeated = [number for number, point in after.items() if point[0] <= reached]
    assert repeated
    assert [after[number] for number in repeated] == [before[number] for number in repeated]


def test_an_edit_that_no_step_is_left_for_is_refused_with_the_reason(tmp_path: Path) -> None:
    first, second = Room([(100, {"name": "checkpoint"})]), Room([(150, EDIT)])
    first.train(job(tmp_path))
    resumed = job(tmp_path, attempt=2, checkpoint=checkpoint_of(first, "requested"), reached=2_000)
    assert second.train(resumed) == "finished"
    (answer,) = second.of("edit")
    assert answer["id"] == 1
    assert "none is left that it could change" in answer["refused"]


def test_an_edit_that_the_algorithm_refuses_in_this_world_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(config: Any, environment: Any) -> None:
        if config.alpha > 1:
            raise InvalidInput.one("config.alpha", config.alpha, "must be at most 1 in this world")

    monkeypatch.setattr(fakes, "ALGORITHM", replace(fakes.ALGORITHM, check=check))
    plain, edited = Room(), Room([(100, EDIT)])
    plain.train(job(tmp_path / "plain"))
    assert edited.train(job(tmp_path / "edited")) == "finished"
    (answer,) = edited.of("edit")
    assert "must be at most 1 in this world" in answer["refused"]
    assert_same(plain, edited)


def test_a_run_resumed_on_its_way_back_runs_on_and_forgets_its_steps(tmp_path: Path) -> None:
    first = Room([(100, {"name": "checkpoint"}), (900, {"name": "stop"})])
    first.train(job(tmp_path))
    reached = first.of("state")[-1]["step"]
    script = [(0, {"name": "step", "count": 3}), (0, {"name": "resume"}), (reached + 50, {"name": "pause"})]
    second = Room([*script, (9_999, {"name": "stop"})])
    second.train(job(tmp_path, checkpoint=checkpoint_of(first, "requested"), paused=True, paused_at=reached))
    assert second.states() == ["running", "paused", "stopped"]
    assert second.of("state")[1]["step"] == second.of("state")[2]["step"] >= reached + 50


def test_an_evaluation_is_shorter_where_acting_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sizes(folder: Path) -> list[str]:
        room = Room()
        room.train(job(folder))
        said = [header["text"] for header in room.of("event") if header["event"] == "evaluation"]
        return [text.split("over ")[1].split()[0] for text in said]

    assert sizes(tmp_path / "usual") == ["10"] * 19 + ["100"]
    monkeypatch.setattr(fakes, "ALGORITHM", replace(fakes.ALGORITHM, eval_at_most=(4, 20)))
    assert sizes(tmp_path / "short") == ["4"] * 19 + ["20"]


@pytest.mark.parametrize("kind", ["best", "final"])
@pytest.mark.parametrize("config", [{}, {"finish_at": 150}])
def test_a_run_killed_after_its_last_evaluation_does_not_repeat_it(
    tmp_path: Path, kind: str, config: dict[str, Any]
) -> None:
    first, second = Room(), Room()
    first.train(job(tmp_path, config=config))
    last = [header for header in first.of("checkpoint") if header["kind"] == kind][-1]
    assert second.train(job(tmp_path, config=config, checkpoint=last["id"])) == "finished"
    assert_same(first, first, second)
    assert last["step"] < second.of("state")[-1]["step"] or not second.of("points")


def test_a_fork_goes_on_from_there_with_series_of_its_own(tmp_path: Path) -> None:
    parent, fork = Room([(500, {"name": "checkpoint"})]), Room()
    parent.train(job(tmp_path / "parent"))
    name = checkpoint_of(parent, "requested")
    path = tmp_path / "parent" / "checkpoints" / name
    forked = job(tmp_path / "fork", run=2, checkpoint=str(path), config={"alpha": 2.0})
    assert fork.train(forked) == "finished"
    assert fork.agent.config.alpha == 2.0
    for points in fork.series().values():
        assert min(points) == 0
        assert min(point[0] for point in points.values()) >= 500
    kinds = [header["kind"] for header in fork.of("checkpoint")]
    assert kinds[-1] == "final"
    assert "best" in kinds


def test_a_fork_of_a_finished_run_with_a_larger_budget_runs_on(tmp_path: Path) -> None:
    parent, fork = Room(), Room()
    parent.train(job(tmp_path / "parent"))
    path = tmp_path / "parent" / "checkpoints" / checkpoint_of(parent, "final")
    fork.train(job(tmp_path / "fork", run=2, checkpoint=str(path), total_steps=3_000))
    assert fork.agent.steps == 3_000


def test_a_checkpoint_of_another_world_is_refused_with_the_reason(tmp_path: Path) -> None:
    parent, fork = Room(), Room()
    parent.train(job(tmp_path / "parent"))
    path = tmp_path / "parent" / "checkpoints" / checkpoint_of(parent, "final")
    assert fork.train(job(tmp_path / "fork", run=2, checkpoint=str(path), environment="elsewhere")) == "failed"
    assert "was made with environment counting, this run has elsewhere" in fork.of("state")[-1]["reason"]


def test_a_damaged_checkpoint_fails_the_run_and_says_so(tmp_path: Path) -> None:
    first, second = Room(), Room()
    first.train(job(tmp_path))
    name = checkpoint_of(first, "final")
    manifest = tmp_path / "checkpoints" / name / "manifest.json"
    manifest.write_text(manifest.read_text().replace("agent.sum", "agent.som"))
    assert second.train(job(tmp_path, checkpoint=name)) == "failed"
    assert "manifest.json was changed" in second.of("state")[-1]["reason"]


def test_the_run_clock_goes_on_from_the_checkpoint(tmp_path: Path) -> None:
    first, second = Room([(900, {"name": "checkpoint"})]), Room()
    first.train(job(tmp_path))
    second.train(job(tmp_path, checkpoint=checkpoint_of(first, "requested")))
    assert min(point[1] for point in second.series()["time/run_clock"].values()) > 0.1
