"""What every agent of neural networks saves: parameters, counters of random draws, and all that has a state of its own.

A family of agents names them and an algorithm's file adds its own, so that nothing is saved in two ways. It is a base class,
not a part that is held, because what is saved is the agent's own state.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from app.core.config import Config
from app.core.contracts import Array, Batch, Environment, Tree
from app.parts.batch import TabularBatch, TabularEnvironment


class SavedAgent:
    """An agent whose future is decided by what it names here.

    Attributes:
        parameters: entry of the tree → attribute that holds networks, with `weights` (P,) and `load`.
        counters: entry of the tree → attribute that holds a stream of random draws.
        saved: attributes with a `state` and a `load` of their own.
    """

    parameters: ClassVar[Mapping[str, str]]
    counters: ClassVar[Mapping[str, str]]
    saved: ClassVar[tuple[str, ...]]
    config: Any
    batch: Batch
    env_steps: int
    observations: Array

    def edit(self, config: Config) -> None:
        """Continue under an edited configuration, from the next step or update on."""
        self.config = config

    def enter(self, environment: Environment) -> None:
        """Continue in a changed world of the same states and actions from the next step on; only worlds of cells change."""
        assert isinstance(self.batch, TabularBatch)
        assert isinstance(environment, TabularEnvironment)
        self.batch.enter(environment)

    def state(self) -> Tree:
        """Return everything that decides the future, experience that is still to be learnt from included."""
        return {
            "env_steps": self.env_steps,
            "observations": self.observations.copy(),
            **{entry: getattr(self, name).weights.copy() for entry, name in self.parameters.items()},
            **{entry: getattr(self, name).counter for entry, name in self.counters.items()},
            **{name: getattr(self, name).state() for name in self.saved},
        }

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self.env_steps = int(tree["env_steps"])
        self.observations = tree["observations"].copy()
        for entry, name in self.parameters.items():
            getattr(self, name).load(tree[entry])
        for entry, name in self.counters.items():
            getattr(self, name).counter = int(tree[entry])
        for name in self.saved:
            getattr(self, name).load(tree[name])
