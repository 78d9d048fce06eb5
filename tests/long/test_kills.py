"""Twice sixty times `kill -9`, at random moments, of a worker, of the server, and of both: nothing acknowledged is lost.

Sixty over Q-learning, PPO and DQN, and sixty over learners that carry more than a table: traces, an episode's record, a queue.

After each kill: no process is left over within 5 s; within 10 s of the restart no run is in a false state; every point
that a reader had seen is still there, once. At the end the curve is the one of an uninterrupted run, live edit included.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from app.store import runs
from tests.jobs.playground import uninterrupted

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_800)]

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("worker", "server", "both")
ROUNDS = [
    ("q_learning", "FrozenLake-v1", {}, {"alpha": 0.03}, 60_000, 2_000.0),
    ("q_learning", "CliffWalking-v1", {}, {"epsilon": 0.3}, 60_000, 2_000.0),
    ("q_learning", "FrozenLake-v1", {}, {"alpha": 0.2, "epsilon": 0.5}, 60_000, 2_000.0),
    ("ppo", "CartPole-v1", {}, {"learning_rate": 0.0005}, 16_000, 600.0),
    ("dqn", "CartPole-v1", {}, {"learning_rate": 0.0005}, 12_000, 400.0),
    ("sarsa_lambda", "CliffWalking-v1", {"gamma": 1.0}, {"alpha": 0.1}, 60_000, 2_000.0),
    ("sarsa_lambda", "FrozenLake-v1", {"traces": "dutch"}, {"alpha": 0.1, "epsilon": 0.3}, 60_000, 2_000.0),
    ("off_policy_monte_carlo", "FrozenLake-v1", {}, {"epsilon": 0.8}, 60_000, 2_000.0),
    ("off_policy_monte_carlo", "Blackjack-v1", {}, {"epsilon": 0.3}, 60_000, 2_000.0),
    ("ppo", "LunarLander-v3", {"n_steps": 256}, {"learning_rate": 0.0005}, 16_000, 600.0),
    ("ppo", "BipedalWalker-v3", {"n_steps": 256}, {"learning_rate": 0.0005}, 8_000, 300.0),
    ("prioritized_sweeping", "FrozenLake-v1", {"epsilon": 0.5}, {"planning_steps": 10}, 60_000, 2_000.0),
]
KILLS_PER_ROUND = 12


class Server:
    """A server process on a data folder, with the runs' state seen from outside."""

    def __init__(self, folder):
        self.folder = folder
        self.start()

    def start(self):
        command = [sys.executable, "-m", "tests.jobs.playground", str(self.folder)]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.answer() == {"ready": True}

    def answer(self):
        line = self.process.stdout.readline()
        assert line, (self.folder / "server.log").read_text()[-2_000:]
        return json.loads(line)

    def ask(self, name, **values):
        self.process.stdin.write(json.dumps({"do": name, **values}) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def children(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill(self):
        """Kill the server and return after it is gone; its workers must follow by themselves."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def close(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()
            self.process.wait(20)
            self.process.stdout.close()


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.close()


def kill(server, target, chance):
    """Kill at random and bring the server back; return the processes that had to end."""
    workers = server.children()
    if target in ("worker", "both") and workers:
        victim = chance.choice(workers)
        os.kill(victim.pid, signal.SIGKILL)
        if target == "worker":
            return [victim]
    if target == "worker":
        return []
    server.kill()
    return workers


def check_after(server, target, doomed, seen, run):
    _, alive = psutil.wait_procs(doomed, timeout=5)
    assert not alive, f"orphans after killing {target}: {alive}"
    if target != "worker":
        server.start()
    moment = threading.Event()
    states = []
    for _ in range(100):
        row = server.ask("row", run=run)
        has_process = row["state"] not in ("running", "pausing", "stopping") or server.ask("status")["running"] > 0
        states.append((row["state"], has_process))
        if row["state"] in (*runs.TERMINAL, "starting", "running", "queued") and has_process:
            break
        moment.wait(0.1)
    else:
        raise AssertionError(f"10 s after the restart the run is in a false state: {states[-5:]}")
    compare(seen, server.ask("curve", run=run))


def compare(before, after):
    """Every point a reader had seen is still there, in its place and once."""
    for name, (steps, values) in before.items():
        assert after[name][0][: len(steps)] == steps, name
        assert after[name][1][: len(values)] == values, name


@pytest.mark.parametrize("number", range(len(ROUNDS)))
def test_nothing_acknowledged_is_lost_and_the_curve_is_that_of_an_uninterrupted_run(server, tmp_path, number):
    algorithm, environment, config, change, total_steps, speed = ROUNDS[number]
    chance = random.Random(number)
    recipe = {"algorithm": algorithm, "environment": environment, "config": config, "total_steps": total_steps}
    run = server.ask("create", **recipe, seed=number, speed=speed)
    paused = server.ask("create", **recipe, seed=number + 100, speed=speed)
    server.ask("pause", run=paused)
    kept = server.ask("wait", run=paused, states=["paused"])
    targets = [target for target in TARGETS for _ in range(KILLS_PER_ROUND // len(TARGETS))]
    chance.shuffle(targets)
    moment = threading.Event()
    edit_at, seen_before_edit = chance.randrange(2, KILLS_PER_ROUND - 2), {}
    for index, target in enumerate(targets):
        moment.wait(chance.uniform(0.0, 3.0))  # a random moment is what is tested: also in the middle of a start
        state = server.ask("row", run=run)["state"]
        if index == edit_at:  # often while the run still catches up: what was seen before stays all the same
            seen_before_edit = server.ask("curve", run=run)
            server.ask("edit", run=run, config=change)
        if state == "running":
            server.ask("checkpoint", run=run)
        moment.wait(chance.uniform(0.0, 0.3))
        seen = server.ask("curve", run=run)
        doomed = kill(server, target, chance)
        check_after(server, target, doomed, seen, run)
        compare(seen_before_edit, server.ask("curve", run=run))
        assert server.ask("row", run=paused)["state"] == "paused"
    assert server.ask("row", run=paused)["step"] >= kept["step"]
    server.ask("set_speed", run=run, value=None)
    row = server.ask("wait", run=run, states=["finished", "failed", "stopped"])
    assert row["attempt"] > KILLS_PER_ROUND / 2, "too few kills met a running worker"
    assert (row["state"], row["step"], row["flags"]) == ("finished", total_steps, {}), row["reason"]
    made = server.ask("edits", run=run)
    assert len(made) == 1
    assert made[0]["step"] is not None
    got = server.ask("curve", run=run)
    compare(seen_before_edit, got)
    leftover = server.children()
    server.close()
    assert server.process.returncode == 0
    assert not psutil.wait_procs(leftover, timeout=5)[1]
    sys.stdout.write(f"\n{algorithm} on {environment}: {len(targets)} kills, {row['attempt']} attempts\n")
    expected = uninterrupted(runs.RunRow(**row), made, tmp_path / "reference")
    assert {name: [steps, values] for name, (steps, values) in expected.items()} == got
