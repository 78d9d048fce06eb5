r"""Group relative policy optimization (GRPO), on control tasks.

Play several episodes from the same start, and compare them with each other: what a critic would have to learn, how much was
to be expected from here, is the mean of the group. There is no critic.

Episode i of a group of G that start alike earned $R_i$, the plain sum of its rewards. Each of its actions is judged by

$$\hat A_i = \frac{R_i - \operatorname{mean}(R_1, \dots, R_G)}{\operatorname{std}(R_1, \dots, R_G)} \tag{1}$$

so a group whose episodes all earned the same teaches nothing. The rest is PPO: the ratio of the new to the old probability of
each action taken, the clipped surrogate over all steps of all episodes, and its slope:

$$\rho_t(\theta) = \frac{\pi_\theta(a_t \mid s_t)}{\pi_{\theta_{old}}(a_t \mid s_t)} \tag{2}$$

$$L(\theta) = -\,\mathbb{E}_t\big[\min\big(\rho_t \hat A_i,\; \mathrm{clip}(\rho_t, 1-\epsilon, 1+\epsilon)\,\hat A_i\big)\big] \tag{3}$$

$$\frac{\partial L}{\partial \log \pi_\theta(a_t \mid s_t)} = -\frac1B\, \rho_t \hat A_i \cdot \begin{cases} 0 & \hat A_i > 0 \text{ and } \rho_t > 1 + \epsilon, \text{ or } \hat A_i < 0 \text{ and } \rho_t < 1 - \epsilon \\ 1 & \text{otherwise} \end{cases} \tag{4}$$

A policy that stays undecided can be paid for it, by its entropy H with a small weight $c$:

$$L_c(\theta) = L(\theta) - c\, \mathbb{E}_t\big[H(\pi_\theta(\cdot \mid s_t))\big] \tag{5}$$

An episode is judged as a whole, its first action as much as its last: that is what a critic would have told apart, and why
GRPO suits short episodes, such as answers of a language model, better than long ones. A truncated episode is judged by what it
earned until then, for no critic could say what would have come; a terminated one likewise, and there it is all there was.

What this file leaves out:
1. the penalty for leaving a reference policy: a control task has none;
2. the mean over each episode before the mean over episodes: here every step counts the same, long episodes more;
3. discounting: the sum of rewards is compared.

Sources: Shao et al. (2024), "DeepSeekMath", arXiv 2402.03300; Liu et al. (2025), "Understanding R1-Zero-like training",
arXiv 2503.20783, for the division by the deviation that `scale_rewards` turns off.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from app.core.config import Hyper
from app.core.contracts import Array, Environment, Problem
from app.core.errors import InvalidInput
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Line, Minibatch, Smoke
from app.core.text import _, filled
from app.parts.kept_steps import TOO_LARGE
from app.parts.optimisers import Adam
from app.parts.policy_learner import POLICY_SIGNALS, Judged, NetworkChoices, Samples, mean_of
from app.parts.schedules import KINDS, scheduled
from app.parts.whole_episodes import EpisodeLearner, most_episodes

SMALLEST_GROUP = 2


class GRPOConfig(NetworkChoices):
    """Hyperparameters of GRPO."""

    # fmt: off
    learning_rate: float = Hyper(3e-3, above=0, high=1, symbol=r"\alpha", scale="log", live="update",
        help=_("Step size of Adam: raising it learns faster until updates overshoot and the policy collapses."))
    learning_rate_schedule: str = Hyper("constant", choices=KINDS, live="update",
        help=_("Linear lowers the learning rate to 0 over the budget, which settles the final policy."))
    group_size: int = Hyper(8, low=SMALLEST_GROUP, high=64, unit=_("episodes"), symbol="G", settled=True,
        help=_("Episodes from each start: raising it says more surely what was to be expected, and costs steps."))
    n_groups: int = Hyper(4, low=1, high=32, unit=_("groups"), settled=True,
        help=_("Starts per update: raising it gives surer and rarer updates."))
    n_epochs: int = Hyper(4, low=1, high=50, unit=_("epochs"), live="update",
        help=_("Passes over the episodes: raising it uses them more and moves the policy further from where they were played."))
    batch_size: int = Hyper(512, low=2, high=65_536, unit=_("samples"), live="update",
        help=_("Samples per gradient step: raising it gives fewer, steadier steps."))
    clip_range: float = Hyper(0.2, above=0, high=1, symbol=r"\epsilon", live="update",
        help=_("Half width of the clip interval: raising it lets one update change the policy more."))
    scale_rewards: bool = Hyper(True, live="update",
        help=_("Divide by the group's deviation, so that a group with small differences counts as much; off, large differences count more."))
    ent_coef: float = Hyper(0.0, low=0, high=1, live="update", advanced=True,
        help=_("Weight of an entropy bonus: raising it keeps the policy exploring."))
    max_grad_norm: float = Hyper(0.5, above=0, high=1e6, live="update", advanced=True,
        help=_("Largest gradient norm: raising it lets rare large gradients through."))
    # fmt: on

    @property
    def n_envs(self) -> int:
        """Episodes played side by side: all of an update."""
        return self.group_size * self.n_groups

    @property
    def n_episodes(self) -> int:
        """Episodes of an update."""
        return self.n_envs

    @property
    def gamma(self) -> float:
        """Of the running return by which `normalize` scales; the judgement discounts nothing."""
        return 1.0


def relative_advantages(returns: Array, is_scaled: bool) -> Array:
    """Return the advantage (1) of each episode of each group (K, G); 0 in a group whose episodes all earned the same."""
    above = returns - returns.mean(axis=1, keepdims=True)
    above[np.ptp(returns, axis=1) == 0] = 0.0
    if not is_scaled:
        return np.asarray(above)
    deviations = returns.std(axis=1, keepdims=True)
    return np.asarray(above / np.where(deviations > 0, deviations, 1.0))  # (1)


def clipped_losses(ratio: Array, advantages: Array, clip_range: float) -> Array:
    """Return each sample's part of L (3) for ratios and advantages, all (B,)."""
    clipped = np.clip(ratio, 1 - clip_range, 1 + clip_range)
    return np.asarray(-np.minimum(ratio * advantages, clipped * advantages))  # (3)


