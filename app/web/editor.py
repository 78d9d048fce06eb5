"""What the gridworld editor is opened with: the world, its tools, the textbook grids, and the run it belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import Violation
from app.core.text import _
from app.environments.gridworld import LARGEST
from app.web.classics import CLASSICS, Classic
from app.web.views import RunView

ENVIRONMENT = "gridworld"
LAYOUT = "environment_config.layout"
USUAL_GAMMA = 0.99


@dataclass(frozen=True)
class Tool:
    """What a stroke places: a letter of the layout, and the keys that place it."""

    letter: str
    name: str
    keys: tuple[str, ...]


TOOLS = (
    Tool("#", _("Wall"), ("#", "w")),
    Tool(".", _("Floor"), (".", "f")),
    Tool("S", _("Where episodes begin"), ("s",)),
    Tool("G", _("Goal"), ("g",)),
    Tool("X", _("Pit"), ("x",)),
    Tool("^", _("Wind up"), ("^",)),
    Tool(">", _("Wind right"), (">",)),
    Tool("v", _("Wind down"), ("v",)),
    Tool("<", _("Wind left"), ("<",)),
    Tool("r", _("Reward"), ("r",)),
)


@dataclass(frozen=True)
class Editor:
    """One editor.

    Attributes:
        config: the options of the world as they stand, refused ones as they were typed.
        gamma: the discount V* begins with.
        run: whose world is edited while it runs; 0 on Play, where the form holds the world.
    """

    config: Mapping[str, Any]
    gamma: float
    run: int = 0
    tools: tuple[Tool, ...] = TOOLS
    classics: tuple[Classic, ...] = field(default=CLASSICS)
    largest: int = LARGEST

    @property
    def slip(self) -> str:
        """Return the slip as the slider shows it."""
        return f"{self.config.get('slip', 0.0)}"


def editor_of(environment: str, world: Mapping[str, Any], config: Mapping[str, Any], run: int = 0) -> Editor | None:
    """Return the editor of a world, or None where it cannot be drawn.

    Args:
        environment: its id.
        world: its options.
        config: the hyperparameters, for their discount.
        run: the run that goes on in it.
    """
    if environment != ENVIRONMENT:
        return None
    gamma = config.get("gamma", USUAL_GAMMA)
    is_usable = isinstance(gamma, int | float) and 0 <= gamma <= 1
    return Editor(dict(world), float(gamma) if is_usable else USUAL_GAMMA, run)


def without_drawing(environment: str, violations: Sequence[Violation]) -> tuple[Violation, ...]:
    """Return what is refused beside the drawing: a world half drawn is no fault, and the editor says what it lacks."""
    return tuple(item for item in violations if environment != ENVIRONMENT or item.where != LAYOUT)


def of_run(view: RunView) -> Editor | None:
    """Return the editor of a run's world, or None where the run has ended or its world has no cells to draw."""
    if view.is_ended or view.algorithm is None:
        return None
    return editor_of(view.run.environment, view.run.environment_config, view.run.config, view.run.id)
