"""A worker process over its own pipe: app/jobs/worker.py, app/jobs/engine.py and app/jobs/warming.py."""

import os
import queue
import signal
import threading
from contextlib import contextmanager

import pytest

from app import catalog
from app.core.errors import CheckpointDamaged
from app.core.plain_mode import plain_kernels
from app.jobs import warming
from app.jobs.engine import ONE_THREAD, LocalEngine, worker_environment
from app.jobs.worker import prepared, reason_of, with_sound_checkpoint
from app.training.checkpoints import write_checkpoint
from app.training.local import job_here, run_here

import numpy as np  # isort: skip

DEADLINE_S = 120.0  # a cold worker on a busy machine


class Listener:
    """Collects what a worker says, and its end."""

    def __init__(self):
        self.messages, self.statuses = [], []
        self.news = threading.Condition()

    def on_message(self, worker, message):
        with self.news:
            self.messages.append(message)
            self.news.notify_all()

    def on_exit(self, worker, status):
        with self.news:
            self.statuses.append(status)
            self.news.notify_all()

    def wait(self, is_met):
        with self.news:
            assert self.news.wait_for(lambda: is_met(self), DEADLINE_S)


def kinds(listener):
    return [message.header.get("kind", message.type) for message in listener.messages]


def test_a_run_is_recorded_in_order_and_ends_when_everything_is_acknowledged(tmp_path):
    listener = Listener()
    worker = LocalEngine(tmp_path).spawn(listener.on_message, listener.on_exit)
    job = job_here(catalog.resolve("q_learning", "FrozenLake-v1", total_steps=2_000), tmp_path / "run")
    worker.send({"type": "start", "job": job.to_json(), "fallbacks": [None]})
    listener.wait(lambda heard: any(m.header.get("header", {}).get("state") == "finished" for m in heard.messages))
    numbers = [message.header["n"] for message in listener.messages if message.type == "record"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert not listener.statuses, "it waits for the acknowledgement"
    worker.send({"type": "ack", "n": numbers[-1]})
    listener.wait(lambda heard: heard.statuses == [0])
    assert (tmp_path / "run" / "worker.log").exists()


@pytest.mark.parametrize("farewell", ["quit", "fenced"])
def test_a_worker_ends_when_told_so(tmp_path, farewell):
    listener = Listener()
    worker = LocalEngine(tmp_path).spawn(listener.on_message, listener.on_exit)
    worker.send({"type": farewell})
    listener.wait(lambda heard: bool(heard.statuses))
    with pytest.raises(ProcessLookupError):
        os.killpg(worker.pid, 0)


def test_a_worker_ends_when_the_pipe_closes(tmp_path):
    listener = Listener()
    worker = LocalEngine(tmp_path).spawn(listener.on_message, listener.on_exit)
    worker._outgoing.put(None)
    listener.wait(lambda heard: bool(heard.statuses))
    assert listener.statuses == [-signal.SIGKILL]


def test_a_worker_leads_its_own_group_so_that_a_keyboard_interrupt_spares_it(tmp_path):
    listener = Listener()
    worker = LocalEngine(tmp_path).spawn(listener.on_message, listener.on_exit)
    assert os.getpgid(worker.pid) == worker.pid
    worker.kill()
    listener.wait(lambda heard: heard.statuses == [-signal.SIGKILL])


def test_a_workers_environment_fixes_threads_and_hashing(tmp_path, monkeypatch):
    monkeypatch.setenv("RL_PLAYGROUND_KERNELS", "")
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "4096")
    environment = worker_environment(tmp_path)
    assert environment["MALLOC_MMAP_THRESHOLD_"] == str(64 << 20)
    assert environment["MALLOC_TRIM_THRESHOLD_"] == "4096", "what the operator sets stays"
    assert {environment[name] for name in ONE_THREAD} == {"1"}
    assert environment["PYTHONHASHSEED"] == "0"
    assert environment["RL_PLAYGROUND_KERNELS"] == str(tmp_path / "kernels")