def policy_loss(ratio: Array, advantages: Array, clip_range: float) -> float:
    """Return L (3) for ratios and advantages, each (B,)."""
    return float(clipped_losses(ratio, advantages, clip_range).mean())


def policy_slope(ratio: Array, advantages: Array, clip_range: float) -> Array:
    """Return ∂L / ∂log π (B,) for ratios and advantages, each (B,)."""
    has_gone_far = np.where(advantages > 0, ratio > 1 + clip_range, ratio < 1 - clip_range)
    return np.asarray(np.where(has_gone_far, 0, ratio * advantages) / -len(ratio))  # (4)


class GRPOAgent(EpisodeLearner):
    """A policy trained by GRPO: K groups of G episodes that start alike, all side by side."""

    config: GRPOConfig
    has_critic = False
    saved = (*EpisodeLearner.saved, "optimiser")
    counters = {**EpisodeLearner.counters, "orders_drawn": "shuffle_random"}

    def __init__(self, config: GRPOConfig, problem: Problem) -> None:
        super().__init__(config, problem)
        self.optimiser = Adam(self.networks, epsilon=1e-5)
        self.shuffle_random = problem.stream("minibatches")

    @property
    def group_size(self) -> int:
        """How many neighbouring environments start alike."""
        return self.config.group_size

    def update(self, max_steps: int) -> Report:
        """Play until every episode has ended, then learn from them; return sooner after `max_steps` steps."""
        start, scalars = self.env_steps, dict[str, float]()
        if self.collect(start + max_steps):
            scalars = self.learn()
            self.record.clear()
        return Report(self.env_steps - start, int(bool(scalars)), self.episodes.take(), scalars)

    @np.errstate(all="ignore")  # what is not finite ends the run by its name
    def learn(self) -> dict[str, float]:
        """Take `n_epochs` passes of gradient steps over the episodes, and return what they measured."""
        config, measured = self.config, list[dict[str, float]]()
        returns = self.group_returns()
        samples = self.samples(relative_advantages(returns, config.scale_rewards))
        self.noted.use(clip_range=config.clip_range, clip=True)
        for epoch in range(config.n_epochs):
            self.noted.begin_pass(epoch)
            order = self.shuffle_random.permutation(len(samples.actions))
            for minibatch in samples.minibatches(order, config.batch_size):
                numbers = self.differentiate(minibatch)
                numbers["train/grad_norm"] = self.clip_gradient(numbers["train/loss"], config.max_grad_norm)
                self.optimiser.step(self.learning_rate)
                measured.append(numbers)
        return mean_of(measured) | {
            "train/reward_std": float(returns.std(axis=1).mean()),
            "train/frac_reward_zero_std": float((np.ptp(returns, axis=1) == 0).mean()),
            "train/learning_rate": self.learning_rate,
            **self.action_spread(),
        }

    def group_returns(self) -> Array:
        """Return what each episode of each group earned (K, G)."""
        earned = self.record.column("earned").sum(axis=0)
        return np.asarray(earned.reshape(self.config.n_groups, self.config.group_size))

    def samples(self, advantages: Array) -> Samples:
        """Return the steps of all episodes, each with its episode's advantage of (K, G)."""
        counts = self.record.column("counts")
        observations, actions = (self.record.column(name)[counts] for name in ("observations", "actions"))
        judged = self.judge(observations, actions)
        of_steps = np.broadcast_to(advantages.ravel().astype(np.float32), counts.shape)[counts]
        return Samples(observations, actions, judged.log_probs, judged.values, of_steps, judged.values)

    def differentiate(self, batch: Samples) -> dict[str, float]:
        """Compute the gradient of the loss of a minibatch, and return what the minibatch tells as numbers."""
        config, size = self.config, len(batch.actions)
        new = self.judge(batch.observations, batch.actions)
        log_ratio = new.log_probs - batch.old_log_probs
        ratio = np.exp(log_ratio)  # (2)
        slope = policy_slope(ratio, batch.advantages, config.clip_range)
        self.noted.ratios(log_ratio, slope)
        self.backward(new, batch.actions, log_probs=slope, entropy=-config.ent_coef / size)
        loss, bonus = policy_loss(ratio, batch.advantages, config.clip_range), float(new.entropies.mean())
        self.noted.minibatch(batch.observations, batch.actions, partial(numbers_of, batch, new, ratio, slope, config))
        return {
            "train/loss": loss - config.ent_coef * bonus,  # (5)
            "train/policy_loss": loss,
            "train/entropy": bonus,
            "train/approx_kl": float((ratio - 1 - log_ratio).mean()),
            "train/clip_fraction": float((np.abs(ratio - 1) > config.clip_range).mean()),
            "train/ratio_max": float(ratio.max()),
        }

    @property
    def learning_rate(self) -> float:
        """The step size now."""
        progress = self.env_steps / self.total_steps
        return scheduled(self.config.learning_rate, self.config.learning_rate_schedule, progress)


