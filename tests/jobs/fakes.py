"""An engine without processes: the test says what its workers say, and when they die."""

import itertools
import threading

from app.core.codecs import pack_arrays, unpack_arrays
from app.jobs.hub import Hub
from app.jobs.supervisor import Supervisor
from app.jobs.wire import Message
from app.settings import Settings
from app.store import runs
from app.store.database import Store

PIDS = itertools.count(100_000)


class FakeWorker:
    """Remembers what it was sent; `say` and `die` are what a process would do."""

    def __init__(self, on_message, on_exit):
        self.pid = next(PIDS)
        self.sent = []
        self.news = threading.Condition()
        self.is_dead = False
        self.is_obedient, self.stands_at = True, 0
        self._on_message, self._on_exit = on_message, on_exit
        self._numbers = itertools.count(1)

    def send(self, header, arrays=None):
        described, body = pack_arrays(arrays or {})
        with self.news:
            self.sent.append(Message(dict(header), unpack_arrays(described, body)))
            self.news.notify_all()
        if header.get("name") == "leave" and self.is_obedient:
            self.checkpoint(self.stands_at, number=99)
            self.die(0)

    def kill(self):
        self.die(-9)

    def die(self, status):
        if not self.is_dead:
            self.is_dead = True
            self._on_exit(self, status)

    def say(self, header, arrays=None):
        self._on_message(self, Message(header, arrays or {}))

    def record(self, kind, arrays=None, /, **header):
        job = self.job
        frame = {"type": "record", "n": next(self._numbers), "run": job["run"], "attempt": job["attempt"]}
        self.say({**frame, "kind": kind, "header": header}, arrays)

    def state(self, state, step=0, reason=""):
        self.record("state", state=state, reason=reason, step=step)

    def checkpoint(self, step, kind="auto", number=1):
        self.record(
            "checkpoint", id=f"{step}-{kind}-{number}", step=step, kind=kind, size_bytes=1, files={}, removed=[]
        )

    @property
    def job(self):
        return self.wait_for("start").header["job"]

    def of(self, kind):
        with self.news:
            return [message for message in self.sent if message.type == kind]

    def commands(self):
        return [message.header["name"] for message in self.of("command")]

    def wait_for(self, kind, count=1, name=None):
        def found():
            return [m for m in self.sent if m.type == kind and (name is None or m.header.get("name") == name)]

        with self.news:
            assert self.news.wait_for(lambda: len(found()) >= count, 20), f"no {kind} {name or ''} among {self.sent}"
            return found()[count - 1]


class FakeEngine:
    """Hands out fake workers."""

    def __init__(self):
        self.workers = []
        self.news = threading.Condition()
        self.is_broken = False

    def spawn(self, on_message, on_exit):
        if self.is_broken:
            raise OSError("no more processes")
        worker = FakeWorker(on_message, on_exit)
        with self.news:
            self.workers.append(worker)
            self.news.notify_all()
        return worker

    def worker(self, number):
        with self.news:
            assert self.news.wait_for(lambda: len(self.workers) > number, 20)
            return self.workers[number]


class Clock:
    """Monotonic time that the test moves."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


class Floor:
    """A store with a supervisor over fake workers."""

    def __init__(self, folder, **settings):
        wanted = {
            "max_running": 1,
            "keep_spare": False,
            "refuse_below_free_mb": 0,
            "pause_below_free_mb": 0,
            **settings,
        }
        self.settings = Settings(data=folder, **wanted)
        self.store = Store(folder)
        self.changed = threading.Condition()
        self.store.writer.subscribe(lambda changes: self._notify())
        self.engine, self.hub, self.clock = FakeEngine(), Hub(), Clock()
        self.supervisor = Supervisor(self.store, self.hub, self.settings, engine=self.engine, clock=self.clock)

    def _notify(self):
        with self.changed:
            self.changed.notify_all()

    def start(self):
        self.supervisor.start()
        return self

    def restart(self):
        """Let a new server find what this one leaves."""
        self.supervisor.close()
        self.engine, self.hub = FakeEngine(), Hub()
        self.supervisor = Supervisor(self.store, self.hub, self.settings, engine=self.engine, clock=self.clock)
        self.supervisor.start()

    def pass_time(self, seconds):
        self.clock.now += seconds
        self.supervisor.wake()

    def close(self):
        self.supervisor.close()
        self.store.close()

    def insert(self, state="queued", **values):
        new = {"algorithm": "q_learning", "environment": "FrozenLake-v1", "config": {"alpha": 0.5}, "seed": 0}
        new |= {"total_steps": 1000, **values}

        def work(connection):
            run = runs.create(connection, runs.RunNew(**new))
            for to in {"queued": (), "starting": ("starting",), "running": ("starting", "running")}.get(
                state, ("starting", state)
            ):
                if to == "starting":
                    runs.claim(connection, run)
                else:
                    assert runs.transition(connection, run, to=to, expected=("starting", "running"))
            return run

        run = self.store.writer.do(work)
        self.supervisor.submit(run)
        return run

    def row(self, run):
        with self.store.read() as connection:
            return runs.get(connection, run)

    def wait_for(self, run, *states, attempt=None):
        def is_met():
            row = self.row(run)
            return row.state in states and (attempt is None or row.attempt == attempt)

        with self.changed:
            assert self.changed.wait_for(is_met, 20), f"run {run} is {self.row(run)}"
        return self.row(run)