def test_a_damaged_checkpoint_is_passed_over(tmp_path):
    job = job_here(catalog.resolve("q_learning", "FrozenLake-v1"), tmp_path, checkpoint="20-auto-2")
    for name in ("10-auto-1", "20-auto-2"):
        write_checkpoint(job.checkpoints_folder / name, {"x": np.arange(3)}, {"step": 1})
    assert with_sound_checkpoint(job, ["10-auto-1", None]).checkpoint == "20-auto-2"
    damaged = job.checkpoints_folder / "20-auto-2" / "state.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    assert with_sound_checkpoint(job, ["10-auto-1", None]).checkpoint == "10-auto-1"
    assert with_sound_checkpoint(job, [None]).checkpoint is None
    with pytest.raises(CheckpointDamaged):
        with_sound_checkpoint(job, [])


def test_a_failure_is_said_in_words():
    assert reason_of(CheckpointDamaged("checkpoint 7 is damaged")) == "checkpoint 7 is damaged"
    assert "memory limit" in reason_of(MemoryError())
    assert reason_of(KeyError("x")) == "KeyError: 'x'. The run's log holds the trace."


def test_warming_takes_every_algorithm_through_a_run(caplog, monkeypatch):
    monkeypatch.setattr(warming, "is_compiled", lambda algorithm, environment: False)
    assert sorted(warming.steps()) == sorted(catalog.algorithms())
    assert not caplog.records


def test_what_is_compiled_is_warmed_once_a_family(monkeypatch):
    warm = []
    monkeypatch.setattr(warming, "is_compiled", lambda algorithm, environment: algorithm != "sarsa")
    monkeypatch.setattr(warming, "warm_quietly", lambda spec, folder: warm.append(spec.id))
    assert sorted(warming.steps()) == sorted(catalog.algorithms())
    assert warm == [*warming.FIRST, "sarsa"]
    assert {spec.family for spec in catalog.algorithms().values()} == {catalog.algorithm(name).family for name in warm}
    assert warming.is_ready_for("td0", {"q_learning"})
    assert not warming.is_ready_for("td0", {"ppo"})


class Room:
    """The worker's side of a run without a pipe: what it records, and commands it tells itself."""

    def __init__(self):
        self.said, self.told = [], queue.SimpleQueue()

    def record(self, kind, header):
        self.said.append((kind, header["state"], header["reason"]))

    def tell(self, command):
        self.told.put(command["name"])


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(warming, "kernels_folder", lambda: tmp_path / "kernels")


@contextmanager
def warm_worker(*algorithms):
    """A warmer that has nothing left to do but what a run lacks."""
    warmer = warming.Warmer(lambda: None)
    warmer.warmed.update(algorithms)
    yield warmer
    warmer.close()


def test_a_pair_that_never_ran_here_is_rehearsed_once_and_says_so(tmp_path, empty_cache):
    job = job_here(catalog.resolve("q_learning", "FrozenLake-v1", total_steps=2_000), tmp_path / "run")
    room = Room()
    with warm_worker("q_learning") as warmer, prepared(job, room, room, warmer) as note:
        assert not note
    assert room.said == [("state", "starting", warming.COMPILING)]
    assert warming.is_compiled("q_learning", "FrozenLake-v1")
    assert not (tmp_path / "run").exists()
    with warm_worker("q_learning") as warmer, prepared(job, room, room, warmer):
        assert len(room.said) == 1


def test_a_run_whose_kernels_are_not_compiled_begins_plain_and_is_told_when_they_are(tmp_path, empty_cache):
    job = job_here(catalog.resolve("q_learning", "FrozenLake-v1", total_steps=2_000), tmp_path / "run")
    room = Room()
    with warm_worker() as warmer, prepared(job, room, room, warmer) as note:
        assert note == warming.PLAIN
        assert not room.said
        assert room.told.get(timeout=60) == "compiled"
    assert warming.is_compiled("q_learning", "FrozenLake-v1")


@pytest.mark.parametrize(
    ("algorithm", "environment", "options"),
    [
        ("reinforce_tabular", "FrozenLake-v1", {}),  # its bits would differ
        ("q_learning", "gridworld", {"layout": "/".join(["S" + "." * 38 + "G"] * 1 + ["." * 40] * 39)}),  # too large
        ("dqn", "CartPole-v1", {}),  # not a table
    ],
)
def test_others_wait_for_the_compiler(tmp_path, empty_cache, algorithm, environment, options):
    recipe = catalog.resolve(algorithm, environment, environment_config=options, total_steps=2_000)
    with plain_kernels():
        assert not warming.may_start_plain(job_here(recipe, tmp_path), set())


