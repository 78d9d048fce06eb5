"""What the server needs to draw an environment as a picture: its scene's name and, for a grid, its cells."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from app.core.errors import PlaygroundError
from app.core.specs import EnvironmentSpec, Reference

KINDS = {
    "#": "wall",
    "G": "goal",
    "X": "pit",
    "S": "start",
    "<": "wind",
    ">": "wind",
    "^": "wind",
    "v": "wind",
    "~": "ice",
}


@dataclass(frozen=True)
class Cell:
    """One cell that is not plain floor."""

    row: int
    col: int
    kind: str
    letter: str


@dataclass(frozen=True)
class Scene:
    """A picture of an environment; `cells` is empty where it is no grid."""

    drawing: str
    rows: int = 0
    cols: int = 0
    cells: tuple[Cell, ...] = ()
    n_states: int | None = None
    n_actions: int = 0
    max_episode_steps: int = 0
    references: tuple[Reference, ...] = ()
    threshold: float | None = None
    maps: Mapping[str, Any] = field(default_factory=dict)
    actions: tuple[str, ...] = ()
    has_film: bool = False  # whether its simulator draws too

    def facts(self) -> dict[str, Any]:
        """Return what the browser draws states with."""
        return {"drawing": self.drawing, "actions": list(self.actions), "has_film": self.has_film, **self.maps}


def scene_of(spec: EnvironmentSpec, options: Mapping[str, Any]) -> Scene:
    """Return the picture of a configured environment, or the bare scene where the options are refused."""
    try:
        return _scene(spec, json.dumps(dict(options), sort_keys=True, default=str))
    except (PlaygroundError, ValueError, TypeError):
        return Scene(spec.drawing)


@lru_cache(maxsize=128)
def _scene(spec: EnvironmentSpec, options: str) -> Scene:
    config = spec.config.parse(json.loads(options), "environment_config")
    world = spec.make(config)
    layout = getattr(world.mdp, "layout", None)
    facts: dict[str, Any] = {
        "n_states": world.mdp.n_states if world.mdp is not None else None,
        "n_actions": world.n_actions,
        "actions": spec.actions[: world.n_actions],
        "max_episode_steps": world.max_episode_steps,
        "references": tuple(spec.references(config)),
        "threshold": spec.solved_at(config),
        "has_film": getattr(world, "open", None) is not None,
    }
    if layout is None:
        return Scene(spec.drawing, **facts)
    cells = tuple(
        Cell(index // layout.cols, index % layout.cols, KINDS[letter], letter)
        for index, letter in enumerate(layout.cells)
        if letter in KINDS
    )
    maps = {**layout.facts(), **layout.places()}
    return Scene(spec.drawing, rows=layout.rows, cols=layout.cols, cells=cells, maps=maps, **facts)
