"""Small tasks and models on which the stages of a language model's training are tested."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from app import catalog
from app.core.contracts import Agent, Problem, Tree
from app.core.report import Report
from app.environments.sort_digits import SortDigitsConfig, make
from app.parts.language_task import LanguageTask
from app.parts.sampling import Rows
from app.parts.tokens import PAD
from app.parts.transformer import Transformer, TransformerShape

SMALL = {"d_model": 16, "n_layers": 1, "n_heads": 2, "warmup_steps": 0}


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


def moved(name: str, **config: Any) -> Any:
    """Return an agent whose model is no longer its reference; the same words give its twin, which writes the same.

    Its gradient is never clipped, and its temperature is not 1.
    """
    task = config.pop("task", None)
    agent = stage(
        name, task=task, **{"n_prompts": 6, "group_size": 4, "max_grad_norm": 1e6, "temperature": 0.7, **config}
    )
    tree = agent.state()
    tree["model"]["weights"] += np.random.default_rng(5).normal(size=agent.model.weights.size).astype(np.float32) * 0.2
    agent.load(tree)
    return agent


def token_log_probs(agent: Any, model: Transformer, rows: Rows) -> Tensor:
    """Return what a model says of its own tokens (B, C), 0 elsewhere: row by row, without padding before and nothing kept."""
    first = rows.prompt_columns
    found = []
    for tokens, own in zip(rows.tokens, rows.own, strict=True):
        start = int((tokens != PAD).argmax())
        hidden = model.hidden(torch.from_numpy(tokens[None, start:-1]))[0, first - 1 - start :]
        logs = torch.log_softmax(model.logits(hidden)[:, PAD + 1 :] / agent.config.temperature, -1)
        said = [logs[c, tokens[first + c] - 1] if own[c] else torch.zeros(()) for c in range(len(own))]
        found.append(torch.stack(said))
    return torch.stack(found)


def check_step(agent: Any, report: Report, twin: Any, loss: Tensor) -> None:
    """Compare what an update reported, and the gradient that it left, with a loss by hand of the twin's model."""
    np.testing.assert_allclose(report.scalars["train/loss"], loss.item(), rtol=1e-4, atol=1e-6)
    twin.model.backward(loss)
    found, expected = agent.model.gradient, twin.model.gradient
    assert np.abs(expected).max() > 1e-2
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


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
