r"""Proximal policy optimization (PPO) of a language model: a critic says of every token how good it was.

The model writes; each token is an action. What a token earns is the price of moving away from the reference, the model that this run
started with, and the last token of a completion earns in addition what the completion is worth, by the task or by a reward model,
whose scores are brought to mean 0 and deviation 1 over what the reference writes:

$$r_t = -\beta \log \frac{\pi_{old}(y_t \mid x, y_{<t})}{\pi_{ref}(y_t \mid x, y_{<t})} + [t = T]\; R(x, y) \tag{1}$$

A second head of the same model estimates the value $V$ of what is written so far. With the errors
$\delta_t = r_t + V_{t+1} - V_t$, where $V_{T+1} = 0$, advantages are discounted sums of them, nothing else being discounted:

$$\hat A_t = \delta_t + \lambda \hat A_{t+1} \tag{2}$$

They are brought to mean 0 and deviation 1. With $\rho_t = \pi_\theta / \pi_{old}$ of each token, the loss is

$$L(\theta) = -\,\mathbb{E}\big[\min(\rho_t \hat A_t, \mathrm{clip}(\rho_t, 1-\epsilon, 1+\epsilon)\hat A_t)\big]
+ c_v\, \mathbb{E}\big[(V_\theta - V^{target}_t)^2\big] + \beta_L\, \mathbb{E}[k_3] \tag{3}$$

with targets $V^{target}_t = \hat A_t + V_t$ before the advantages are brought to scale, and $k_3 = e^{g} - 1 - g$ of
$g = \log \pi_{ref} - \log \pi_\theta$ of each token, an estimate of the divergence. There are two places for the divergence: in the
reward (β), where later tokens pay for it too, or in the loss ($\beta_L$), where each token pays for itself; the slope of $k_3$ on fresh
tokens is that of the divergence the other way round, $KL(\pi_{ref} \,\|\, \pi_\theta)$, and its optimum another. For one completion as one action,
the optimum with β is $\pi^* \propto \pi_{ref}\, e^{R/\beta}$, the same as DPO's.

Why does a reward model's score rise while the answers get worse? It has seen what one model wrote, and knows nothing of the rest; what
it scores highest of all lies there, and the policy finds it. A price β keeps the policy where the scores mean something.

With one pass in one step, as set at first, every ratio is 1 and nothing is clipped; raise `n_epochs` to see the clip act.

What this file leaves out:

1. a critic of its own: policy and value share everything but the last matrix;
2. clipping the value, and stopping early at a divergence.

Sources: Ouyang et al. (2022), "Training language models to follow instructions with human feedback", arXiv 2203.02155; Schulman et al.
(2017), "Proximal policy optimization algorithms", arXiv 1707.06347; Huang et al. (2024), "The N implementation details of RLHF with
PPO", arXiv 2403.17031.
"""

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from pydantic import ValidationInfo, field_validator
from torch import Tensor

from app.core.config import BrokenRule, Hyper
from app.core.contracts import Array, Problem
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _, filled
from app.parts.kept_steps import divisor_near
from app.parts.language_learner import check_task
from app.parts.reinforced import REINFORCED_EMITS, REINFORCED_SIGNALS, ReinforcedChoices, ReinforcedLearner, mean_over
from app.parts.sampling import Rows
from app.parts.transformer import as_tensor


