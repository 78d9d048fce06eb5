"""Small tasks and models on which the stages of a language model's training are tested."""

from typing import Any

import numpy as np
import torch

from app import catalog
from app.core.contracts import Agent, Problem, Tree
from app.environments.sort_digits import SortDigitsConfig, make
from app.parts.language_task import LanguageTask
from app.parts.transformer import Transformer, TransformerShape

SMALL = {"d_model": 16, "n_layers": 1, "n_heads": 2}


def small_task(n_digits: int = 3) -> LanguageTask:
    return make(SortDigitsConfig(n_digits=n_digits))


def stage(
    name: str, *, seed: int = 1, steps: int = 40, origin: Tree | None = None, task: LanguageTask | None = None, **config: Any
) -> Any:  # fmt: skip
    """Return an agent of a stage on a small task."""
    spec = catalog.algorithm(name)
    problem = Problem(task or small_task(), seed, steps, origin)
    agent: Agent = spec.agent(spec.config.parse({**SMALL, **config}), problem)
    return agent


def exact_model(shape: TransformerShape, seed: int = 3) -> Transformer:
    """Return a model in float64 with weights of some size."""
    model = Transformer(shape, torch.float64)
    model.weights[:] = np.random.default_rng(seed).normal(size=model.weights.size) * 0.3
    return model


def slope_by_differences(function: Any, point: np.ndarray, width: float = 1e-6) -> np.ndarray:
    """Return the gradient (P,) of a function of a float64 array by central differences."""
    slopes = np.zeros(point.size)
    flat = point.reshape(-1)
    for index in range(point.size):
        kept = flat[index]
        flat[index] = kept + width
        above = function(point)
        flat[index] = kept - width
        below = function(point)
        flat[index] = kept
        slopes[index] = (above - below) / (2 * width)
    return slopes.reshape(point.shape)
