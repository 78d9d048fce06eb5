"""Inside one forward pass: from where each position gathers, and what the residual stream holds after each layer.

T tokens of the row, H heads, D model size.
"""

from typing import Any

import numpy as np

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.language_noted import fixed_prompts
from app.parts.language_task import LanguageTask

SHOWN_NUMBERS = 64  # of the stream


class AttentionOptions(Config):
    """Nothing to choose here: layer and head are chosen on the page."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A transformer that keeps its attention."""
    return {"attention", "stream"} <= set(algorithm.signals)


def compute(subject: Subject, options: AttentionOptions) -> Frame:
    """Return attention (layers · H, T, T) and stream (layers, T, D) of the first fixed prompt, without its padding."""
    task, signals = subject.environment, subject.agent.signals()
    assert isinstance(task, LanguageTask)
    prompt = fixed_prompts(task)[0]
    attention = np.asarray(signals["attention"](), np.float64)
    layers, heads, width, _width = attention.shape
    padding = task.prompt_columns - len(prompt)
    row, signs = np.asarray(signals["attention_row"](), np.int64), task.alphabet.signs()
    stream = np.asarray(signals["stream"](), np.float64)[:, padding:, :SHOWN_NUMBERS]
    meta: dict[str, Any] = {
        "layers": layers,
        "heads": heads,
        "tokens": [signs[token] for token in row[padding:]],
    }
    looks = attention[:, :, padding:, padding:].reshape(layers * heads, width - padding, width - padding)
    return Frame({"attention": looks.astype(np.float32), "stream": stream.astype(np.float32)}, meta)


SPEC = PanelSpec(
    id="attention",
    name=_("Inside one forward pass"),
    summary=_("Attention of each layer and head, and the residual stream, for one prompt and its completion."),
    element="attention-map",
    version=1,
    options=AttentionOptions,
    fits=fits,
    compute=compute,
    order=8,
)
