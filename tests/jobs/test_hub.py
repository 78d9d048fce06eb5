"""Viewers get everything once, merged (app/jobs/merging.py), and a slow one is told to read again instead of queueing."""

import asyncio
import json
from dataclasses import dataclass, field

import numpy as np

from app.jobs import hub as hub_module
from app.jobs.hub import Hub


@dataclass(frozen=True)
class Change:
    run: int
    kind: str
    data: dict = field(default_factory=dict)


def points(run, first, count, name="rollout/episode_return"):
    steps = np.arange(first, first + count)
    data = {"first_seq": first, "steps": steps, "values": steps * 0.5, "min": steps * 0.5, "max": steps * 0.5}
    return Change(run, "points", {name: data})


def merged(hub, subscription):
    """Return what the viewer has not seen, without waiting."""
    message = hub.collect(subscription.runs, subscription._position)
    subscription._position = message.position
    return message.data.get("runs", {})


def in_loop(function):
    async def body():
        return function()

    return asyncio.run(body())


def test_changes_of_one_run_become_one_message():
    def check():
        hub = Hub()
        viewer = hub.subscribe([1])
        hub.publish(
            [Change(1, "run", {"state": "running", "reason": ""}), points(1, 0, 2), Change(2, "run", {"step": 9})]
        )
        hub.publish([points(1, 2, 3), Change(1, "run", {"step": 5}), Change(1, "event", {"id": 4, "event": "edit"})])
        run = merged(hub, viewer)["1"]
        assert run["run"] == {"state": "running", "reason": "", "step": 5}
        series = run["points"]["rollout/episode_return"]
        assert (series["first_seq"], series["steps"], series["values"][-1]) == (0, [0, 1, 2, 3, 4], 2.0)
        assert run["events"] == [{"id": 4, "event": "edit"}]
        assert merged(hub, viewer) == {}

    in_loop(check)


def test_points_computed_again_after_a_resume_are_not_doubled():
    def check():
        hub = Hub()
        viewer = hub.subscribe([1])
        hub.publish([points(1, 0, 5)])
        hub.publish([points(1, 2, 6)])
        assert merged(hub, viewer)["1"]["points"]["rollout/episode_return"]["steps"] == list(range(8))

    in_loop(check)


def test_a_hole_in_a_series_asks_for_a_refetch():
    def check():
        hub = Hub()
        viewer = hub.subscribe([1])
        hub.publish([points(1, 0, 5)])
        hub.publish([points(1, 9, 2)])
        assert merged(hub, viewer)["1"]["refetch"] is True

    in_loop(check)


def test_a_viewer_that_fell_behind_is_told_to_refetch_and_memory_stays_bounded():
    def check():
        hub = Hub()
        viewer = hub.subscribe([1])
        for number in range(40):
            hub.publish([points(1, number * 500, 500)])
        recent = hub._runs[1]
        assert recent.points <= hub_module.KEPT_POINTS
        run = merged(hub, viewer)["1"]
        assert run["refetch"] is True
        assert "points" not in run
        hub.publish([points(1, 20_000, 3)])
        assert merged(hub, viewer)["1"]["points"]["rollout/episode_return"]["first_seq"] == 20_000

    in_loop(check)


def test_a_forgotten_run_asks_for_a_refetch(monkeypatch):
    monkeypatch.setattr(hub_module, "KEPT_RUNS", 2)

    def check():
        hub = Hub()
        viewer = hub.subscribe([1])
        for run in (1, 2, 3, 4):
            hub.publish([points(run, 0, 1)])
        assert merged(hub, viewer)["1"]["refetch"] is True

    in_loop(check)


def test_a_cursor_continues_where_the_viewer_was():
    def check():
        hub = Hub()
        hub.publish([points(1, 0, 3)])
        cursor = hub.collect(frozenset([1]), 0).id
        hub.publish([points(1, 3, 2)])
        again = hub.subscribe([1], cursor)
        assert merged(hub, again)["1"]["points"]["rollout/episode_return"]["first_seq"] == 3

    in_loop(check)


def test_a_cursor_of_another_server_asks_for_a_refetch():
    def check():
        hub = Hub()
        hub.publish([points(1, 0, 3)])
        for cursor in ("deadbeef-7", "nonsense", "x-" + "9" * 40):
            viewer = hub.subscribe([1, 5], cursor)
            runs = merged(hub, viewer)
            assert runs["1"]["refetch"] is True
            assert runs["5"]["refetch"] is True

    in_loop(check)


def test_the_list_of_runs_gets_rows_and_no_points():
    def check():
        hub = Hub()
        viewer = hub.subscribe()
        hub.publish([Change(3, "run", {"state": "queued"}), points(3, 0, 2), Change(4, "deleted")])
        assert merged(hub, viewer) == {"3": {"run": {"state": "queued"}}, "4": {"deleted": True}}

    in_loop(check)


def test_live_frames_are_announced_by_version_and_kept_for_fetching():
    def check():
        hub = Hub()
        viewer = hub.subscribe([1])
        for step in (5, 6):
            hub.live(1, {"type": "frame", "panel": "grid_values", "options": {}, "step": step}, {"v": np.ones(4)})
        hub.live(1, {"type": "agent", "step": 6, "action": 2}, {"states": np.array([[3.0]])})
        hub.live(1, {"type": "progress", "step": 6, "fps": 100.0})
        run = merged(hub, viewer)["1"]
        assert [frame["step"] for frame in run["frames"]] == [6]
        assert run["agent"] == {"step": 6, "action": 2, "states": [[3.0]]}
        assert run["run"] == {"step": 6, "fps": 100.0}
        kept = hub.live_frame(1, "grid_values")
        assert (kept.version, kept.header["step"]) == (run["frames"][0]["version"], 6)
        assert hub.live_frame(1, "grid_values", {"x": "speed"}) is None
        hub.forget_live(1)
        assert hub.live_frame(1, "grid_values") is None

    in_loop(check)


def test_viewers_of_the_same_runs_share_one_encoding():
    def check():
        hub = Hub()
        one, two = hub.subscribe([1]), hub.subscribe([1])
        hub.publish([points(1, 0, 3)])
        a, b = hub.collect(one.runs, one._position), hub.collect(two.runs, two._position)
        assert a is b
        assert a.text is b.text

    in_loop(check)


def test_numbers_that_json_lacks_become_null():
    def check():
        hub = Hub()
        viewer = hub.subscribe([1])
        hub.publish([Change(1, "run", {"latest": {"train/loss": float("nan")}})])
        message = hub.collect(viewer.runs, viewer._position)
        assert json.loads(message.text)["runs"]["1"]["run"]["latest"] == {"train/loss": None}

    in_loop(check)
