"""The shared parts as pages: which there are, what each is, and who imports it, read from the sources as text."""

import ast
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from app import parts as package

FOLDER = Path(str(package.__file__)).parent
APP = FOLDER.parent
USERS = ("algorithms", "environments", "parts")


@dataclass(frozen=True)
class Part:
    """One file of `app/parts`; `summary` is the first sentence of its docstring."""

    name: str
    summary: str
    path: Path


@lru_cache(maxsize=1)
def parts() -> dict[str, Part]:
    """Return every part by name."""
    paths = sorted(path for path in FOLDER.glob("*.py") if path.name != "__init__.py")
    return {path.stem: Part(path.stem, _summary(path), path) for path in paths}


def imported_by(path: Path) -> list[Part]:
    """Return the parts that a file imports, by name."""
    known = parts()
    return [known[name] for name in sorted(_imports(path, path.stat().st_mtime_ns)) if name in known]


def users(name: str) -> dict[str, list[str]]:
    """Return folder (`algorithms`, `environments`, `parts`) → names of the files that import a part."""
    found: dict[str, list[str]] = {}
    for folder in USERS:
        for path in sorted((APP / folder).rglob("*.py")):
            if path.stem != name and name in _imports(path, path.stat().st_mtime_ns):
                found.setdefault(folder, []).append(path.stem)
    return found


@lru_cache(maxsize=512)
def _imports(path: Path, stamp: int) -> frozenset[str]:
    """`stamp` is the file's modification time, so that an edited file is read again."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "app.parts":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("app.parts."):
            found.add(str(node.module).split(".")[2])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[2] for alias in node.names if alias.name.startswith("app.parts.")}
    return frozenset(found)


def _summary(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or path.stem
    return " ".join(text.split("\n\n")[0].split()).split(". ")[0].rstrip(".") + "."
