"""A killed process loses nothing it was told is committed, and stores nothing twice (app/store/writer.py, database.py)."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.store import runs, series
from app.store.database import Store

WRITER = """
import sys
import threading
from pathlib import Path
import numpy as np
from app.store import runs
from app.store.database import Store
from app.store.records import Record

store = Store(Path(sys.argv[1]), group_commit_s=0.001)
run, in_flight = 1, threading.Semaphore(8)
attempt = store.writer.do(lambda connection: runs.claim(connection, run))
for seq in range(int(sys.argv[2]), 1_000_000, 7):
    steps = np.arange(seq, seq + 7)
    header = {"series": [{"name": "a", "first_seq": seq, "count": 7, "reproducible": True}], "step": seq}

    def told(outcome, end=seq + 7):
        print(end if outcome == "committed" else outcome, flush=True)
        in_flight.release()

    in_flight.acquire()
    store.writer.submit(run, attempt, [Record("points", header, {"steps": steps, "values": np.sqrt(steps)})], told)
"""


def write_until_killed(folder: Path, first_seq: int, acknowledgements: int) -> int:
    """Start a writer, kill it after some acknowledgements, and return the last seq that was acknowledged."""
    command = [sys.executable, "-c", WRITER, str(folder), str(first_seq)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = [int(process.stdout.readline()) for _ in range(acknowledgements)][-1]
        process.kill()
        rest = [int(line) for line in process.stdout.read().split("\n")[:-1]]
    return rest[-1] if rest else last


@pytest.mark.parametrize("acknowledgements", [1, 150])
def test_acknowledged_points_survive_a_kill_and_are_not_doubled(tmp_path: Path, acknowledgements: int) -> None:
    opened = Store(tmp_path)
    new = runs.RunNew(algorithm="a", environment="e", config={}, seed=1, total_steps=9)
    run = opened.writer.do(lambda connection: runs.create(connection, new))
    acknowledged = 0
    for _ in range(2):  # the second process resumes a little before the end, as from a checkpoint
        opened.close()
        acknowledged = write_until_killed(tmp_path, max(0, acknowledged - 70) // 7 * 7, acknowledgements)
        opened = Store(tmp_path)
        opened.writer.do(lambda c: runs.transition(c, run, to="queued", expected=runs.ACTIVE))
        with opened.read() as connection:
            curve = series.read(connection, run, max_points=10**9)["a"]
            row = runs.get(connection, run)
        assert len(curve) >= acknowledged
        assert curve.steps.tolist() == list(range(len(curve)))
        assert curve.values.tobytes() == np.sqrt(curve.steps).tobytes()
        assert row is not None
        assert row.flags == {}
    opened.close()
