"""What every test shares: kernels are compiled once into a folder of their own, and torch keeps to one thread."""

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

KERNELS = Path(tempfile.gettempdir()) / f"rl-playground-test-kernels-{os.getuid() if hasattr(os, 'getuid') else 0}"
os.environ.setdefault("RL_PLAYGROUND_KERNELS", str(KERNELS))
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put what takes longest first where workers share the tests: the browser's, then the files with the most tests.

    Without workers the browser tests run last: Playwright keeps an event loop open, in which others cannot start one of their own.
    """
    counts = Counter(item.path for item in items)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: (not _is_of_browser(item), -counts[item.path], str(item.path)))
    else:
        items.sort(key=_is_of_browser)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each file to one worker, and all browser tests to one: they share a server and a browser, which end with their folder."""
    from xdist.scheduler import LoadScopeScheduling

    class FileByFile(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return "browser" if "/browser/" in nodeid.partition("::")[0] else nodeid.partition("::")[0]

    return FileByFile(config, log)


def _is_of_browser(item: pytest.Item) -> bool:
    return item.path.parent.name == "browser"
