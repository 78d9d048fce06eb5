"""What the store asks of the disk: that it is local, and how much is free."""

import os
import shutil
from pathlib import Path

from app.core.errors import InvalidInput
from app.core.text import _

NETWORK_FILE_SYSTEMS = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "afs",
        "ncpfs",
        "ceph",
        "lustre",
        "beegfs",
        "gpfs",
        "glusterfs",
        "orangefs",
        "pvfs2",
        "davfs",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.davfs2",
        "fuse.s3fs",
        "fuse.rclone",
        "fuse.gcsfuse",
        "fuse.ceph",
    ]
)


def free_bytes(folder: Path) -> int:
    """Return how many bytes may still be written to the disk that holds a folder."""
    return shutil.disk_usage(folder).free


def refuse_network_folder(folder: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Raise where the folder lies on a network file system, on which SQLite's locks and shared memory do not hold.

    Raises:
        InvalidInput: naming the folder and its file system.
    """
    kind = file_system(folder, mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise InvalidInput.one(
            "data", folder, _("lies on a network file system ({kind}), where the database can be damaged").format(kind=kind),
            _("Name a folder on a local disk with --data."),
        )  # fmt: skip


def file_system(folder: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """Return the type of the file system that holds a folder, or "" where this cannot be told."""
    if os.name == "nt":
        return "smb" if str(folder).startswith("\\\\") else ""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    real = os.path.realpath(folder)
    for line in lines:
        _device, point, found, *_options = line.split(" ")
        point = point.replace("\\040", " ")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, found
    return kind
