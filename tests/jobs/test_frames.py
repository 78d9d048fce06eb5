"""Frames come from where they are newest: app/jobs/frames.py, app/jobs/intake.py and app/jobs/compute.py."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from app import catalog
from app.core.errors import InvalidInput, Missing
from app.core.signals import DICTIONARY
from app.core.specs import Subject
from app.jobs import compute, frames
from app.jobs.wire import Message
from app.jobs.worker import compute as compute_in_worker
from app.store import frames as stored_frames
from tests.jobs.fakes import Floor


@pytest.fixture
def floor(tmp_path):
    floor = Floor(tmp_path).start()
    yield floor
    floor.close()


def store_frame(floor, run, step, value):
    arrays = {"v": np.full(4, value, np.float32)}
    floor.store.writer.do(
        lambda connection: stored_frames.put(
            connection, run, panel="grid_values", step=step, meta={"rows": 2}, arrays=arrays
        )
    )


def store_weights(floor, run, step):
    floor.store.writer.do(
        lambda connection: stored_frames.put_weights(connection, run, step=step, weights=np.arange(3, dtype=np.float32))
    )


def test_the_live_frame_is_the_latest_and_the_past_is_stored(floor):
    run = floor.insert()
    store_frame(floor, run, 0, 1.0)
    store_frame(floor, run, 10, 2.0)
    assert floor.supervisor.frame(run, "grid_values").step == 10
    worker = floor.engine.worker(0)
    header = {"type": "frame", "panel": "grid_values", "options": {}, "step": 14, "meta": {"rows": 2}}
    worker.say({"type": "live", "run": run, "header": header}, {"v": np.zeros(4, np.float32)})
    live = floor.supervisor.frame(run, "grid_values")
    assert (live.step, live.meta["rows"], live.arrays["v"].tolist()) == (14, 2, [0.0] * 4)
    past = floor.supervisor.frame(run, "grid_values", step=9)
    assert (past.step, past.arrays["v"][0]) == (0, 1.0)
    assert live.version != past.version


def test_a_blank_picture_that_waits_for_an_update_gives_way_to_the_one_that_was_kept(floor):
    """A paused run that a new process holds has forgotten the numbers of its last update; what was drawn of it is stored."""
    run = floor.insert()
    header = {"type": "frame", "panel": "grid_values", "options": {}, "step": 14, "meta": {"waits": "later"}}
    floor.engine.worker(0).say({"type": "live", "run": run, "header": header}, {"v": np.zeros((0, 2), np.float32)})
    assert floor.supervisor.frame(run, "grid_values").meta == {"waits": "later"}, "nothing was kept: words only"
    store_frame(floor, run, 20, 3.0)
    assert floor.supervisor.frame(run, "grid_values").meta == {"waits": "later"}, "nor is a later step shown"
    store_frame(floor, run, 14, 2.0)
    kept = floor.supervisor.frame(run, "grid_values")
    assert (kept.step, kept.meta, kept.arrays["v"][0]) == (14, {"rows": 2}, 2.0)
    fresh = {**header, "step": 15, "meta": {"rows": 2}}
    floor.engine.worker(0).say({"type": "live", "run": run, "header": fresh}, {"v": np.ones(4, np.float32)})
    assert floor.supervisor.frame(run, "grid_values").step == 15


def test_another_axis_is_drawn_by_an_idle_worker_from_stored_weights_once(floor):
    run = floor.insert(config={"alpha": 0.5})
    store_weights(floor, run, 20)
    found = []
    asking = threading.Thread(
        target=lambda: found.append(floor.supervisor.frame(run, "plane_values", {"x": "speed"}, step=25))
    )
    asking.start()
    worker = floor.engine.worker(1)
    request = worker.wait_for("compute")
    assert request.header["recipe"]["algorithm"] == "q_learning"
    assert (request.header["panel"], request.header["options"], request.header["step"]) == (
        "plane_values",
        {"x": "speed"},
        20,
    )
    assert request.arrays["weights"].tolist() == [0.0, 1.0, 2.0]
    answer = {"type": "computed", "id": request.header["id"], "meta": {"nx": 2}}
    worker.say(answer, {"values": np.ones((2, 2), np.float32)})
    asking.join(20)
    assert (found[0].step, found[0].meta) == (20, {"nx": 2})
    assert floor.supervisor.frame(run, "plane_values", {"x": "speed"}, step=20) is found[0]
    assert len(worker.of("compute")) == 1


def test_what_the_worker_cannot_draw_is_the_callers_error(floor):
    run = floor.insert()
    store_weights(floor, run, 20)
    errors = []

    def ask():
        with pytest.raises(InvalidInput, match="no such axis") as caught:
            floor.supervisor.frame(run, "plane_values", {"x": "nonsense"})
        errors.append(caught.value)

    asking = threading.Thread(target=ask)
    asking.start()
    worker = floor.engine.worker(1)
    worker.say({"type": "computed", "id": worker.wait_for("compute").header["id"], "error": "no such axis"})
    asking.join(20)
    assert errors


def test_what_the_worker_refuses_arrives_as_it_refused_it(floor):
    """The worker's violations cross the pipe whole: one sentence, at the option's own name."""
    run = floor.insert()
    store_weights(floor, run, 20)
    errors = []

    def ask():
        with pytest.raises(InvalidInput) as caught:
            floor.supervisor.frame(run, "plane_values", {"x": "nonsense"})
        errors.append(caught.value)

    asking = threading.Thread(target=ask)
    asking.start()
    worker = floor.engine.worker(1)
    request = worker.wait_for("compute")
    recipe = catalog.resolve("dqn", "CartPole-v1").as_dict()
    answers = []
    outbox = SimpleNamespace(send=lambda header, arrays=None: answers.append(header))
    compute_in_worker(Message({**request.header, "recipe": recipe}, request.arrays), outbox)
    worker.say(answers[0])
    asking.join(20)
    assert [error.where for error in errors[0].violations]
    assert str(errors[0]) == answers[0]["error"]


def test_no_free_worker_in_time_and_nothing_stored_are_said(floor, monkeypatch):
    run = floor.insert()
    with pytest.raises(Missing, match="nothing of it was stored"):
        floor.supervisor.frame(run, "plane_values", {"x": "speed"})
    store_weights(floor, run, 20)
    monkeypatch.setattr(frames, "TIMEOUT_S", 0.01)
    with pytest.raises(Missing, match="no worker was free"):
        floor.supervisor.frame(run, "plane_values", {"x": "speed"})


def neural():
    """Networks whose panels show a map of values or actions: of a language model or an autoencoder none does."""
    known = catalog.algorithms().values()
    return [
        spec
        for spec in known
        if "weights" in spec.signals and {"v_at", "q_at", "policy_at", "action_at"} & set(spec.signals)
    ]


@pytest.mark.parametrize("spec", neural(), ids=lambda spec: spec.id)
def test_a_frame_from_weights_is_the_frame_of_the_agent_that_had_them(spec):
    assert DICTIONARY["weights"]
    recipe = catalog.resolve(
        spec.id,
        spec.smoke.environment,
        config=spec.smoke.config,
        environment_config=spec.smoke.environment_config,
        total_steps=2_000,
    )
    algorithm, environment_spec, environment, agent = catalog.build(recipe)
    while not agent.update(200).updates:
        pass
    weights = np.array(agent.signals()["weights"](), np.float32)
    maps = {"grid-map", "plane-map"}  # others show what an update did, which weights do not tell
    panels = [panel for panel in catalog.panels_for(algorithm, environment_spec) if panel.element in maps]
    assert panels
    for panel in panels:
        expected = panel.compute(Subject(agent, algorithm, environment_spec, environment), panel.options())
        drawn = compute.frame({"recipe": recipe.as_dict(), "panel": panel.id, "options": {}}, weights)
        for name in ("values", "action"):
            if name in expected.arrays:
                np.testing.assert_array_equal(drawn.arrays[name], expected.arrays[name])


def test_a_tabular_agent_keeps_no_weights_to_draw_from():
    recipe = catalog.resolve("q_learning", "FrozenLake-v1")
    with pytest.raises(InvalidInput, match="keeps no weights"):
        compute.frame({"recipe": recipe.as_dict(), "panel": "grid_values", "options": {}}, np.zeros(3, np.float32))


def test_of_weights_alone_the_last_update_is_said_to_be_missing():
    recipe = catalog.resolve("ppo", "CartPole-v1", config={"net_arch": "8"}, preset="")
    weights = np.array(catalog.build(recipe)[3].signals()["weights"](), np.float32)
    drawn = compute.frame({"recipe": recipe.as_dict(), "panel": "passes", "options": {}}, weights)
    assert drawn.meta["waits"] == compute.NOT_KEPT
    drawn = compute.frame({"recipe": recipe.as_dict(), "panel": "slices", "options": {}}, weights)
    assert "waits" not in drawn.meta
