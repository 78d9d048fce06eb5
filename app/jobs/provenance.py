"""What a run was made with: versions, machine and thread counts, so that a number can be traced to its surroundings."""

import hashlib
import os
import platform
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from app.core.codecs import content_hash

NAMED = ("numpy", "torch", "numba", "scipy", "gymnasium", "safetensors")


@cache
def surroundings() -> dict[str, Any]:
    """Return the facts about this installation and machine; the same for every run of a process."""
    versions = sorted({f"{item.name}=={item.version}" for item in metadata.distributions() if item.name})
    by_name = dict(line.split("==", 1) for line in versions)
    return {
        "app": by_name.get("rl-playground", ""),
        "sources": sources_hash(),
        "packages": {name: by_name[name] for name in NAMED if name in by_name},
        "lock": hashlib.sha256("\n".join(versions).encode()).hexdigest(),
        "python": sys.version.split()[0],
        "os": platform.platform(),
        "machine": platform.machine(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "threads": 1,
    }


def provenance(recipe: dict[str, Any]) -> dict[str, Any]:
    """Return the facts stored with a run: its surroundings and the hash of its recipe."""
    return {**surroundings(), "recipe": content_hash(recipe)}


def cpu_model() -> str:
    """Return the processor's name where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()


def sources_hash() -> str:
    """Return the first 16 hex digits of the hash over the application's Python files."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
