"""A worker process over its own pipe: app/jobs/worker.py, app/jobs/engine.py and app/jobs/warming.py."""

import os
import queue
import signal
import threading
from types import SimpleNamespace

import pytest

from app import catalog
from app.core.errors import CheckpointDamaged
from app.jobs import warming, wire
from app.jobs.engine import ONE_THREAD, LocalEngine, worker_environment
from app.jobs.worker import Inbox, prepare, reason_of, with_sound_checkpoint
from app.training.checkpoints import write_checkpoint
from app.training.local import job_here

import numpy as np  # isort: skip


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
            assert self.news.wait_for(lambda: is_met(self), 60)


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
    environment = worker_environment(tmp_path)
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
    monkeypatch.setattr(warming, "warm_quietly", lambda spec: warm.append(spec.id))
    assert sorted(warming.steps()) == sorted(catalog.algorithms())
    assert warm == [*warming.FIRST, "sarsa"]
    assert {spec.family for spec in catalog.algorithms().values()} == {catalog.algorithm(name).family for name in warm}
    assert warming.is_ready_for("td0", {"q_learning"})
    assert not warming.is_ready_for("td0", {"ppo"})


def test_a_pair_that_never_ran_here_is_rehearsed_once_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(warming, "kernels_folder", lambda: tmp_path / "kernels")
    job = job_here(catalog.resolve("q_learning", "FrozenLake-v1", total_steps=2_000), tmp_path / "run")
    said = []
    outbox = SimpleNamespace(record=lambda kind, header: said.append((kind, header["state"], header["reason"])))
    prepare(job, outbox, {"q_learning"})
    assert said == [("state", "starting", warming.COMPILING)]
    assert warming.is_compiled("q_learning", "FrozenLake-v1")
    assert not (tmp_path / "run").exists()
    prepare(job, outbox, {"q_learning"})
    assert len(said) == 1


def test_a_run_that_arrives_while_another_algorithm_compiles_is_told_what_it_waits_for():
    reading, writing = os.pipe()
    records = queue.SimpleQueue()
    inbox = Inbox(os.fdopen(reading, "rb"))
    inbox.news = "Compiling"
    inbox.start(SimpleNamespace(bind=lambda *run: records.put(run), record=lambda *record: records.put(record)))
    os.write(writing, wire.encode({"type": "start", "job": {"run": 3, "attempt": 2}}))
    assert records.get(timeout=20) == (3, 2)
    assert records.get(timeout=20) == ("state", {"state": "starting", "reason": "Compiling", "step": None})
    assert inbox.requests.get(timeout=20).type == "start"


@pytest.mark.long
def test_compiling_is_said_and_does_not_count_as_training(tmp_path, monkeypatch):
    monkeypatch.setenv("RL_PLAYGROUND_KERNELS", str(tmp_path / "kernels"))
    listener = Listener()
    worker = LocalEngine(tmp_path).spawn(listener.on_message, listener.on_exit)
    job = job_here(catalog.resolve("q_learning", "FrozenLake-v1", total_steps=2_000), tmp_path / "run")
    worker.send({"type": "start", "job": job.to_json(), "fallbacks": [None]})
    listener.wait(lambda heard: any(m.header.get("header", {}).get("state") == "finished" for m in heard.messages))
    worker.kill()
    states = [m.header["header"] for m in listener.messages if m.header.get("kind") == "state"]
    assert (states[0]["state"], states[0]["reason"]) == ("starting", warming.COMPILING)
    clocks = [m.header["header"]["clock_s"] for m in listener.messages if m.header.get("kind") == "progress"]
    assert clocks[-1] < 1.0
