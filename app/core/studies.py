"""Recipes of studies: a question, the runs that answer it, and what is to be seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class StudyStage:
    """One run of a study, once for each seed.

    Attributes:
        after: the stage whose last model it starts from; empty for a fresh model.
        environment_config: options of the task beside those of the study.
        series, x: the line and the place on it in the figure over x; empty where there is none.
    """

    id: str
    label: str
    algorithm: str
    total_steps: int
    after: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    environment_config: Mapping[str, Any] = field(default_factory=dict)
    series: str = ""
    x: float = 0.0


@dataclass(frozen=True)
class Expectation:
    """What is to be seen: mean pass@k of a stage between two bounds, or how far it is above that of another, `minus`."""

    stage: str
    words: str
    k: int = 1
    low: float = 0.0
    high: float = 1.0
    minus: str = ""


@dataclass(frozen=True)
class Study:
    """A question that runs answer: stages that start from each other, with several seeds, and what is to be seen."""

    id: str
    name: str
    question: str
    answer: str
    environment: str
    seeds: tuple[int, ...]
    stages: tuple[StudyStage, ...]
    expected: tuple[Expectation, ...]
    environment_config: Mapping[str, Any] = field(default_factory=dict)
    x_label: str = ""

    def task_of(self, stage: StudyStage) -> dict[str, Any]:
        """Return the options of the task for a stage."""
        return {**self.environment_config, **stage.environment_config}
