"""What every test shares: kernels are compiled once into a folder of their own, and torch keeps to one thread."""

import os
import tempfile
from pathlib import Path

import pytest

KERNELS = Path(tempfile.gettempdir()) / f"rl-playground-test-kernels-{os.getuid() if hasattr(os, 'getuid') else 0}"
os.environ.setdefault("RL_PLAYGROUND_KERNELS", str(KERNELS))
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"


@pytest.hookimpl(tryfirst=True)  # before the workers read the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each file to one worker, and all browser tests to one: they share a server and a browser, which end with their folder.

    Without workers the browser tests run last: Playwright keeps an event loop open, in which others cannot start one of their own.
    """
    items.sort(key=_is_of_browser)
    for item in items:
        item.add_marker(pytest.mark.xdist_group("browser" if _is_of_browser(item) else str(item.path)))


def _is_of_browser(item: pytest.Item) -> bool:
    return item.path.parent.name == "browser"
