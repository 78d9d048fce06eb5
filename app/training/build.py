"""Makes the agent and its world from a job, through the catalogue."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app import catalog
from app.core.contracts import Agent, Environment, Tree
from app.core.specs import AlgorithmSpec, EnvironmentSpec, PanelSpec, Subject
from app.training.checkpoints import read_checkpoint
from app.training.job import Job


@dataclass
class Built:
    """An agent, its world, and the panels that can draw them.

    Attributes:
        environment: another one when the world has changed.
        lacks_update: the agent was restored from a saved state and has made no update since: a state holds what decides the
            future, not the numbers of the last update.
    """

    algorithm: AlgorithmSpec
    environment_spec: EnvironmentSpec
    environment: Environment
    agent: Agent
    panels: tuple[PanelSpec, ...]
    lacks_update: bool = False

    @property
    def subject(self) -> Subject:
        """What a panel draws."""
        return Subject(self.agent, self.algorithm, self.environment_spec, self.environment)

    @property
    def wants_features(self) -> bool:
        """Whether the agent acts on feature rows (N, D); the others act on state numbers (N,)."""
        return not (self.algorithm.tabular or self.algorithm.needs_model)


Builder = Callable[[Job], Built]


def build(job: Job) -> Built:
    """Return what the job describes.

    Raises:
        InvalidInput: the configuration breaks a rule, or the model of the earlier stage does not fit.
        CheckpointDamaged: the checkpoint of the earlier stage cannot be read.
    """
    recipe = catalog.Recipe(
        job.algorithm, job.environment, job.environment_config, None, job.config, job.total_steps, job.seed
    )
    origin: Tree = {}
    if job.checkpoint is None and job.origin is not None:
        origin |= read_checkpoint(Path(job.origin))[0]["agent"]
    if job.checkpoint is None and job.labels is not None:
        origin["labels"] = read_checkpoint(Path(job.labels))[0]
    algorithm, environment_spec, environment, agent = catalog.build(recipe, origin or None)
    panels = tuple(catalog.panels_for(algorithm, environment_spec))
    return Built(algorithm, environment_spec, environment, agent, panels)
