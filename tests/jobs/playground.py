"""A store with a supervisor for tests: creates runs, waits for what is committed, reads curves. No web.

As a program (`python -m tests.jobs.playground FOLDER`) it is a server that can be killed: one JSON command a line.
"""

import json
import sys
import threading
import time
from pathlib import Path

from app import catalog
from app.jobs import lineage
from app.jobs.hub import Hub
from app.jobs.supervisor import Supervisor
from app.settings import Settings
from app.store import checkpoints, edits, events, runs, series
from app.store.database import Store
from app.store.lock import DataFolderLock
from app.training.local import job_here, run_here

DEADLINE_S = 120.0  # a cold worker on a busy machine


class Playground:
    """Opens a data folder; `wait` sleeps on commits, not on the clock. No worker is kept warm unless a test asks for one."""

    def __init__(self, folder, **settings):
        self.settings = Settings(data=folder, **{"keep_spare": False, **settings})
        self.store = Store(folder)
        self.hub = Hub()
        self.changed = threading.Condition()
        self.store.writer.subscribe(self._on_changes)
        self.supervisor = Supervisor(self.store, self.hub, self.settings)
        self.supervisor.start()

    def _on_changes(self, changes):
        with self.changed:
            self.changed.notify_all()

    def close(self):
        self.supervisor.close()
        self.store.close()

    def create(self, algorithm="q_learning", environment="FrozenLake-v1", *, speed=None, **wanted):
        recipe = catalog.resolve(algorithm, environment, **wanted)
        new = runs.RunNew(
            algorithm=recipe.algorithm,
            environment=recipe.environment,
            environment_config=recipe.environment_config,
            config=recipe.config,
            seed=recipe.seed,
            total_steps=recipe.total_steps,
            speed=speed,
        )
        run = self.store.writer.do(lambda connection: runs.create(connection, new))
        self.supervisor.submit(run)
        return run

    def fork(self, new):
        run = self.store.writer.do(lambda connection: lineage.insert(self.store, connection, new))
        self.supervisor.submit(run)
        return run

    def row(self, run):
        with self.store.read() as connection:
            return runs.get(connection, run)

    def wait(self, run, is_met):
        """Wait until the run's row satisfies a predicate, and return the row; a run that gets on may take its time."""
        deadline, last = 0.0, None
        with self.changed:
            while not is_met(row := self.row(run)):
                if (row.state, row.attempt, row.step) != last:
                    deadline, last = time.monotonic() + DEADLINE_S, (row.state, row.attempt, row.step)
                left = deadline - time.monotonic()
                assert left > 0, f"run {run} is still {row.state} at step {row.step}: {row.reason}"
                self.changed.wait(min(left, 0.5))
        return row

    def wait_for(self, run, *states):
        return self.wait(run, lambda row: row.state in states)

    def events(self, run):
        with self.store.read() as connection:
            return events.list_(connection, run)

    def edits(self, run):
        with self.store.read() as connection:
            return edits.list_(connection, run)

    def checkpoints(self, run):
        with self.store.read() as connection:
            return checkpoints.list_(connection, run)

    def curve(self, run):
        """Return {scalar: (steps, values)} of every reproducible series, all points."""
        with self.store.read() as connection:
            return curve(connection, run)


def curve(connection, run):
    found = {}
    for name, (first, points) in series.since(connection, run, {}, limit=10**9).items():
        assert first == 0
        if not name.startswith("time/"):
            found[name] = (points.steps.tolist(), points.values.tolist())
    return found


def uninterrupted(row, made_edits, folder):
    """Return the curve of the same run trained here in one go, with its edits at the steps where they took effect."""
    found = {}

    def on_record(kind, header, arrays):
        if kind != "points":
            return
        start = 0
        for item in header["series"]:
            end = start + item["count"]
            if not item["name"].startswith("time/"):
                steps, values = found.setdefault(item["name"], ([], []))
                assert item["first_seq"] == len(steps)
                steps += arrays["steps"][start:end].tolist()
                values += arrays["values"][start:end].tolist()
            start = end

    recipe = catalog.Recipe(
        row.algorithm, row.environment, row.environment_config, None, row.config, row.total_steps, row.seed
    )
    wanted = [{name: edit[name] for name in ("id", "step", "config", "kind")} for edit in made_edits]
    state = run_here(job_here(recipe, folder, edits=wanted, eval_episodes=row.eval_episodes), on_record)
    assert state == "finished"
    return found


def serve(folder):
    """Own the folder and obey commands on standard input until it closes."""
    with DataFolderLock(folder):
        playground = Playground(folder, max_running=2)
        answer({"ready": True})
        for line in sys.stdin:
            answer(obey(playground, json.loads(line)))
        playground.close()


def answer(value):
    """Write one line of JSON."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def obey(playground, command):
    """Do one command and return its answer."""
    name, run = command.pop("do"), command.pop("run", None)
    if name == "create":
        return playground.create(**command)
    if name == "row":
        return vars(playground.row(run))
    if name in ("curve", "edits"):
        return getattr(playground, name)(run)
    if name == "wait":
        return vars(playground.wait_for(run, *command["states"]))
    if name == "status":
        return playground.supervisor.status()
    return getattr(playground.supervisor, name)(run, **command)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
