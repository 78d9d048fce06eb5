"""The kernels with which the server itself solves worlds: compiled, or loaded, in the background of its start.

Until they are, a request that needs them for a little world gets its answer from their plain twins; for a large one it waits.
"""

import logging
from collections.abc import Callable
from types import ModuleType

logger = logging.getLogger("app.web.kernels")
MODULES = ("app.parts.backups", "app.core.randomness")
GAMMAS = (0.99, 1.0)  # going on without a discount asks more questions
WORLDS = ("FrozenLake-v1", "gridworld", "garnet")  # known numbers of policies, of optima, and a world of random draws


def warm(catalog: Callable[[], ModuleType]) -> None:
    """Solve small worlds, so that all kernels that solving takes are there; what goes wrong is logged.

    Args:
        catalog: returns the specs, waiting for their first import.
    """
    try:
        _solve_all(catalog())
    except Exception:
        logger.exception("the kernels of the server could not be made ready")


def _solve_all(catalog: ModuleType) -> None:
    from app.core.plain_mode import plain_elsewhere  # numba with it, which the catalogue has brought by now
    from app.protocol.solutions import SolutionRequest
    from app.web.solving import solution

    with plain_elsewhere(*MODULES):
        for name in WORLDS:
            for gamma in GAMMAS:
                solution(catalog, name, SolutionRequest(gamma=gamma, explain=True))
            spec = catalog.environment(name)
            spec.references(spec.config())