def test_a_run_that_comes_while_others_are_warmed_is_served_after_the_next_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(warming, "kernels_folder", lambda: tmp_path / "kernels")
    begun, go_on, done, warm, ready = threading.Event(), threading.Event(), threading.Event(), [], []

    def warm_quietly(spec, folder=None):
        begun.set()
        assert go_on.wait(20)
        warm.append(spec.id)

    monkeypatch.setattr(warming, "warm_quietly", warm_quietly)
    monkeypatch.setattr(warming, "rehearse", lambda job, folder: warm.append((job.algorithm, job.environment)))
    warmer = warming.Warmer(lambda: ready.append(True))
    warmer.begin()
    assert begun.wait(20)
    job = job_here(catalog.resolve("sarsa", "FrozenLake-v1"), tmp_path)
    warmer.prefer(job, done.set)
    go_on.set()
    assert done.wait(20)
    assert warm == [warming.FIRST[0], "sarsa", ("sarsa", "FrozenLake-v1")]
    assert not ready
    warmer.close()


def run_in_a_worker(tmp_path, algorithm, steps):
    """Run on an empty cache of kernels; return the worker's messages."""
    listener = Listener()
    worker = LocalEngine(tmp_path).spawn(listener.on_message, listener.on_exit)
    job = job_here(catalog.resolve(algorithm, "FrozenLake-v1", total_steps=steps), tmp_path / "run")
    worker.send({"type": "start", "job": job.to_json(), "fallbacks": [None]})
    with listener.news:
        assert listener.news.wait_for(lambda: "finished" in states(listener.messages), 400)
    worker.kill()
    return listener.messages


def headers(messages, kind):
    return [message.header["header"] for message in messages if message.header.get("kind") == kind]


def states(messages):
    return [header["state"] for header in headers(messages, "state")]


def curves(records):
    """Series → its steps and values, of records (header, arrays) of points; without those that a clock measures."""
    parts = {}
    for header, arrays in records:
        first = 0
        for series in header["series"]:
            here = slice(first, first := first + series["count"])
            if series["reproducible"]:
                parts.setdefault(series["name"], []).extend(
                    zip(arrays["steps"][here].tolist(), arrays["values"][here].tolist(), strict=True)
                )
    return parts


@pytest.mark.long
def test_a_run_on_an_empty_cache_draws_points_before_kernels_are_compiled_and_the_same_curves(tmp_path, monkeypatch):
    monkeypatch.setenv("RL_PLAYGROUND_KERNELS", str(tmp_path / "kernels"))
    messages = run_in_a_worker(tmp_path, "q_learning", 2_000_000)
    kinds_heard = [(m.header.get("kind"), m.header.get("header", {}).get("text", "")) for m in messages]
    compiled = next(i for i, (kind, text) in enumerate(kinds_heard) if kind == "event" and "ready, from" in text)
    assert any(kind == "points" for kind, _text in kinds_heard[:compiled])
    assert headers(messages, "state")[0]["reason"] == warming.PLAIN
    assert headers(messages, "state")[1] == {
        "state": "running",
        "reason": "",
        "step": headers(messages, "state")[1]["step"],
    }
    expected = []
    recipe = catalog.resolve("q_learning", "FrozenLake-v1", total_steps=2_000_000)
    run_here(
        job_here(recipe, tmp_path / "warm"),
        lambda kind, header, arrays: expected.append((header, arrays)) if kind == "points" else None,
    )
    heard = [(m.header["header"], m.arrays) for m in messages if m.header.get("kind") == "points"]
    assert curves(heard) == curves(expected)


@pytest.mark.long
def test_compiling_is_said_and_does_not_count_as_training(tmp_path, monkeypatch):
    monkeypatch.setenv("RL_PLAYGROUND_KERNELS", str(tmp_path / "kernels"))
    messages = run_in_a_worker(tmp_path, "reinforce_tabular", 2_000)
    first = headers(messages, "state")[0]
    assert (first["state"], first["reason"]) == ("starting", warming.COMPILING)
    assert headers(messages, "progress")[-1]["clock_s"] < 1.0
