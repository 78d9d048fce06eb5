r"""Proximal policy optimisation (PPO).

Collect a rollout with the current policy, then take several passes of gradient steps over it. The clipped objective takes
away the reason to move any action's probability further than a factor 1 ± ε from the policy that collected the data.

The ratio of the new to the old probability of the action taken, and the clipped surrogate, whose negative is minimised:

$$\rho_t(\theta) = \frac{\pi_\theta(a_t \mid s_t)}{\pi_{\theta_{old}}(a_t \mid s_t)} \tag{1}$$

$$L^{clip}(\theta) = -\,\mathbb{E}_t\big[\min\big(\rho_t \hat A_t,\; \mathrm{clip}(\rho_t, 1-\epsilon, 1+\epsilon)\,\hat A_t\big)\big] \tag{2}$$

Advantages are generalized advantage estimates; their sum with the old value is the critic's target:

$$\delta_t = r_{t+1} + \gamma V^{next}_t - V(s_t), \qquad \hat A_t = \delta_t + \gamma\lambda\,\hat A_{t+1} \tag{3}$$

$$L^{V}(\theta) = \mathbb{E}_t\big[(V_\theta(s_t) - \hat G_t)^2\big], \qquad \hat G_t = \hat A_t + V(s_t) \tag{4}$$

Both ends of an episode cut the sum in (3). What follows a terminated step is worth 0; what follows a truncated one is worth
the value of the state it was stopped in. The loss adds the critic and a bonus for the entropy H of the policy:

$$L(\theta) = L^{clip} + c_1 L^{V} - c_2\, \mathbb{E}_t[H(\pi_\theta(\cdot \mid s_t))] \tag{5}$$

Its gradient flows through the log-probabilities of the actions taken, and a sample whose probability has already gone far
enough in the direction of its advantage has none:

$$\frac{\partial L^{clip}}{\partial \log \pi_\theta(a_t \mid s_t)} = -\frac1B\, \rho_t \hat A_t \cdot \begin{cases} 0 & \hat A_t > 0 \text{ and } \rho_t > 1 + \epsilon, \text{ or } \hat A_t < 0 \text{ and } \rho_t < 1 - \epsilon \\ 1 & \text{otherwise} \end{cases} \tag{6}$$

Between (3) and (2) the advantages of each minibatch are brought to mean 0 and deviation 1, unless `normalize_advantage` is off; the
targets of (4) are made of them as they were. A gradient longer than `max_grad_norm` is shortened to it.

With `clip_range_vf` above 0 the critic, too, is kept near its old values: (4) is taken of V clipped to that distance, so that a
value that has gone further has no gradient; with `value_error` "larger" the larger of this and the free error counts, so that
only a value that has gone too far towards its target has none.

What this file leaves out:
1. exploration that depends on the state;
2. a network shared by policy and critic, as for images.

Sources: Schulman et al. (2017), "Proximal policy optimization algorithms", arXiv 1707.06347; Huang et al. (2022), "The 37
implementation details of PPO"; defaults and learning-rate schedule of Stable-Baselines3.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from pydantic import ValidationInfo, field_validator

from app.core.config import BrokenRule, Hyper
from app.core.contracts import Array, Problem
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Line, Minibatch, Smoke
from app.core.text import _, filled
from app.parts.kept_steps import RolloutSize, divisor_near
from app.parts.on_policy import ROLLOUT_SIGNALS, RolloutLearner
from app.parts.optimisers import Adam
from app.parts.policy_learner import Judged, NetworkChoices, Samples, mean_of, standardised
from app.parts.schedules import KINDS, scheduled

VALUE_ERRORS = ("clipped", "larger")


class PPOConfig(RolloutSize, NetworkChoices):
    """Hyperparameters of PPO; the defaults are those of Stable-Baselines3."""

    # fmt: off
    learning_rate: float = Hyper(3e-4, above=0, high=1, symbol=r"\alpha", scale="log", live="update",
        help=_("Step size of Adam: raising it learns faster until updates overshoot and the policy collapses."))
    learning_rate_schedule: str = Hyper("constant", choices=KINDS, live="update",
        help=_("Linear lowers the learning rate to 0 over the budget, which settles the final policy."))
    n_envs: int = Hyper(1, low=1, high=64, unit=_("environments"), settled=True,
        help=_("Copies of the environment stepped together: raising it gives more varied data per rollout and runs faster."))
    n_steps: int = Hyper(2048, low=2, high=16_384, unit=_("env steps"), settled=True,
        help=_("Steps of each environment per rollout: raising it lowers the noise of an update and makes updates rarer."))
    batch_size: int = Hyper(64, low=2, high=65_536, unit=_("samples"), live="update",
        help=_("Samples per gradient step: raising it gives fewer, steadier steps. Must divide n_steps × n_envs."))
    n_epochs: int = Hyper(10, low=1, high=50, unit=_("epochs"), live="update",
        help=_("Passes over each rollout: raising it uses the data more and moves the policy further from it."))
    gamma: float = Hyper(0.99, low=0, high=1, symbol=r"\gamma", live="update",
        help=_("Discount: raising it makes the agent look further ahead and the estimates noisier."))
    gae_lambda: float = Hyper(0.95, low=0, high=1, symbol=r"\lambda", live="update",
        help=_("Trace of the advantages: 0 trusts the critic (biased), 1 the observed returns (noisy)."))
    clip_range: float = Hyper(0.2, above=0, high=1, symbol=r"\epsilon", live="update",
        help=_("Half width of the clip interval: raising it lets one update change the policy more."))
    clip_range_schedule: str = Hyper("constant", choices=KINDS, live="update", advanced=True,
        help=_("Linear narrows the clip interval to 0 over the budget."))
    clip: bool = Hyper(True, live="update", advanced=True,
        help=_("Off, the ratio is free: several passes over one rollout then push the policy as far as they can."))
    clip_range_vf: float = Hyper(0.0, low=0, high=1e6, unit=_("reward"), live="update", advanced=True,
        help=_("How far a new value may count as moved from the old one: raising it from near 0 frees the critic; 0 itself never clips."))
    value_error: str = Hyper("clipped", choices=VALUE_ERRORS, live="update", advanced=True,
        help=_("Where values are clipped: the clipped error, as in Stable-Baselines3, or the larger of it and the free one, as in CleanRL."))
    ent_coef: float = Hyper(0.0, low=0, high=1, symbol="c_2", live="update",
        help=_("Weight of the entropy bonus: raising it keeps the policy exploring."))
    vf_coef: float = Hyper(0.5, low=0, high=10, symbol="c_1", live="update", advanced=True,
        help=_("Weight of the critic's loss: raising it favours the critic where the gradient norm is clipped."))
    max_grad_norm: float = Hyper(0.5, above=0, high=1e6, live="update", advanced=True,
        help=_("Largest gradient norm: raising it lets rare large gradients through."))
    normalize_advantage: bool = Hyper(True, live="update", advanced=True,
        help=_("Scale the advantages of each minibatch to mean 0 and deviation 1, so that the step size does not depend on the reward's scale."))
    target_kl: float = Hyper(0.0, low=0, high=10, unit=_("nats"), live="update", advanced=True,
        help=_("Stop the passes over a rollout when the policy has moved 1.5 times this far; 0 never stops."))
    # fmt: on

    @field_validator("batch_size")
    @classmethod
    def _check_minibatches(cls, value: int, info: ValidationInfo) -> int:
        n_steps, n_envs = info.data.get("n_steps"), info.data.get("n_envs")
        if n_steps is None or n_envs is None:
            return value
        size = n_steps * n_envs
        if size % value:
            near = divisor_near(size, value)
            rule = _("must divide n_steps × n_envs = {n_steps} × {n_envs} = {size}; {near} does")
            way_out = filled(_("Use {near}, or change n_steps or n_envs."), near=near)
            raise BrokenRule(filled(rule, n_steps=n_steps, n_envs=n_envs, size=size, near=near), way_out)
        return value


def clipped_losses(ratio: Array, advantages: Array, clip_range: float) -> Array:
    """Return each sample's part of L^clip (2) for ratios and advantages, all (B,)."""
    clipped = np.clip(ratio, 1 - clip_range, 1 + clip_range)
    return np.asarray(-np.minimum(ratio * advantages, clipped * advantages))  # (2)