def numbers_of(batch: Samples, new: Judged, ratio: Array, slopes: Array, config: GRPOConfig) -> dict[str, Any]:
    """Return the columns of `MINIBATCH`, each (B,) or one number, from what `differentiate` used."""
    l_clip = clipped_losses(ratio, batch.advantages, config.clip_range)
    numbers = (
        new.log_probs, batch.old_log_probs, ratio, batch.advantages, config.clip_range, l_clip, new.entropies,
        config.ent_coef, l_clip - config.ent_coef * new.entropies, len(ratio), slopes, slopes != 0,
    )  # fmt: skip
    return dict(zip(MINIBATCH.columns, numbers, strict=True))


def told(row: Mapping[str, float]) -> str:
    """Return what to know of a sample: how its episode did in its group, and whether it still pushes."""
    if row["advantage"] == 0:
        return _("its group earned the same in every episode: nothing to learn")
    if row["slope"]:
        return (
            _("a better episode of its group: its action becomes likelier")
            if row["advantage"] > 0
            else _("a worse episode of its group: its action becomes less likely")
        )
    return _("clipped: its probability has gone far enough, so it has no gradient")


MINIBATCH = Minibatch(
    columns=(
        "log_prob", "old_log_prob", "ratio", "advantage", "clip_range", "policy_loss", "entropy", "ent_coef", "loss",
        "size", "slope", "has_slope",
    ),
    lines=(
        Line(r"\rho = \exp(\log\pi_\theta - \log\pi_{old})",
             ((r"\log\pi_\theta", "log_prob"), (r"\log\pi_{old}", "old_log_prob")), "ratio", 2),
        Line(r"\ell^{clip} = -\min(\rho\,\hat A,\; \mathrm{clip}(\rho, 1-\epsilon, 1+\epsilon)\,\hat A)",
             ((r"\rho", "ratio"), (r"\hat A", "advantage"), (r"\epsilon", "clip_range")), "policy_loss", 3),
        Line(r"\ell = \ell^{clip} - c\,H",
             ((r"\ell^{clip}", "policy_loss"), ("c", "ent_coef"), ("H", "entropy")), "loss", 5),
        Line(r"\frac{\partial L}{\partial \log\pi_\theta} = -\frac{1}{B}\,\rho\,\hat A\,\mathbb{1}_{has\,gradient}",
             (("B", "size"), (r"\rho", "ratio"), (r"\hat A", "advantage"), (r"\mathbb{1}_{has\,gradient}", "has_slope")),
             "slope", 4),
    ),
    contribution="loss",
    loss="L",
    shown=(
        ("ratio", r"\rho", _("probability of the action now against when it was taken")),
        ("advantage", r"\hat A", _("how much better its episode did than its group")),
        ("slope", r"\partial L / \partial \log\pi", _("gradient that its log-probability gets; 0 where it is clipped")),
        ("policy_loss", r"\ell^{clip}", _("its part of the policy's loss")),
        ("loss", r"\ell", _("its part of the loss, before the mean")),
    ),
    note=told,
)  # fmt: skip


