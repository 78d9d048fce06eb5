"""Makes the agent and its world from a job, through the catalogue."""

from collections.abc import Callable
from dataclasses import dataclass

from app import catalog
from app.core.contracts import Agent, Environment
from app.core.specs import AlgorithmSpec, EnvironmentSpec, PanelSpec, Subject
from app.training.job import Job


@dataclass
class Built:
    """An agent, its world, and the panels that can draw them. `environment` is another one when the world has changed."""

    algorithm: AlgorithmSpec
    environment_spec: EnvironmentSpec
    environment: Environment
    agent: Agent
    panels: tuple[PanelSpec, ...]

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
        InvalidInput: the configuration breaks a rule.
    """
    recipe = catalog.Recipe(
        job.algorithm, job.environment, job.environment_config, None, job.config, job.total_steps, job.seed
    )
    algorithm, environment_spec, environment, agent = catalog.build(recipe)
    panels = tuple(catalog.panels_for(algorithm, environment_spec))
    return Built(algorithm, environment_spec, environment, agent, panels)