def policy_loss(ratio: Array, advantages: Array, clip_range: float) -> float:
    """Return L^clip (2) for ratios and advantages, each (B,)."""
    return float(clipped_losses(ratio, advantages, clip_range).mean())


def policy_slope(ratio: Array, advantages: Array, clip_range: float) -> Array:
    """Return ∂L^clip / ∂log π (B,) for ratios and advantages, each (B,)."""
    has_gone_far = np.where(advantages > 0, ratio > 1 + clip_range, ratio < 1 - clip_range)
    return np.asarray(np.where(has_gone_far, 0, ratio * advantages) / -len(ratio))  # (6)


def clipped_values(values: Array, old_values: Array, clip_range: float) -> tuple[Array, Array]:
    """Return values (B,) put within `clip_range` of the old ones, and whether each was within (B,); 0 never clips."""
    if not clip_range:
        return values, np.ones(len(values), np.bool_)
    change = values - old_values
    return np.asarray(old_values + np.clip(change, -clip_range, clip_range)), np.abs(change) <= clip_range


def with_larger_error(values: Array, clipped: Array, returns: Array) -> tuple[Array, Array]:
    """Return of values and clipped values those further from their targets, and whether they are the free ones, each (B,)."""
    is_free = np.square(values - returns) >= np.square(clipped - returns)
    return np.where(is_free, values, clipped), is_free