def check(config: GRPOConfig, environment: Environment) -> None:
    """Refuse groups whose episodes may together be too many numbers to keep.

    Raises:
        InvalidInput: naming the most groups that fit, or the largest one.
    """
    size = config.group_size
    most, rule = most_episodes(config.n_episodes, environment)
    if config.n_episodes <= most:
        return
    if most < SMALLEST_GROUP:
        raise InvalidInput.one("config.group_size", size, rule, TOO_LARGE)
    if most < size:
        way_out = filled(_("Use at most {most}, and 1 for n_groups."), most=most)
        raise InvalidInput.one("config.group_size", size, rule, way_out)
    way_out = filled(_("Use at most {most}, or lower group_size."), most=most // size)
    raise InvalidInput.one("config.n_groups", config.n_groups, rule, way_out)


SPEC = AlgorithmSpec(
    id="grpo",
    name=_("GRPO"),
    summary=_("Episodes from the same start are compared with each other, so no critic is needed; clipped as in PPO."),
    family="policy_based",
    version=2,
    config=GRPOConfig,
    agent=GRPOAgent,
    smoke=Smoke("CartPole-v1", 60_000, {"n_groups": 2, "group_size": 4, "learning_rate": 5e-3}),
    actions="any",
    parent="ppo",
    emits=(
        "train/loss", "train/policy_loss", "train/entropy", "train/approx_kl", "train/clip_fraction", "train/ratio_max",
        "train/reward_std", "train/frac_reward_zero_std", "train/learning_rate", "train/grad_norm", "train/action_std",
    ),
    signals=POLICY_SIGNALS,
    minibatch=MINIBATCH,
    default_steps=300_000,
    references=(
        "Shao et al. (2024), DeepSeekMath: pushing the limits of mathematical reasoning in open language models, arXiv 2402.03300",
        "Liu et al. (2025), Understanding R1-Zero-like training: a critical perspective, arXiv 2503.20783",
    ),
    check=check,
)  # fmt: skip
