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

What this file leaves out:
1. exploration that depends on the state;
2. clipping of the value loss, which the paper does not have and which rarely helps;
3. a network shared by policy and critic, as for images.

Sources: Schulman et al. (2017), "Proximal policy optimization algorithms", arXiv 1707.06347; Huang et al. (2022), "The 37
implementation details of PPO"; defaults and learning-rate schedule of Stable-Baselines3.
"""

import math

import numpy as np
import torch
from pydantic import ValidationInfo, field_validator
from torch import Tensor

from app.core.config import Hyper
from app.core.contracts import Problem
from app.core.errors import TrainingDiverged
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.on_policy import MAX_ROLLOUT, NetworkChoices, RolloutLearner, Samples
from app.parts.optimisers import Adam, clip_norm
from app.parts.schedules import KINDS, scheduled


class PPOConfig(NetworkChoices):
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
    batch_size: int = Hyper(64, low=2, high=65_536, unit=_("samples"),
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
        if size > MAX_ROLLOUT:
            rule = _("a rollout of n_steps × n_envs = {size} is more than {limit}")
            raise ValueError(rule.format(size=size, limit=MAX_ROLLOUT))
        if size % value:
            below = max(divisor for divisor in range(1, min(value, size) + 1) if size % divisor == 0)
            rule = _("must divide n_steps × n_envs = {n_steps} × {n_envs} = {size}; {below} does")
            raise ValueError(rule.format(n_steps=n_steps, n_envs=n_envs, size=size, below=below))
        return value


def policy_loss(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, clip_range: float) -> Tensor:
    """Return L^clip (2) for log-probabilities under the new and the old policy and advantages, each (B,)."""
    ratio = torch.exp(log_probs - old_log_probs)  # (1)
    clipped = torch.clamp(ratio, 1 - clip_range, 1 + clip_range)
    return -torch.min(ratio * advantages, clipped * advantages).mean()  # (2)


def value_loss(values: Tensor, returns: Tensor) -> Tensor:
    """Return the mean squared error L^V (4) of values against targets, each (B,)."""
    return (values - returns).square().mean()  # (4)


def normalise(advantages: Tensor) -> Tensor:
    """Return advantages (B,) with mean 0 and deviation 1."""
    return (advantages - advantages.mean()) / (advantages.std() + 1e-8)


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

    def learn(self) -> dict[str, float]:
        """Take `n_epochs` passes of gradient steps over the rollout, and return what they measured."""
        config = self.config
        samples, measured = self.estimate(), []  # (3)
        for epoch in range(config.n_epochs):
            order = self.shuffle_random.permutation(len(samples.actions))
            for minibatch in samples.minibatches(order, config.batch_size):
                loss, numbers = self.loss(minibatch)
                measured.append(numbers)
                if config.target_kl and numbers["train/approx_kl"] > 1.5 * config.target_kl:
                    return self.summary(samples, measured, epochs_run=epoch + 1)
                numbers["train/grad_norm"] = self.descend(loss, numbers["train/loss"])
        return self.summary(samples, measured, epochs_run=config.n_epochs)

    def loss(self, batch: Samples) -> tuple[Tensor, dict[str, float]]:
        """Return the loss L (5) of a minibatch, and its parts as numbers."""
        config, clip_range = self.config, self.clip_range
        log_probs, entropy = self.log_prob_and_entropy(batch.observations, batch.actions)
        values = self.critic(batch.observations)[:, 0]
        advantages = normalise(batch.advantages) if config.normalize_advantage else batch.advantages
        l_clip = policy_loss(log_probs, batch.old_log_probs, advantages, clip_range)
        l_value, bonus = value_loss(values, batch.returns), entropy.mean()
        loss = l_clip + config.vf_coef * l_value - config.ent_coef * bonus  # (5)
        log_ratio = (log_probs.detach() - batch.old_log_probs).numpy()
        ratio = np.exp(log_ratio)
        return loss, {
            "train/loss": loss.item(),
            "train/policy_loss": l_clip.item(),
            "train/value_loss": l_value.item(),
            "train/entropy": bonus.item(),
            "train/approx_kl": float((ratio - 1 - log_ratio).mean()),
            "train/clip_fraction": float((np.abs(ratio - 1) > clip_range).mean()),
            "train/ratio_max": float(ratio.max()),
        }

    def descend(self, loss: Tensor, value: float) -> float:
        """Take one step of Adam down the loss, whose number is `value`, and return the norm of its gradient."""
        self.networks.backward(loss)
        norm = clip_norm(self.networks.gradient, self.config.max_grad_norm)
        for scalar, number in (("train/loss", value), ("train/grad_norm", norm)):
            if not math.isfinite(number):
                raise TrainingDiverged(scalar, self.env_steps, number)
        self.optimiser.step(self.learning_rate)
        return norm

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
        names = measured[0].keys()
        scalars = {name: float(np.mean([numbers[name] for numbers in measured if name in numbers])) for name in names}
        return (
            scalars
            | self.spread(samples)
            | {
                "train/ratio_max": max(numbers["train/ratio_max"] for numbers in measured),
                "train/learning_rate": self.learning_rate,
                "train/clip_range": self.clip_range,
                "train/epochs_run": float(epochs_run),
            }
        )


SPEC = AlgorithmSpec(
    id="ppo",
    name=_("PPO"),
    summary=_("Policy gradient with a clipped objective: several safe passes of gradient steps over each rollout."),
    family="policy_based",
    version=1,
    config=PPOConfig,
    agent=PPOAgent,
    smoke=Smoke(
        "CartPole-v1", 20_480,
        {"n_envs": 8, "n_steps": 64, "batch_size": 128, "n_epochs": 3, "learning_rate": 3e-3},
    ),
    actions="any",
    emits=(
        "train/loss", "train/policy_loss", "train/value_loss", "train/entropy", "train/explained_variance",
        "train/advantage_mean", "train/advantage_std", "train/approx_kl", "train/clip_fraction", "train/clip_range",
        "train/ratio_max", "train/epochs_run", "train/learning_rate", "train/grad_norm",
        "train/action_std",
    ),
    signals=("v_at", "policy_at", "action_at", "visited", "weights"),
    default_steps=100_000,
    references=(
        "Schulman, Wolski, Dhariwal, Radford, Klimov (2017), Proximal policy optimization algorithms, arXiv 1707.06347",
        "Huang et al. (2022), The 37 implementation details of proximal policy optimization, ICLR blog track",
    ),
)  # fmt: skip