def value_loss(values: Array, returns: Array) -> float:
    """Return the mean squared error L^V (4) of values against targets, each (B,)."""
    return float(np.square(values - returns).mean())  # (4)


class PPOAgent(RolloutLearner):
    """A policy and a critic, trained by PPO on N environments at once."""

    config: PPOConfig
    saved = (*RolloutLearner.saved, "optimiser")
    counters = {**RolloutLearner.counters, "orders_drawn": "shuffle_random"}

    def __init__(self, config: PPOConfig, problem: Problem) -> None:
        super().__init__(config, problem)
        self.optimiser = Adam(self.networks, epsilon=1e-5)
        self.shuffle_random = problem.stream("minibatches")

    def update(self, max_steps: int) -> Report:
        """Collect until the rollout is full, then learn from it; return sooner after `max_steps` steps."""
        start, scalars = self.env_steps, dict[str, float]()
        if self.collect(start + max_steps):
            scalars = self.learn()
            self.rollout.clear()
        return Report(self.env_steps - start, int(bool(scalars)), self.episodes.take(), scalars)

    @np.errstate(all="ignore")  # what is not finite ends the run by its name
    def learn(self) -> dict[str, float]:
        """Take `n_epochs` passes of gradient steps over the rollout, and return what they measured."""
        config, measured = self.config, list[dict[str, float]]()
        samples, _old = self.estimate()  # (3)
        self.noted.use(clip_range=self.clip_range, clip=config.clip, target_kl=config.target_kl)
        for epoch in range(config.n_epochs):
            self.noted.begin_pass(epoch)
            order = self.shuffle_random.permutation(len(samples.actions))
            for minibatch in samples.minibatches(order, config.batch_size):
                numbers = self.differentiate(minibatch)
                measured.append(numbers)
                if config.target_kl and numbers["train/approx_kl"] > 1.5 * config.target_kl:
                    return self.summary(samples, measured, epochs_run=epoch + 1)
                numbers["train/grad_norm"] = self.clip_gradient(numbers["train/loss"], config.max_grad_norm)
                self.optimiser.step(self.learning_rate)
        return self.summary(samples, measured, epochs_run=config.n_epochs)

    def differentiate(self, batch: Samples) -> dict[str, float]:
        """Compute the gradient of the loss L (5) of a minibatch, and return the loss and its parts as numbers."""
        config, clip_range, size = self.config, self.clip_range if self.config.clip else np.inf, len(batch.actions)
        new = self.judge(batch.observations, batch.actions)
        log_ratio = new.log_probs - batch.old_log_probs
        ratio = np.exp(log_ratio)  # (1)
        advantages = standardised(batch.advantages) if config.normalize_advantage else batch.advantages
        values, has_slope = clipped_values(new.values, batch.values, config.clip_range_vf)
        if config.value_error == "larger":
            values, has_slope = with_larger_error(new.values, values, batch.returns)
        slopes = policy_slope(ratio, advantages, clip_range)
        self.backward(
            new, batch.actions,
            log_probs=slopes,
            entropy=-config.ent_coef / size,
            values=config.vf_coef * 2 / size * (values - batch.returns) * has_slope,
        )  # fmt: skip
        l_clip, l_value = policy_loss(ratio, advantages, clip_range), value_loss(values, batch.returns)
        bonus = float(new.entropies.mean())
        self.noted.ratios(log_ratio, slopes)
        used = {"ratio": ratio, "advantages": advantages, "values": values, "slopes": slopes}
        self.noted.minibatch(
            batch.observations, batch.actions, partial(numbers_of, batch, new, used, config, clip_range)
        )
        return {
            "train/loss": l_clip + config.vf_coef * l_value - config.ent_coef * bonus,  # (5)
            "train/policy_loss": l_clip,
            "train/value_loss": l_value,
            "train/entropy": bonus,
            "train/approx_kl": float((ratio - 1 - log_ratio).mean()),
            "train/clip_fraction": float((np.abs(ratio - 1) > self.clip_range).mean()),
            "train/ratio_max": float(ratio.max()),
        }

    @property
    def learning_rate(self) -> float:
        """The step size now."""
        progress = self.env_steps / self.total_steps
        return scheduled(self.config.learning_rate, self.config.learning_rate_schedule, progress)

    @property
    def clip_range(self) -> float:
        """The clip interval's half width now."""
        progress = self.env_steps / self.total_steps
        return scheduled(self.config.clip_range, self.config.clip_range_schedule, progress)

    def summary(self, samples: Samples, measured: list[dict[str, float]], *, epochs_run: int) -> dict[str, float]:
        """Return the scalars of one update: means over its minibatches, but the largest of the ratios."""
        return (
            mean_of(measured)
            | self.spread(samples)
            | {
                "train/ratio_max": max(numbers["train/ratio_max"] for numbers in measured),
                "train/learning_rate": self.learning_rate,
                "train/clip_range": self.clip_range,
                "train/epochs_run": float(epochs_run),
            }
        )


