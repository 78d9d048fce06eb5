"""Records leave in order, are kept until acknowledged and never dropped; live messages are latest-only."""

import io
import threading

import numpy as np
import pytest

from app.jobs import wire
from app.jobs.outbox import Outbox


class Pipe:
    """A pipe whose reader can hold back, and which can break."""

    def __init__(self):
        self.open = threading.Event()
        self.open.set()
        self.data = bytearray()
        self.arrived = threading.Condition()
        self.is_broken = False

    def write(self, data):
        assert self.open.wait(10)
        if self.is_broken:
            raise BrokenPipeError
        with self.arrived:
            self.data += data
            self.arrived.notify_all()

    def messages(self):
        stream = io.BytesIO(bytes(self.data))
        read = []
        while (message := wire.read(stream)) is not None:
            read.append(message)
        return read

    def wait_for(self, count):
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.messages()) >= count, 10)
        return self.messages()


@pytest.fixture
def pipe():
    return Pipe()


def test_records_are_numbered_and_carry_run_and_attempt(pipe):
    outbox = Outbox(pipe.write)
    outbox.bind(7, 2)
    outbox.record("event", {"step": 1})
    outbox.record("points", {"step": 2}, {"steps": np.arange(3)})
    first, second = pipe.wait_for(2)
    assert first.header == {"type": "record", "n": 1, "run": 7, "attempt": 2, "kind": "event", "header": {"step": 1}}
    assert second.header["n"] == 2
    assert second.arrays["steps"].tolist() == [0, 1, 2]


def test_a_record_counts_until_it_is_acknowledged_not_until_it_is_sent(pipe):
    outbox = Outbox(pipe.write)
    outbox.record("event", {"step": 1})
    outbox.record("event", {"step": 2})
    pipe.wait_for(2)
    both = outbox.backlog_bytes()
    outbox.ack(1)
    assert 0 < outbox.backlog_bytes() < both
    assert not outbox.wait_until_acknowledged(0)
    outbox.ack(2)
    assert outbox.backlog_bytes() == 0
    assert outbox.wait_until_acknowledged(10)


def test_beyond_the_bound_a_record_waits_and_is_not_dropped(pipe):
    outbox = Outbox(pipe.write, capacity_bytes=100)
    outbox.record("event", {"text": "x" * 200})
    done = threading.Event()

    def more():
        outbox.record("event", {"text": "later"})
        done.set()

    thread = threading.Thread(target=more)
    thread.start()
    pipe.wait_for(1)
    assert not done.is_set()
    outbox.ack(1)
    assert done.wait(10)
    thread.join()
    assert [message.header["n"] for message in pipe.wait_for(2)] == [1, 2]


def test_only_the_latest_live_message_of_a_kind_waits(pipe):
    pipe.open.clear()
    outbox = Outbox(pipe.write)
    outbox.send({"type": "ready"})
    for step in range(5):
        outbox.live({"type": "frame", "panel": "grid_values", "step": step})
    outbox.live({"type": "frame", "panel": "grid_values", "options": {"x": "speed"}, "step": 9})
    outbox.record("event", {"step": 5})
    pipe.open.set()
    headers = [message.header for message in pipe.wait_for(4)]
    live = [header["header"]["step"] for header in headers if header["type"] == "live"]
    assert sorted(live) == [4, 9] or sorted(live)[-2:] == [4, 9]
    assert len(live) <= 3, "one may have been on its way already"


def test_a_record_overtakes_waiting_live_messages(pipe):
    pipe.open.clear()
    outbox = Outbox(pipe.write)
    outbox.send({"type": "ready"})
    outbox.live({"type": "progress", "step": 1})
    outbox.record("event", {"event": "started"})
    pipe.open.set()
    kinds = [message.type for message in pipe.wait_for(3)]
    assert kinds.index("record") < kinds.index("live")


def test_what_was_shown_before_a_state_arrives_before_it(pipe):
    outbox = Outbox(pipe.write)
    pipe.open.clear()
    outbox.send({"type": "ready"})
    outbox.live({"type": "frame", "panel": "grid_values", "step": 9})
    outbox.record("state", {"state": "paused"})
    pipe.open.set()
    assert [message.type for message in pipe.wait_for(3)] == ["ready", "live", "record"]


def test_a_broken_pipe_ends_the_waiting(pipe):
    pipe.is_broken = True
    outbox = Outbox(pipe.write)
    outbox.record("event", {"step": 1})
    assert outbox.wait_until_acknowledged(10)
