"""Finding the local server."""

import os
import stat
from pathlib import Path

import pytest

from app.protocol.local import OWNER_FILE, TOKEN_FILE, Owner, ensure_token, read_owner, read_token
from app.store.lock import OWNER_NAME, DataFolderLock


def test_the_token_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    token = ensure_token(tmp_path)
    assert len(token) >= 40
    assert ensure_token(tmp_path) == read_token(tmp_path) == token
    assert os.name != "posix" or stat.S_IMODE((tmp_path / TOKEN_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [TOKEN_FILE]


def test_without_a_folder_there_is_nothing(tmp_path: Path) -> None:
    assert read_token(tmp_path / "none") is None
    assert read_owner(tmp_path / "none") is None


def test_the_owner_is_read_as_the_lock_writes_it(tmp_path: Path) -> None:
    assert OWNER_FILE == OWNER_NAME
    with DataFolderLock(tmp_path) as lock:
        lock.write_owner(url="http://127.0.0.1:1", instance="abc")
        assert read_owner(tmp_path) == Owner(os.getpid(), "http://127.0.0.1:1", "abc")
    assert read_owner(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": "x"}', "null"])
def test_a_damaged_owner_file_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / OWNER_FILE).write_text(text)
    assert read_owner(tmp_path) is None