def numbers_of(
    batch: Samples, new: Judged, used: Mapping[str, Array], config: PPOConfig, clip_range: float
) -> dict[str, Any]:
    """Return the columns of `MINIBATCH`, each (B,) or one number, from what `differentiate` used."""
    l_clip = clipped_losses(used["ratio"], used["advantages"], clip_range)
    l_value = np.square(used["values"] - batch.returns)
    numbers = (
        new.log_probs, batch.old_log_probs, used["ratio"], used["advantages"], clip_range, l_clip,
        used["values"], batch.returns, l_value, new.entropies, config.vf_coef, config.ent_coef,
        l_clip + config.vf_coef * l_value - config.ent_coef * new.entropies,
        len(batch.actions), used["slopes"], used["slopes"] != 0,
    )  # fmt: skip
    return dict(zip(MINIBATCH.columns, numbers, strict=True))


def told(row: Mapping[str, float]) -> str:
    """Return what to know of a sample: which way it pushes, and whether it still may."""
    if row["slope"]:
        return _("its action becomes likelier") if row["advantage"] > 0 else _("its action becomes less likely")
    if row["advantage"] > 0 and row["ratio"] > 1 + row["clip_range"]:
        return _("clipped: its action is likelier than before by more than the clip range, so it has no gradient")
    if row["advantage"] < 0 and row["ratio"] < 1 - row["clip_range"]:
        return _("clipped: its action is less likely than before by more than the clip range, so it has no gradient")
    return _("no gradient: its action is pushed neither way")