class PPOLanguageConfig(ReinforcedChoices):
    """Hyperparameters of PPO of a language model."""

    # fmt: off
    beta: float = Hyper(0.0, low=0, high=10, symbol=r"\beta", live="update",
        help=_("Price of a nat of divergence from the reference, taken off each token's reward: raising it keeps the model nearer to what it was."))
    kl_coef: float = Hyper(0.0, low=0, high=10, symbol=r"\beta_L", live="update",
        help=_("A price as a part of the loss, where a token pays for itself only: raising it keeps the model from giving up what the reference would write."))
    gae_lambda: float = Hyper(0.95, low=0, high=1, symbol=r"\lambda", live="update",
        help=_("How far a token is credited with what follows: raising it trusts the critic less."))
    n_epochs: int = Hyper(1, low=1, high=20, unit=_("epochs"), live="update",
        help=_("Passes over the completions: raising it uses them more and moves the model further from where they were written."))
    batch_size: int = Hyper(256, low=2, high=4096, unit=_("completions"), live="update",
        help=_("Completions per gradient step: raising it gives fewer, steadier steps. Must divide n_prompts × group_size, or take all at once."))
    clip_range: float = Hyper(0.2, above=0, high=1, symbol=r"\epsilon", live="update",
        help=_("Half width of the clip interval: raising it lets one update change the model more."))
    vf_coef: float = Hyper(0.1, low=0, high=100, symbol="c_v", live="update",
        help=_("Weight of the critic's error: raising it makes the model care more for values than for what it writes, until its errors drive it away from the reference."))
    # fmt: on

    @field_validator("batch_size")
    @classmethod
    def _check_minibatches(cls, value: int, info: ValidationInfo) -> int:
        prompts, group = info.data.get("n_prompts"), info.data.get("group_size")
        if prompts is None or group is None:
            return value
        size = prompts * group
        if value < size and size % value:
            near = divisor_near(size, value)
            rule = _(
                "must divide n_prompts × group_size = {prompts} × {group} = {size}, or be no less; {near} divides it"
            )
            way_out = filled(_("Use {near}, or change n_prompts or group_size."), near=near)
            raise BrokenRule(filled(rule, prompts=prompts, group=group, size=size, near=near), way_out)
        return value


class Batch(NamedTuple):
    """What a step learns from (B, C): log-probabilities when written and of the reference, advantages, targets, mask."""

    old: Array
    reference: Array
    advantages: Array
    targets: Array
    mask: Array


class Losses(NamedTuple):
    """L, and of each token (B, C) the ratio, detached."""

    value: Tensor
    ratio: Tensor


def token_rewards(old: Array, reference: Array, rewards: Array, *, own: Array, beta: float) -> Array:
    """Return r (1) of each token (B, C), from log-probabilities (B, C) and what completions are worth (B,)."""
    columns = np.arange(own.shape[1])
    is_last = own & (columns == (own * columns).max(axis=1, keepdims=True))
    return np.asarray(-beta * (old - reference) * own + is_last * rewards[:, None])  # (1)


def advantages_of(rewards: Array, values: Array, own: Array, lambda_: float) -> Array:
    """Return the advantage (2) of each token (B, C); columns that the model did not write are passed over."""
    advantages = np.zeros_like(rewards)
    following, next_value = np.zeros(len(rewards)), np.zeros(len(rewards))
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + next_value - values[:, t]
        advantages[:, t] = np.where(own[:, t], delta + lambda_ * following, 0.0)  # (2)
        following = np.where(own[:, t], advantages[:, t], following)
        next_value = np.where(own[:, t], values[:, t], next_value)
    return advantages


def whitened(advantages: Array, own: Array) -> Array:
    """Return advantages (B, C) with mean 0 and deviation 1 over the model's own tokens, and 0 elsewhere."""
    kept = advantages[own]
    return np.asarray(np.where(own, (advantages - kept.mean()) / (kept.std() + 1e-8), 0.0))


def ppo_loss(log_probs: Tensor, values: Tensor, batch: Batch, config: PPOLanguageConfig) -> Losses:
    """Return L of log-probabilities and values (B, C)."""
    old, reference, advantages, targets, mask = (as_tensor(column) for column in batch)
    ratio, count = torch.exp(log_probs - old), mask.sum()
    clipped = ratio.clamp(1 - config.clip_range, 1 + config.clip_range)
    surrogate = torch.minimum(ratio * advantages, clipped * advantages)
    error = (values - targets).square()
    gap = reference - log_probs
    divergence = torch.exp(gap) - 1 - gap
    total = ((config.kl_coef * divergence + config.vf_coef * error - surrogate) * mask).sum() / count  # (3)
    return Losses(total, ratio.detach())


