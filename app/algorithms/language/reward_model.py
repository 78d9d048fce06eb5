r"""Reward model: learn from pairs what a rater likes, as one number for each completion.

A rater who is shown two completions of a prompt prefers $y_w$ to $y_l$. Bradley and Terry say how often that happens when each has a
worth of its own:

$$P(y_w \succ y_l) = \sigma\big(r_\phi(x, y_w) - r_\phi(x, y_l)\big) \tag{1}$$

so the likeliest worths, given the pairs, minimise

$$L(\phi) = -\,\mathbb{E}\big[\log \sigma\big(r_\phi(x, y_w) - r_\phi(x, y_l)\big)\big] \tag{2}$$

The model that is asked is the language model itself with a second head, one number, read at the end token. Only differences within a
prompt are learned: a number added to every completion of a prompt changes nothing. The completions are written by the model that this
run starts with, which stays as it is and is handed on with the reward model, so that a stage that starts from here has both.

The pairs come from a simulated rater, who goes by what the task says, or from a person: with `labels` at `stored` they are those
that were stored for the run whose model this one starts from, read again and again in random order. Where the rater said that
neither is better, half of (2) counts for either side. A fifth of the prompts is held out with all their stored pairs, and accuracy
is measured on those.

What a reward model says is not what is wanted: it is right about completions like those it has seen. A policy that is trained on it
moves away from them, and its score may go on rising while the true reward falls.

What this file leaves out:

1. several completions ranked at once;
2. simulated pairs that are read again: they are written anew for every update.

Sources: Bradley and Terry (1952), "Rank analysis of incomplete block designs"; Christiano et al. (2017), "Deep reinforcement learning
from human preferences", arXiv 1706.03741; Gao et al. (2023), "Scaling laws for reward model overoptimization", arXiv 2210.10760.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from app.core.config import Hyper
from app.core.contracts import Array, Problem, Tree
from app.core.errors import InvalidInput
from app.core.randomness import Stream
from app.core.report import Report
from app.core.scalars import Scalar
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.language_learner import LANGUAGE_SIGNALS, LanguageLearner, ModelChoices, check_task, model_tree
from app.parts.language_noted import Glimpses
from app.parts.preferences import (
    PAIR_SIGNALS,
    Pairs,
    PairsNoted,
    apart,
    best_and_worst,
    pair_measures,
    rows_of,
    stored_rows,
    written_of,
)
from app.parts.reinforced import Written
from app.parts.sampling import Rows, complete, scores_of

HELD_OUT_PROMPTS, HELD_OUT_GROUP = 64, 8
HELD_OUT_EVERY = 5  # of the prompts of stored pairs, where there are as many
STORED = "stored"
NAMES = {"rewards/accuracies": "train/accuracy", "rewards/margins": "train/margin"}  # as trainers of reward models say


class RewardModelConfig(ModelChoices):
    """Hyperparameters of the reward model."""

    # fmt: off
    learning_rate: float = Hyper(1e-3, above=0, high=1, symbol=r"\alpha", scale="log", live="update",
        help=_("Step size of AdamW: raising it learns faster until the loss jumps."))
    n_prompts: int = Hyper(64, low=1, high=512, unit=_("prompts"), symbol="K", live="update",
        help=_("Prompts of an update, each of which makes at most one pair: raising it gives steadier steps and costs time."))
    group_size: int = Hyper(2, low=2, high=64, unit=_("completions"), symbol="G", live="update",
        help=_("Completions of each prompt, of which the best and the worst make a pair: raising it makes pairs clearer."))
    label_noise: float = Hyper(0.0, low=0, high=1, live="update",
        help=_("Probability that the rater prefers the wrong one: raising it makes preferences less telling."))
    labels: str = Hyper("simulated", choices=("simulated", STORED), settled=True,
        help=_("Who says what is better: a simulated rater, or the stored answers to pairs of the run that this one starts from."))
    # fmt: on


def preference(chosen: Array, rejected: Array) -> Array:
    """Return how probable it is that the first is preferred (N,), given the scores of both."""
    return np.asarray(1 / (1 + np.exp(rejected - chosen)))  # (1)


def bradley_terry_loss(chosen: Tensor, rejected: Tensor, shares: Tensor | None = None) -> Tensor:
    """Return L (2) of the scores of the preferred and the other completions (N,); 0 without pairs.

    Args:
        shares: how much each is preferred (N,), ½ where neither is; None is 1 for all.
    """
    terms = -logsigmoid(chosen - rejected)  # (2)
    if shares is not None:
        terms = shares * terms - (1 - shares) * logsigmoid(rejected - chosen)
    return terms.sum() / max(len(chosen), 1)


class RewardModelAgent(LanguageLearner):
    """A model with a scalar head that learns, beside the frozen one that writes."""

    config: RewardModelConfig
    n_scores = 1
    counters: ClassVar[Mapping[str, str]] = {**LanguageLearner.counters, "labels_drawn": "label_random"}

    def __init__(self, config: RewardModelConfig, problem: Problem) -> None:
        super().__init__(config, problem)
        self.writer = self._model(0)
        self.writer.load(self.model.weights[: self.writer.weights.size])
        self.model.weights[self.writer.weights.size :] = 0.0  # a critic's head, where the model had one, is no score
        self.glimpses = Glimpses(self.model, self.task, self.writer)
        self.label_random = problem.stream("labels")
        self.noted = PairsNoted()
        self._held_out: Rows | None = None
        self.stored, self.shares = np.zeros((0, self.task.observation_size), np.int64), np.zeros(0)
        if config.labels == STORED and problem.origin is not None and "labels" in problem.origin:
            self.stored, self.shares = stored_rows(self.task, problem.origin["labels"])

    def learn(self) -> Report:
        """Have pairs written and labelled, or draw stored ones, and take one step on them."""
        written, pairs, shares = self.drawn() if self.config.labels == STORED else self.rated()
        scores = scores_of(self.model, rows_of(written.rows, pairs))
        scalars = self.descend(bradley_terry_loss(*apart(scores), shares))
        found = scores.detach().numpy()
        self.noted.update(written, pairs, found)
        sure = preference(*apart(found))
        told = {"train/agreement": float(sure.mean()) if len(pairs) else 0.5, "train/pairs": float(len(pairs))}
        measured = {NAMES.get(name, name): value for name, value in pair_measures(found).items()}
        return Report(1, 1, scalars=scalars | measured | told)

    def rated(self) -> tuple[Written, Pairs, None]:
        """Return fresh completions and their pairs, as the simulated rater labels them."""
        config = self.config
        written = self.write(config.n_prompts, self.prompt_random, self.token_random, size=config.group_size)
        noise = config.label_noise
        return written, best_and_worst(written.group_rewards, label_noise=noise, random=self.label_random), None

    def drawn(self) -> tuple[Written, Pairs, Tensor]:
        """Return stored pairs, drawn with replacement, and how much the first of each is preferred.

        Raises:
            InvalidInput: there are none.
        """
        if not len(self.shares):
            rule = _("there are no stored labels to learn from")
            way_out = _("Start from a run whose pairs were judged, or leave it at simulated.")
            raise InvalidInput.one("config.labels", STORED, rule, way_out)
        learned = np.flatnonzero(~self.is_kept_back)
        which = learned[self.label_random.integers(len(learned), self.config.n_prompts)]
        return *written_of(self.task, self.stored_pairs(which)), torch.from_numpy(self.shares[which].astype(np.float32))

    @property
    def is_kept_back(self) -> Array:
        """Which stored pairs are held out (N,): those of every fifth prompt, so that none of theirs is learned from."""
        prompts = self.stored[::2, : self.task.prompt_columns]
        _kinds, first, kind = np.unique(prompts, axis=0, return_index=True, return_inverse=True)
        place = first.argsort().argsort()  # of each prompt, in the order of their first pairs
        return np.asarray(place[kind] % HELD_OUT_EVERY == HELD_OUT_EVERY - 1)

    def stored_pairs(self, which: Array) -> Array:
        """Return the rows of stored pairs (2N, L), the preferred ones first."""
        return np.asarray(self.stored[np.stack([2 * which, 2 * which + 1], axis=1).ravel()])

    def write(
        self, count: int, prompt_random: Stream, token_random: Stream, *, size: int, held_out: bool = False
    ) -> Written:
        """Return `size` completions of the frozen model to each of `count` prompts, with what the task says they earned."""
        task = self.task
        prompts = task.prompts(prompt_random.uniforms(count), held_out)
        rows = complete(self.writer, task.encoded(prompts), turns=task.turns, group=size, random=token_random)
        each = [prompt for prompt in prompts for _copy in range(size)]
        parts = task.rewards(each, rows.completions)
        return Written(each, rows, parts, parts.sum(axis=1), count)

    @torch.inference_mode()
    def diagnostics(self) -> dict[str, float]:
        """Return the share of held-out pairs that are told apart as the rater did; nothing where there are none."""
        if self._held_out is None:
            self._held_out = self.kept_back()
        if not len(self._held_out.tokens):
            return {}
        return {"eval/accuracy": pair_measures(scores_of(self.model, self._held_out).numpy())["rewards/accuracies"]}

    def kept_back(self) -> Rows:
        """Return the rows of the held-out pairs: of stored ones a fifth, less those of which neither is better."""
        if self.config.labels == STORED:
            which = np.flatnonzero(self.is_kept_back & (self.shares > 0.5))
            written, pairs = written_of(self.task, self.stored_pairs(which))
        else:
            stream = Stream(0, "held-out pairs")
            written = self.write(HELD_OUT_PROMPTS, stream, stream, size=HELD_OUT_GROUP, held_out=True)
            pairs = best_and_worst(written.group_rewards, label_noise=0.0, random=stream)
        return rows_of(written.rows, pairs)

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return the next token (N,) that the frozen model writes."""
        return self.next_tokens(self.writer, observations, greedy, random)

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for: what is written is the frozen model's, weights and attention the reward model's."""
        return {**super().signals(), **self.noted.signals()}

    def state(self) -> Tree:
        """Return everything that decides the future: `model` is the frozen one, `judge` the reward model."""
        return {
            **super().state(),
            "model": model_tree(self.writer, self.task),
            "judge": model_tree(self.model, self.task),
            "stored": {"rows": self.stored, "shares": self.shares},
        }

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        super().load({**tree, "model": tree["judge"]})
        self.writer.load(tree["model"]["weights"])
        if "stored" in tree:  # a checkpoint of before there were any has none
            self.stored, self.shares = (np.array(tree["stored"][name]) for name in ("rows", "shares"))
        self._held_out = None


SPEC = AlgorithmSpec(
    id="reward_model",
    name=_("Reward model"),
    summary=_("Learns from preferred and other completions how much each is worth: Bradley and Terry, by maximum likelihood."),
    family="language",
    version=1,
    config=RewardModelConfig,
    agent=RewardModelAgent,
    smoke=Smoke("sort_digits", 60, {"d_model": 16, "n_layers": 1, "n_heads": 2, "n_prompts": 8}, {"n_digits": 3}),
    emits=(
        "train/loss", "train/grad_norm", "train/learning_rate", "train/accuracy", "train/margin", "train/agreement",
        "train/pairs", "rewards/chosen", "rewards/rejected", "eval/accuracy",
    ),
    signals=(*LANGUAGE_SIGNALS, *PAIR_SIGNALS),
    scalars=(
        Scalar("train/accuracy", _("Pairs ranked rightly"), _("share"), "up", _("Share of the pairs of an update that the reward model ranks as the rater did, before it learned from them.")),
        Scalar("train/margin", _("Margin"), "", "up", _("How much more the reward model gives the preferred completion of a pair.")),
        Scalar("train/agreement", _("Agreement"), _("probability"), "up", _("How probable the reward model holds what the rater preferred, before it learned from it; 0.5 is guessing.")),
        Scalar("train/pairs", _("Pairs"), _("pairs"), "neither", _("Pairs of an update; prompts whose completions all earned the same make none.")),
        Scalar("eval/accuracy", _("Accuracy on held-out pairs"), _("share"), "up", _("Share of pairs of held-out prompts that the reward model ranks as the rater did; of stored pairs those of a fifth of the prompts are held out.")),
    ),
    emits_episodes=False,
    step_unit="update",
    default_steps=200,
    follows=("sft", "pretrain"),
    references=(
        "Bradley and Terry (1952), Rank analysis of incomplete block designs: I. The method of paired comparisons, Biometrika 39",
        "Christiano et al. (2017), Deep reinforcement learning from human preferences, arXiv 1706.03741",
        "Gao et al. (2023), Scaling laws for reward model overoptimization, arXiv 2210.10760",
    ),
    check=check_task,
)  # fmt: skip
