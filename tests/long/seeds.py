"""What the bars over a few seeds share: the greedy return of an agent, and the mean of a few scores with its interval.

The interval is Student's t: a bootstrap draws only from the scores that it has, and of five it comes out too narrow. It takes
scores to be normal, which returns below a ceiling are not, so it may reach past the largest return there is.
"""

import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

from app import catalog
from app.catalog import Recipe
from app.core.contracts import Agent, Environment

SURE = 0.95


def begun(algorithm: str, environment: str, *, preset: str, seed: int) -> tuple[Recipe, Environment, Any]:
    """Return the recipe of a preset, its environment and a fresh agent."""
    recipe = catalog.resolve(algorithm, environment, preset=preset, seed=seed)
    _algorithm, _environment, world, agent = catalog.build(recipe)
    return recipe, world, agent


def mean_return(agent: Agent, environment: Environment, seed: int, *, episodes: int, stream: str) -> float:
    """Return the mean return of the greedy policy over `episodes` episodes, one in each of as many environments."""
    batch = environment.batch(episodes, seed, stream, True)
    observations, returns = batch.reset(), np.zeros(episodes)
    is_open = np.ones(episodes, bool)
    while is_open.any():
        step = batch.step(agent.act(observations, greedy=True))
        returns += step.rewards * is_open
        is_open &= ~(step.terminated | step.truncated)
        observations = step.observations
    return float(returns.mean())


def standard_error(scores: Sequence[float]) -> float:
    """Return the standard error of the mean of the scores of a few seeds."""
    return statistics.stdev(scores) / math.sqrt(len(scores))


def half_width(scores: Sequence[float]) -> float:
    """Return how far the 95 % interval of the mean reaches to either side."""
    return float(student.ppf((1 + SURE) / 2, len(scores) - 1)) * standard_error(scores)


def with_interval(scores: Sequence[float]) -> str:
    """Return the mean of the scores and its 95 % interval, as a column of a table."""
    mean, half = statistics.fmean(scores), half_width(scores)
    return f"{mean:8.1f} [{mean - half:8.1f}, {mean + half:8.1f}]"