MINIBATCH = Minibatch(
    columns=(
        "log_prob", "old_log_prob", "ratio", "advantage", "clip_range", "policy_loss", "value", "return", "value_loss",
        "entropy", "vf_coef", "ent_coef", "loss", "size", "slope", "has_slope",
    ),
    lines=(
        Line(r"\rho = \exp(\log\pi_\theta - \log\pi_{old})",
             ((r"\log\pi_\theta", "log_prob"), (r"\log\pi_{old}", "old_log_prob")), "ratio", 1),
        Line(r"\ell^{clip} = -\min(\rho\,\hat A,\; \mathrm{clip}(\rho, 1-\epsilon, 1+\epsilon)\,\hat A)",
             ((r"\rho", "ratio"), (r"\hat A", "advantage"), (r"\epsilon", "clip_range")), "policy_loss", 2),
        Line(r"\ell^{V} = (V - \hat G)^2", (("V", "value"), (r"\hat G", "return")), "value_loss", 4),
        Line(r"\ell = \ell^{clip} + c_1\,\ell^{V} - c_2\,H",
             ((r"\ell^{clip}", "policy_loss"), ("c_1", "vf_coef"), (r"\ell^{V}", "value_loss"), ("c_2", "ent_coef"),
              ("H", "entropy")), "loss", 5),
        Line(r"\frac{\partial L}{\partial \log\pi_\theta} = -\frac{1}{B}\,\rho\,\hat A\,\mathbb{1}_{has\,gradient}",
             (("B", "size"), (r"\rho", "ratio"), (r"\hat A", "advantage"), (r"\mathbb{1}_{has\,gradient}", "has_slope")),
             "slope", 6),
    ),
    contribution="loss",
    loss="L",
    shown=(
        ("ratio", r"\rho", _("probability of the action now against when it was taken")),
        ("advantage", r"\hat A", _("advantage, as the loss has it")),
        ("slope", r"\partial L / \partial \log\pi", _("gradient that its log-probability gets; 0 where it is clipped")),
        ("policy_loss", r"\ell^{clip}", _("its part of the policy's loss")),
        ("value_loss", r"\ell^{V}", _("its part of the critic's loss")),
        ("loss", r"\ell", _("its part of the loss, before the mean")),
    ),
    note=told,
)  # fmt: skip

SPEC = AlgorithmSpec(
    id="ppo",
    name=_("PPO"),
    summary=_("Policy gradient with a clipped objective: several safe passes of gradient steps over each rollout."),
    family="policy_based",
    version=2,
    config=PPOConfig,
    agent=PPOAgent,
    smoke=Smoke(
        "CartPole-v1", 20_480,
        {"n_envs": 8, "n_steps": 64, "batch_size": 128, "n_epochs": 3, "learning_rate": 3e-3},
    ),
    actions="any",
    parent="a2c",
    emits=(
        "train/loss", "train/policy_loss", "train/value_loss", "train/entropy", "train/explained_variance",
        "train/advantage_mean", "train/advantage_std", "train/approx_kl", "train/clip_fraction", "train/clip_range",
        "train/ratio_max", "train/epochs_run", "train/learning_rate", "train/grad_norm",
        "train/action_std",
    ),
    signals=ROLLOUT_SIGNALS,
    minibatch=MINIBATCH,
    default_steps=100_000,
    references=(
        "Schulman, Wolski, Dhariwal, Radford, Klimov (2017), Proximal policy optimization algorithms, arXiv 1707.06347",
        "Huang et al. (2022), The 37 implementation details of proximal policy optimization, ICLR blog track",
    ),
)  # fmt: skip