class PPOLanguageAgent(ReinforcedLearner):
    """A model trained by PPO: a policy and a critic in one."""

    config: PPOLanguageConfig
    n_scores = 1
    counters: ClassVar[Mapping[str, str]] = {**ReinforcedLearner.counters, "orders_drawn": "shuffle_random"}

    def __init__(self, config: PPOLanguageConfig, problem: Problem) -> None:
        super().__init__(config, problem)
        self.shuffle_random = problem.stream("minibatches")

    def learn(self) -> Report:
        """Write completions, judge every token, and take `n_epochs` passes of steps over them."""
        config, written = self.config, self.write()
        rows, own = written.rows, written.rows.own
        values = self.values(rows)
        reference = self.reference_log_probs(rows)
        rewards = token_rewards(rows.log_probs, reference, written.rewards, own=own, beta=config.beta)
        advantages = advantages_of(rewards, values, own, config.gae_lambda)
        columns = (rows.log_probs, reference, whitened(advantages, own), advantages + values, own)
        whole = Batch(*(np.asarray(column, np.float32) for column in columns))
        measured = [
            self.step(rows, whole, order[start : start + config.batch_size])
            for order in (self.shuffle_random.permutation(len(own)) for _epoch in range(config.n_epochs))
            for start in range(0, len(own), config.batch_size)
        ]
        self.noted.update(written, whole.advantages, values)
        spread = max(float(np.var(whole.targets[own])), 1e-12)
        said = {
            "train/explained_variance": 1 - float(np.var((whole.targets - values)[own])) / spread,
            "objective/rlhf_reward": float(rewards.sum(axis=1).mean()),
        }
        return self.report(written, [numbers | said for numbers in measured])

    def step(self, rows: Rows, whole: Batch, chosen: Array) -> dict[str, float]:
        """Take one gradient step on some of the rows, and return what it measured."""
        if len(chosen) == len(rows.own):
            chosen, group = np.arange(len(chosen)), rows.group  # in order, so that each prompt is read once
        else:
            group = 1
        batch = Batch(*(column[chosen] for column in whole))
        part = Rows(rows.tokens[chosen], rows.prompt_columns, rows.own[chosen], rows.log_probs[chosen], group)
        judged = self.judge(part)
        values = self.model.scores(judged.hidden)
        losses = ppo_loss(judged.log_probs, values, batch, self.config)
        mask = as_tensor(batch.mask)
        ratio = losses.ratio
        gone = ((ratio - 1).abs() > self.config.clip_range).float()
        return self.descend(losses.value) | {
            "train/entropy": mean_over(judged.entropies, mask),
            "policy/approxkl_avg": mean_over(ratio.log().square() / 2, mask),
            "policy/clipfrac_avg": mean_over(gone, mask),
            "val/ratio": mean_over(ratio, mask),
            "train/value_loss": mean_over((values.detach() - as_tensor(batch.targets)).square(), mask),
        }

    @torch.inference_mode()
    def values(self, rows: Rows) -> Array:
        """Return V (B, C) before each token of the completions, 0 where the model did not write."""
        return np.asarray(self.model.scores(self.judge(rows).hidden).numpy() * rows.own)


SPEC = AlgorithmSpec(
    id="ppo_language",
    name=_("PPO of a language model"),
    summary=_("Every token is judged by a critic that shares the model; divergence from the reference is paid for."),
    family="language",
    version=1,
    config=PPOLanguageConfig,
    agent=PPOLanguageAgent,
    smoke=Smoke(
        "sort_digits", 60, {"d_model": 16, "n_layers": 1, "n_heads": 2, "n_prompts": 4, "group_size": 4, "batch_size": 8},
        {"n_digits": 3},
    ),
    parent="rloo",
    emits=(
        *REINFORCED_EMITS, "objective/rlhf_reward", "policy/approxkl_avg", "policy/clipfrac_avg", "val/ratio",
        "train/value_loss", "train/explained_variance",
    ),
    signals=REINFORCED_SIGNALS,
    step_unit="update",
    default_steps=280,
    follows=("reward_model", "sft", "pretrain"),
    references=(
        "Ouyang et al. (2022), Training language models to follow instructions with human feedback, arXiv 2203.02155",
        "Schulman et al. (2017), Proximal policy optimization algorithms, arXiv 1707.06347",
        "Huang et al. (2024), The N implementation details of RLHF with PPO, arXiv 2403.17031",
    ),
    check=check_task,
)  # fmt: skip
