"""What viewers see: pictures at fixed steps, live ones while watched, never at the training's expense."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.core.specs import Frame
from app.training.live import LATER
from tests.training.fakes import PANEL, Room, job

WATCH = [{"panel": "sum", "options": {}}]


def broken(subject: Any, options: Any) -> Frame:
    raise ValueError("no ink")


def frames(room: Room) -> list[dict[str, Any]]:
    return [header for header, _arrays in room.lives if header["type"] == "frame"]


def test_nothing_is_drawn_live_while_nobody_watches(tmp_path: Path) -> None:
    room = Room()
    room.train(job(tmp_path))
    assert {header["type"] for header, _arrays in room.lives} == {"progress"}


def test_a_watched_panel_is_shown_at_once_and_at_most_four_times_a_second(tmp_path: Path) -> None:
    room = Room()
    room.train(job(tmp_path, watch=WATCH, speed=100.0, total_steps=1_000))
    shown = frames(room)
    assert shown[0]["step"] == 0
    assert 30 <= len(shown) <= 42
    assert shown[-1]["step"] == 1_000
    agents = [header["step"] for header, _arrays in room.lives if header["type"] == "agent"]
    assert 60 <= len(agents) <= 110


def test_a_paused_run_shows_itself_to_a_new_viewer_and_after_each_step(tmp_path: Path) -> None:
    script = [
        (9_999, {"name": "watch", "panels": WATCH}),
        (9_999, {"name": "step", "count": 1}),
        (9_999, {"name": "stop"}),
    ]
    room = Room(script)
    room.train(job(tmp_path, paused=True))
    assert [header["step"] for header in frames(room)][:3] == [0, 0, 1]


def test_a_paused_run_shows_itself_again_after_an_edit(tmp_path: Path) -> None:
    edit = {"name": "edit", "id": 1, "config": {"alpha": 2.0}}
    script = [(9_999, {"name": "watch", "panels": WATCH}), (9_999, edit), (9_999, {"name": "stop"})]
    plain, edited = Room([script[0], script[2]]), Room(script)
    plain.train(job(tmp_path / "a", paused=True))
    edited.train(job(tmp_path / "b", paused=True))
    assert len(frames(edited)) == len(frames(plain)) + 1, "no step follows that would show what the edit changed"


def test_a_run_that_pauses_shows_every_picture_before_it_says_so(tmp_path: Path) -> None:
    room = Room([(100, {"name": "pause"}), (9_999, {"name": "stop"})])
    seen: list[int] = []

    def record(kind: str, header: dict[str, Any], arrays: Any = None) -> None:
        if kind == "state" and header["state"] == "paused":
            seen.extend(shown["step"] for shown in frames(room) if not shown["options"])
        room.records.append((kind, header, arrays or {}))

    room.record = record  # type: ignore[method-assign]
    room.train(job(tmp_path))
    assert seen == [room.agent.steps]
    assert room.agent.steps in [header["step"] for header in room.of("frame")], "also when its process is gone"


def test_pausing_changes_nothing_of_the_history_that_follows(tmp_path: Path) -> None:
    plain, paused = Room(), Room([(100, {"name": "pause"}), (9_999, {"name": "resume"})])
    plain.train(job(tmp_path / "a"))
    paused.train(job(tmp_path / "b"))
    steps = [{header["step"] for header in room.of("weights")} for room in (plain, paused)]
    assert steps[0] <= steps[1]
    assert len(steps[1] - steps[0]) <= 1


def test_watching_changes_nothing_that_is_recorded(tmp_path: Path) -> None:
    watched, plain = Room(), Room()
    watched.train(job(tmp_path / "a", watch=WATCH))
    plain.train(job(tmp_path / "b"))
    assert watched.reproducible() == plain.reproducible()


@pytest.mark.parametrize("panels", [[{"panel": "nonsense"}], [{"panel": "sum", "options": {"x": 1}}]])
def test_a_panel_that_does_not_exist_or_fit_does_no_harm(tmp_path: Path, panels: list[dict[str, Any]]) -> None:
    assert Room().train(job(tmp_path, watch=panels)) == "finished"


def test_a_broken_panel_is_reported_once_and_the_run_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    room = Room(panels=(replace(PANEL, compute=broken),))
    assert room.train(job(tmp_path, watch=WATCH)) == "finished"
    warnings = [header["text"] for header in room.of("event") if header["event"] == "warning"]
    assert warnings == ["Sum cannot be drawn: no ink"]
    assert frames(room)[0]["meta"] == {"error": "no ink"}
    assert not room.of("frame")


def test_weights_are_kept_beside_the_pictures(tmp_path: Path) -> None:
    room = Room()
    room.train(job(tmp_path))
    assert [header["step"] for header in room.of("weights")] == [header["step"] for header in room.of("frame")]


def of_last_update(subject: Any, options: Any) -> Frame:
    """Draw what no saved state holds: how many steps the calls since took."""
    return Frame({"calls": np.array(subject.agent.calls)}, {"count": len(subject.agent.calls)})


LAST = replace(PANEL, id="last", compute=of_last_update)


def resumed(tmp_path: Path, *commands: dict[str, Any], **changes: Any) -> tuple[Room, int]:
    """Let a process pause a run and go, and return another that goes on with it paused, and the step."""
    first = Room([(100, {"name": "pause"}), (9_999, {"name": "leave"})], panels=(PANEL, LAST))
    assert first.train(job(tmp_path)) == "left"
    assert "last" in {header["panel"] for header in first.of("frame") if header["step"] == first.agent.steps}
    at, saved = first.agent.steps, first.of("checkpoint")[-1]["id"]
    second = Room([(9_999, command) for command in commands], panels=(PANEL, LAST))
    second.train(job(tmp_path, checkpoint=saved, reached=at, paused=True, paused_at=at, attempt=2, **changes))
    return second, at


def test_a_restored_run_leaves_the_pictures_of_its_last_update_as_they_were_kept(tmp_path: Path) -> None:
    """A blank one of the same step would take the place of what was kept before the process went."""
    room, at = resumed(tmp_path, {"name": "leave"})
    assert {header["panel"] for header in room.of("frame")} == {"sum"}
    shown = {header["panel"]: header for header in frames(room)}
    assert shown["last"]["meta"] == {"count": 0, "waits": LATER}, "and a viewer is told when there will be one"
    assert shown["sum"]["meta"] == {"steps": at}


def test_a_restored_run_shows_its_last_update_from_the_next_one_on(tmp_path: Path) -> None:
    room, at = resumed(tmp_path, {"name": "step", "unit": "update", "count": 1}, {"name": "leave"})
    shown = [header["meta"] for header in frames(room) if header["panel"] == "last" and header["step"] > at]
    assert shown
    assert shown[-1]["count"] > 0
    kept = [header["step"] for header in room.of("frame") if header["panel"] == "last"]
    assert kept[0] > at
    assert kept[-1] == room.agent.steps


def test_a_fresh_run_keeps_its_blank_pictures_of_before_the_first_update(tmp_path: Path) -> None:
    room = Room(panels=(LAST,))
    room.train(job(tmp_path, watch=[{"panel": "last", "options": {}}]))
    assert room.of("frame")[0] == {"panel": "last", "step": 0, "meta": {"count": 0}}
    assert "waits" not in frames(room)[0]["meta"]
