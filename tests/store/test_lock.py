"""One process owns a data folder; the next one is told who."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store.lock import DataFolderLock, FolderInUse, read_owner

OWNER = """
import sys
from pathlib import Path
from app.store.lock import DataFolderLock
lock = DataFolderLock(Path(sys.argv[1]))
lock.write_owner(url="http://127.0.0.1:8000")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its input is closed or it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_owner_is_refused_in_one_line_that_names_the_first(
    tmp_path: Path, owner: subprocess.Popen[str]
) -> None:
    with pytest.raises(FolderInUse) as refused:
        DataFolderLock(tmp_path)
    sentence = str(refused.value)
    assert "\n" not in sentence
    for part in (str(tmp_path), str(owner.pid), "http://127.0.0.1:8000", "--data"):
        assert part in sentence


def test_the_lock_of_a_killed_owner_is_free(tmp_path: Path, owner: subprocess.Popen[str]) -> None:
    owner.kill()
    owner.wait()
    with DataFolderLock(tmp_path):
        assert read_owner(tmp_path)["pid"] == os.getpid()


def test_a_released_lock_can_be_taken_again_and_leaves_no_owner(tmp_path: Path) -> None:
    lock = DataFolderLock(tmp_path)
    lock.release()
    lock.release()
    assert read_owner(tmp_path) == {}
    DataFolderLock(tmp_path).release()


def test_only_the_account_reads_who_owns_the_folder(tmp_path: Path) -> None:
    with DataFolderLock(tmp_path) as lock:
        lock.write_owner(url="http://127.0.0.1:1", port=1)
        assert stat.S_IMODE((tmp_path / "owner.json").stat().st_mode) == 0o600
        assert read_owner(tmp_path) == {"pid": os.getpid(), "url": "http://127.0.0.1:1", "port": 1}
