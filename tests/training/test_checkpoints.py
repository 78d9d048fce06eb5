"""Checkpoints: what is read is what was written, or an error that names the file."""

from pathlib import Path

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.core.errors import CheckpointDamaged
from app.training.checkpoints import ARRAYS, MANIFEST, Keeper, read_checkpoint, write_checkpoint

TREE = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "empty": np.empty((0, 4)),
    "number": np.array(3.5),
    "flags": np.array([True, False]),
    "words": np.array([2**63, 5], np.uint64),
    "inner": {"count": 2**60, "rate": 0.1, "best": -float("inf"), "is_on": True, "name": "πλ", "nothing": None},
    "branch": {"without": {}, "with": {"leaf": 1}},
}


def test_a_tree_comes_back_bit_for_bit(tmp_path: Path) -> None:
    size, files = write_checkpoint(tmp_path / "a", TREE, {"step": 3})
    tree, meta = read_checkpoint(tmp_path / "a")
    assert not trees_equal(
        {k: v for k, v in TREE.items() if k != "inner"}, {k: v for k, v in tree.items() if k != "inner"}
    )
    assert tree["inner"] == TREE["inner"]
    assert tree["branch"] == TREE["branch"]
    assert meta == {"step": 3}
    assert set(files) == {ARRAYS, MANIFEST}
    assert size == sum(path.stat().st_size for path in (tmp_path / "a").iterdir())


@pytest.mark.parametrize("name", [ARRAYS, MANIFEST])
@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_damage_is_noticed(tmp_path: Path, name: str, damage: str) -> None:
    write_checkpoint(tmp_path / "a", TREE, {})
    path = tmp_path / "a" / name
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    else:
        content[-20] ^= 4
        path.write_bytes(content[:-5] if damage == "cut" else content)
    with pytest.raises(CheckpointDamaged, match=r"checkpoint a: .*earlier checkpoint"):
        read_checkpoint(tmp_path / "a")


def test_what_a_kill_left_half_written_is_no_checkpoint(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.write(TREE, {}, 10, "auto")
    half = tmp_path / ".writing-20-auto-2"
    half.mkdir()
    (half / ARRAYS).write_bytes(b"half")
    again = Keeper(tmp_path)
    assert again.kept == ["10-auto-1"]
    assert not half.exists()


def test_the_last_two_automatic_and_the_last_best_are_kept_and_every_other_kind(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    removed = []
    for step, kind in enumerate(["auto", "best", "requested", "auto", "before_edit", "auto", "best", "requested"]):
        removed += keeper.write(TREE, {}, step, kind).removed
    assert removed == ["0-auto-1", "1-best-2"]
    assert keeper.kept == ["2-requested-3", "3-auto-4", "4-before_edit-5", "5-auto-6", "6-best-7", "7-requested-8"]
    assert {path.name for path in tmp_path.iterdir()} == set(keeper.kept)


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    Keeper(tmp_path).write(TREE, {}, 10, "auto")
    assert Keeper(tmp_path).write(TREE, {}, 10, "auto").id == "10-auto-2"
