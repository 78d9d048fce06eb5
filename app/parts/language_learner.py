"""What every stage of a language model's training is made of: the model, its start, acting, the step, saving.

An agent's start is the model of an earlier stage where `Problem.origin` holds one, else a fresh one. What it saves under
`model` (and under `judge`, where it has a reward model) is what a later stage starts from.
B rows, L = P + C columns, V vocabulary, D model size, P parameters where a vector is meant.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.core.config import Config, Hyper
from app.core.contracts import Environment, Problem, Tree
from app.core.errors import InvalidInput, TrainingDiverged
from app.core.randomness import Stream
from app.core.report import Report
from app.core.text import _
from app.parts.language_noted import Glimpses
from app.parts.language_task import LanguageTask
from app.parts.local_models import LocalModel, check_model
from app.parts.networks import Parameters
from app.parts.optimisers import Adam, clip_norm
from app.parts.sampling import drawn_from, next_log_probs, padding_of
from app.parts.tokens import PAD
from app.parts.transformer import Transformer, TransformerShape, as_tensor

Array = NDArray[Any]
LANGUAGE_SIGNALS = (
    "weights", "shown_rows", "shown_rewards", "writing", "shown_drafts", "attention", "attention_row", "stream", "right_counts",
)  # fmt: skip


class ModelChoices(Config):
    """The hyperparameters that shape the model, and those of its optimiser that all stages share."""

    # fmt: off
    local_model: str = Hyper("", pattern=r"^[A-Za-z0-9._-]{0,96}$", advanced=True, settled=True,
        help=_("Name of a model on this machine that the operator lists; empty, a fresh one of the following sizes is made."))
    d_model: int = Hyper(64, low=8, high=256, symbol="D", advanced=True, settled=True,
        help=_("Numbers by which the model describes each position: raising it makes the model cleverer and slower."))
    n_layers: int = Hyper(4, low=1, high=8, unit=_("layers"), advanced=True, settled=True,
        help=_("Layers, each of which looks at other positions once: raising it allows more steps of thought."))
    n_heads: int = Hyper(4, low=1, high=16, unit=_("heads"), symbol="H", advanced=True, settled=True,
        help=_("Patterns of attention side by side in a layer: raising it makes each of them narrower."))
    is_tied: bool = Hyper(False, advanced=True, settled=True,
        help=_("Read and write with the same matrix of tokens, which saves parameters."))
    warmup_steps: int = Hyper(0, low=0, high=10_000, unit=_("updates"), advanced=True, live="update",
        help=_("Updates over which the learning rate rises from 0: raising it makes the start gentler."))
    lr_end_share: float = Hyper(1.0, low=0, high=1, live="update", advanced=True,
        help=_("Share of the learning rate that is left at the end of the budget, to which it falls in a line."))
    weight_decay: float = Hyper(0.01, low=0, high=1, live="update", advanced=True,
        help=_("How strongly every weight is pulled to 0: raising it keeps weights small."))
    max_grad_norm: float = Hyper(1.0, above=0, high=1e6, live="update", advanced=True,
        help=_("Largest gradient norm: raising it lets rare large gradients through."))
    # fmt: on


def check_task(config: Any, environment: Environment) -> None:
    """Refuse sizes that do not go together.

    Raises:
        InvalidInput: the heads do not share the model's size evenly, or a model that is named cannot be used.
    """
    check_model(config.local_model)
    if config.d_model % config.n_heads:
        rule = _("must be a multiple of n_heads={heads}").format(heads=config.n_heads)
        raise InvalidInput.one("config.d_model", config.d_model, rule, _("Each head takes an equal part."))


class LanguageLearner(ABC):
    """A model and its optimiser on one task; an update is one step of the algorithm."""

    # what `state` saves beside the model: attributes with a state of their own, and the streams' counters
    saved: ClassVar[tuple[str, ...]] = ("optimiser",)
    counters: ClassVar[Mapping[str, str]] = {"prompts_drawn": "prompt_random", "tokens_drawn": "token_random"}
    n_scores: ClassVar[int] = 0

    def __init__(self, config: Any, problem: Problem) -> None:
        task = problem.environment
        assert isinstance(task, LanguageTask)
        self.config, self.task, self.total_steps = config, task, problem.total_steps
        self.prompt_random, self.token_random = problem.stream("prompts"), problem.stream("tokens")
        self.model = self._model(self.n_scores)
        self.model.initialise(problem.stream("initialisation"))
        if problem.origin is not None:
            self._start_from(problem.origin.get("model"))
        self.glimpses = Glimpses(self.model, task)
        self.optimiser = Adam(Parameters(self.model.weights, self.model.gradient), betas=(0.9, 0.95))
        self.updates = 0

    def _model(self, n_scores: int) -> Transformer:
        config, task = self.config, self.task
        if config.local_model:
            letters = task.alphabet.letters
            return LocalModel(config.local_model, letters, context=task.observation_size, n_scores=n_scores)
        return Transformer(
            TransformerShape(
                task.n_actions, task.observation_size, config.d_model, config.n_layers, config.n_heads,
                config.is_tied, n_scores,
            )
        )  # fmt: skip

    def _start_from(self, model: Tree | None) -> None:
        """Take over the model of an earlier stage.

        Raises:
            InvalidInput: there is none, it is of another size, or knows other characters.
        """
        ours = {**self.model.shape.facts(), "letters": self.task.alphabet.letters}
        if not model or not ours.keys() <= model.keys():
            rule, way_out = _("holds no language model"), _("Start from a stage of a language model's training.")
            raise InvalidInput.one("origin", _("the checkpoint"), rule, way_out)
        for name, value in ours.items():
            if model[name] != value:
                rule = _("the model to start from has {name}={theirs}, this run {ours}").format(
                    name=name, theirs=model[name], ours=value
                )
                way_out = _("Give this run the sizes and the task of the model, or start from another.")
                raise InvalidInput.one("origin", name, rule, way_out)
        base = self.model.weights.size - self.n_scores * self.model.shape.d_model
        weights = model["weights"]
        self.model.load(weights if weights.size == self.model.weights.size else weights[:base])

    def update(self, max_steps: int) -> Report:
        """Make one update."""
        self.updates += 1
        return self.learn()

    @abstractmethod
    def learn(self) -> Report:
        """Make one update and report it."""

    def descend(self, loss: Tensor) -> dict[str, float]:
        """Take one step of AdamW down a loss, and return what it measured.

        Raises:
            TrainingDiverged: the loss or the gradient is not finite; the parameters are as they were.
        """
        config, number = self.config, float(loss.detach())
        self.model.backward(loss)
        norm = clip_norm(self.model.gradient, config.max_grad_norm)
        for name, value in (("train/loss", number), ("train/grad_norm", norm)):
            if not math.isfinite(value):
                raise TrainingDiverged(name, self.updates, value)
        self.model.weights *= np.float32(1 - self.learning_rate * config.weight_decay)
        self.optimiser.step(self.learning_rate)
        return {"train/loss": number, "train/grad_norm": norm, "train/learning_rate": self.learning_rate}

    @property
    def learning_rate(self) -> float:
        """The step size of this update: it rises over the warm-up, and falls in a line to its last share."""
        config = self.config
        progress = min(1.0, (self.updates - 1) / max(1, self.total_steps))
        falling = float(config.learning_rate * (1 - (1 - config.lr_end_share) * progress))
        return falling * min(1.0, self.updates / config.warmup_steps) if config.warmup_steps else falling

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return the next token (N,) of rows (N, P + C)."""
        return self.next_tokens(self.model, observations, greedy, random)

    @torch.inference_mode()
    def next_tokens(self, model: Transformer, observations: Array, greedy: bool, random: Stream | None) -> Array:
        """Return the next token (N,) that a model writes to rows (N, P + C)."""
        tokens = observations.astype(np.int64)
        prompts = tokens[:, : self.task.prompt_columns]
        written = (tokens[:, self.task.prompt_columns :] != PAD).sum(axis=1)
        hidden = model.hidden(as_tensor(tokens), padding_of(prompts))
        last = as_tensor(self.task.prompt_columns - 1 + written)
        here = hidden[torch.arange(len(tokens)), last]
        return drawn_from(next_log_probs(model.logits(here)), None if greedy else random)

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for."""
        return {"weights": lambda: self.model.weights, **self.glimpses.signals()}

    def diagnostics(self) -> dict[str, float]:
        """Return nothing: every scalar comes with an update."""
        return {}

    def edit(self, config: Config) -> None:
        """Continue under an edited configuration, from the next update on."""
        self.config = config

    def load_weights(self, flat: Array) -> None:
        """Replace what the signal `weights` returned, for pictures of a past moment."""
        self.model.load(flat)

    def state(self) -> Tree:
        """Return everything that decides the future; `model` is what a later stage starts from."""
        return {
            "updates": self.updates,
            "model": model_tree(self.model, self.task),
            **{name: getattr(self, stream).counter for name, stream in self.counters.items()},
            **{name: getattr(self, name).state() for name in self.saved},
        }

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self.updates = int(tree["updates"])
        self.model.load(tree["model"]["weights"])
        for name, stream in self.counters.items():
            getattr(self, stream).counter = int(tree[name])
        for name in self.saved:
            getattr(self, name).load(tree[name])


def model_tree(model: Transformer, task: LanguageTask) -> Tree:
    """Return a model as a later stage can take it over: flat weights, sizes, alphabet."""
    return {"weights": model.weights.copy(), "letters": task.alphabet.letters, **model.shape.facts()}
