r"""Advantage actor-critic (A2C).

Several environments take a few steps each with the current policy; one gradient step follows at once, and the steps are
thrown away. The critic says what was to be expected, so that an action is judged by how much better it turned out.

The advantage is the discounted sum of the critic's one-step errors, with λ = 1 the observed rewards and, after them, what
the critic expects of the rest, minus what it expected at the start:

$$\delta_t = r_{t+1} + \gamma V^{next}_t - V(s_t), \qquad \hat A_t = \delta_t + \gamma\lambda\,\hat A_{t+1} \tag{1}$$

Both ends of an episode cut the sum. What follows a terminated step is worth 0; what follows a truncated one is worth the
value of the state it was stopped in; and after the last step of a rollout the value of the state reached follows. Actions
with a positive advantage become likelier, and the critic moves to the target $\hat G_t = \hat A_t + V(s_t)$:

$$L^{\pi}(\theta) = -\,\mathbb{E}_t\big[\hat A_t \log \pi_\theta(a_t \mid s_t)\big] \tag{2}$$

$$L^{V}(\theta) = \mathbb{E}_t\big[(V_\theta(s_t) - \hat G_t)^2\big] \tag{3}$$

$$L(\theta) = L^{\pi} + c_1 L^{V} - c_2\, \mathbb{E}_t[H(\pi_\theta(\cdot \mid s_t))] \tag{4}$$

What this file leaves out:
1. workers that each change the parameters at their own time (A3C): nothing is gained by it on one machine;
2. a network shared by policy and critic, as for images;
3. a second pass over the data: without a ratio of probabilities it would be wrong.

Sources: Mnih et al. (2016), "Asynchronous methods for deep reinforcement learning", arXiv 1602.01783; defaults of
Stable-Baselines3, with the RMSprop of TensorFlow that it has as an option: its own begins with ten times longer steps.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from app.core.config import Hyper
from app.core.contracts import Array, Problem
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Line, Minibatch, Smoke
from app.core.text import _
from app.parts.kept_steps import RolloutSize
from app.parts.on_policy import ROLLOUT_SIGNALS, RolloutLearner
from app.parts.optimisers import Adam, RMSprop
from app.parts.policy_learner import Judged, NetworkChoices, Samples, standardised
from app.parts.schedules import KINDS, scheduled


class A2CConfig(RolloutSize, NetworkChoices):
    """Hyperparameters of A2C; the defaults are those of Stable-Baselines3."""

    # fmt: off
    n_envs: int = Hyper(1, low=1, high=64, unit=_("environments"), settled=True,
        help=_("Copies of the environment stepped together: raising it makes each gradient surer and each update dearer."))
    n_steps: int = Hyper(5, low=1, high=16_384, unit=_("env steps"), settled=True,
        help=_("Steps of each environment per update: raising it relies more on rewards than on the critic, and makes updates rarer."))
    learning_rate: float = Hyper(7e-4, above=0, high=1, symbol=r"\alpha", scale="log", live="update",
        help=_("Step size: raising it learns faster until updates overshoot and the policy collapses."))
    learning_rate_schedule: str = Hyper("constant", choices=KINDS, live="update",
        help=_("Linear lowers the learning rate to 0 over the budget, which settles the final policy."))
    gamma: float = Hyper(0.99, low=0, high=1, symbol=r"\gamma", live="update",
        help=_("Discount: raising it makes the agent look further ahead and the estimates noisier."))
    gae_lambda: float = Hyper(1.0, low=0, high=1, symbol=r"\lambda", live="update",
        help=_("Trace of the advantages: 0 trusts the critic (biased), 1 the observed returns (noisy)."))
    ent_coef: float = Hyper(0.0, low=0, high=1, symbol="c_2", live="update",
        help=_("Weight of the entropy bonus: raising it keeps the policy exploring."))
    vf_coef: float = Hyper(0.5, low=0, high=10, symbol="c_1", live="update", advanced=True,
        help=_("Weight of the critic's loss: raising it favours the critic where the gradient norm is clipped."))
    max_grad_norm: float = Hyper(0.5, above=0, high=1e6, live="update", advanced=True,
        help=_("Largest gradient norm: raising it lets rare large gradients through."))
    normalize_advantage: bool = Hyper(False, live="update", advanced=True,
        help=_("Scale the advantages of each update to mean 0 and deviation 1, so that the step size does not depend on the reward's scale."))
    use_rms_prop: bool = Hyper(True, advanced=True, settled=True,
        help=_("RMSprop as in the paper; off takes Adam."))
    # fmt: on


def policy_loss(log_probs: Array, advantages: Array) -> float:
    """Return L^π (2) for log-probabilities and advantages, each (B,)."""
    return -float((advantages * log_probs).mean())  # (2)


def value_loss(values: Array, returns: Array) -> float:
    """Return the mean squared error L^V (3) of values against targets, each (B,)."""
    return float(np.square(values - returns).mean())  # (3)


class A2CAgent(RolloutLearner):
    """A policy and a critic, trained by A2C on N environments at once."""

    config: A2CConfig
    saved = (*RolloutLearner.saved, "optimiser")

    def __init__(self, config: A2CConfig, problem: Problem) -> None:
        super().__init__(config, problem)
        self.optimiser = RMSprop(self.networks) if config.use_rms_prop else Adam(self.networks, epsilon=1e-5)

    def update(self, max_steps: int) -> Report:
        """Collect until the rollout is full, then learn from it; return sooner after `max_steps` steps."""
        start, scalars = self.env_steps, dict[str, float]()
        if self.collect(start + max_steps):
            scalars = self.learn()
            self.rollout.clear()
        return Report(self.env_steps - start, int(bool(scalars)), self.episodes.take(), scalars)

    @np.errstate(all="ignore")  # what is not finite ends the run by its name
    def learn(self) -> dict[str, float]:
        """Take one gradient step on the whole rollout, and return what it measured."""
        samples, judged = self.estimate()  # (1)
        numbers = self.differentiate(samples, judged)
        norm = self.clip_gradient(numbers["train/loss"], self.config.max_grad_norm)
        rate = self.learning_rate
        self.optimiser.step(rate)
        return numbers | self.spread(samples) | {"train/grad_norm": norm, "train/learning_rate": rate}

    def differentiate(self, samples: Samples, judged: Judged) -> dict[str, float]:
        """Compute the gradient of the loss L (4), and return the loss and its parts as numbers."""
        config, size = self.config, len(samples.actions)
        advantages = standardised(samples.advantages) if config.normalize_advantage else samples.advantages
        self.backward(
            judged, samples.actions,
            log_probs=advantages / -size,
            entropy=-config.ent_coef / size,
            values=config.vf_coef * 2 / size * (judged.values - samples.returns),
        )  # fmt: skip
        l_policy, l_value = policy_loss(judged.log_probs, advantages), value_loss(judged.values, samples.returns)
        bonus = float(judged.entropies.mean())
        seen = samples.observations.copy(), samples.actions.copy()  # the rollout's own are written over
        self.noted.minibatch(*seen, partial(numbers_of, samples, judged, advantages, config))
        return {
            "train/loss": l_policy + config.vf_coef * l_value - config.ent_coef * bonus,  # (4)
            "train/policy_loss": l_policy,
            "train/value_loss": l_value,
            "train/entropy": bonus,
        }

    @property
    def learning_rate(self) -> float:
        """The step size now."""
        progress = self.env_steps / self.total_steps
        return scheduled(self.config.learning_rate, self.config.learning_rate_schedule, progress)


def numbers_of(samples: Samples, judged: Judged, advantages: Array, config: A2CConfig) -> dict[str, Any]:
    """Return the columns of `MINIBATCH`, each (B,) or one number, from what `differentiate` used."""
    size, l_policy = len(advantages), -advantages * judged.log_probs
    l_value = np.square(judged.values - samples.returns)
    loss = l_policy + config.vf_coef * l_value - config.ent_coef * judged.entropies
    numbers = (
        judged.log_probs, advantages, l_policy, judged.values, samples.returns, l_value, judged.entropies,
        config.vf_coef, config.ent_coef, loss, advantages / -size,
    )  # fmt: skip
    return dict(zip(MINIBATCH.columns, numbers, strict=True))


def told(row: Mapping[str, float]) -> str:
    """Return what to know of a sample: which way it pushes."""
    if not row["slope"]:
        return _("no gradient: its action is pushed neither way")
    return _("its action becomes likelier") if row["advantage"] > 0 else _("its action becomes less likely")


MINIBATCH = Minibatch(
    columns=(
        "log_prob", "advantage", "policy_loss", "value", "return", "value_loss", "entropy", "vf_coef", "ent_coef",
        "loss", "slope",
    ),
    lines=(
        Line(r"\ell^{\pi} = -\hat A\,\log\pi_\theta", ((r"\hat A", "advantage"), (r"\log\pi_\theta", "log_prob")),
             "policy_loss", 2),
        Line(r"\ell^{V} = (V - \hat G)^2", (("V", "value"), (r"\hat G", "return")), "value_loss", 3),
        Line(r"\ell = \ell^{\pi} + c_1\,\ell^{V} - c_2\,H",
             ((r"\ell^{\pi}", "policy_loss"), ("c_1", "vf_coef"), (r"\ell^{V}", "value_loss"), ("c_2", "ent_coef"),
              ("H", "entropy")), "loss", 4),
    ),
    contribution="loss",
    loss="L",
    shown=(
        ("log_prob", r"\log\pi", _("log-probability of the action taken")),
        ("advantage", r"\hat A", _("advantage, as the loss has it")),
        ("policy_loss", r"\ell^{\pi}", _("its part of the policy's loss")),
        ("value_loss", r"\ell^{V}", _("its part of the critic's loss")),
        ("loss", r"\ell", _("its part of the loss, before the mean")),
        ("slope", r"\partial L / \partial \log\pi", _("gradient that its log-probability gets")),
    ),
    note=told,
)  # fmt: skip

SPEC = AlgorithmSpec(
    id="a2c",
    name=_("A2C"),
    summary=_("A critic judges a few steps of several environments; one gradient step, and on."),
    family="policy_based",
    version=1,
    config=A2CConfig,
    agent=A2CAgent,
    smoke=Smoke("CartPole-v1", 30_000, {"n_envs": 8, "learning_rate": 2e-3}),
    actions="any",
    parent="reinforce",
    emits=(
        "train/loss", "train/policy_loss", "train/value_loss", "train/entropy", "train/explained_variance",
        "train/advantage_mean", "train/advantage_std", "train/learning_rate", "train/grad_norm", "train/action_std",
    ),
    signals=ROLLOUT_SIGNALS,
    minibatch=MINIBATCH,
    default_steps=500_000,
    references=("Mnih et al. (2016), Asynchronous methods for deep reinforcement learning, ICML, arXiv 1602.01783",),
)  # fmt: skip
