"""Network disks are refused, with the way out."""

from pathlib import Path

import pytest

from app.core.errors import InvalidInput
from app.store.disk import file_system, free_bytes, refuse_network_folder


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    """A table of mounts: the root is local, `home` beneath it is NFS, `home/fast disk` is local again."""
    here, table = tmp_path.resolve(), tmp_path / "mounts"
    lines = ["/dev/sda / ext4 rw 0 0", f"server:/home {here}/home nfs4 rw 0 0"]
    table.write_text("\n".join([*lines, f"/dev/sdb {here}/home/fast\\040disk xfs rw 0 0"]) + "\n")
    return table


def test_the_innermost_mount_counts(tmp_path: Path, mounts: Path) -> None:
    assert file_system(tmp_path / "home" / "me", mounts) == "nfs4"
    assert file_system(tmp_path / "home" / "fast disk" / "data", mounts) == "xfs"
    assert file_system(tmp_path / "homework", mounts) == "ext4"


def test_a_network_folder_is_refused_with_the_way_out(tmp_path: Path, mounts: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nfs4.*--data"):
        refuse_network_folder(tmp_path / "home", mounts)
    refuse_network_folder(tmp_path / "home" / "fast disk", mounts)


def test_without_a_table_of_mounts_nothing_is_refused(tmp_path: Path) -> None:
    refuse_network_folder(tmp_path, tmp_path / "absent")


def test_free_bytes_is_a_positive_number(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0
