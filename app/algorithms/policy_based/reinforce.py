r"""REINFORCE, with or without a baseline.

Play a few whole episodes, and raise the probability of every action by what was earned after it. Nothing is guessed: the
gradient is right on average, and noisy. A baseline, what was to be expected anyway, takes much of the noise away.

The return of a step and the gradient of the expected return, estimated from B steps of whole episodes:

$$G_t = r_{t+1} + \gamma G_{t+1} \tag{1}$$

$$\nabla J(\theta) \approx \frac1B \sum_t \nabla_\theta \log \pi_\theta(a_t \mid s_t)\, \big(G_t - b(s_t)\big) \tag{2}$$

Subtracting $b(s_t)$ changes no mean, because the probabilities of a state's actions always sum to one. The best simple choice
is what the state is worth, so the baseline is a critic fitted to the returns:

$$L^{V}(\theta) = \mathbb{E}_t\big[(V_\theta(s_t) - G_t)^2\big] \tag{3}$$

A terminated episode is over: $G$ ends with its last reward. A truncated one was only stopped; with a baseline $G$ goes on with
γ V of the state it was stopped in. Without one there is nothing to go on with, so what would have come counts as 0: where the
time limit cuts many episodes, their last steps look worse than they were.

With `reward_to_go` off, every action is judged by the return of the whole episode, also by what was earned before it.

What this file leaves out:
1. the factor $\gamma^t$ of the exact gradient, as nearly everybody does: late steps count as much as early ones;
2. a second gradient step on the same episodes: without a ratio of probabilities it would be wrong;
3. the division by the number of episodes: by the number of steps, so that the step size does not grow with their length.

Sources: Williams (1992), "Simple statistical gradient-following algorithms for connectionist reinforcement learning", Machine
Learning 8; Sutton and Barto (2018), sections 13.3 and 13.4.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from pydantic import ValidationInfo, field_validator

from app.core.config import Hyper
from app.core.contracts import Array, Problem
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Line, Minibatch, Smoke
from app.core.text import _, filled
from app.parts.optimisers import Adam
from app.parts.policy_learner import POLICY_SIGNALS, Judged, NetworkChoices, Samples, standardised
from app.parts.returns import discounted_returns, explained_variance, first_of_episode, next_values
from app.parts.schedules import KINDS, scheduled
from app.parts.whole_episodes import EpisodeLearner, check_episodes


class ReinforceConfig(NetworkChoices):
    """Hyperparameters of REINFORCE."""

    # fmt: off
    learning_rate: float = Hyper(3e-3, above=0, high=1, symbol=r"\alpha", scale="log", live="update",
        help=_("Step size of Adam: raising it learns faster until updates overshoot and the policy collapses."))
    learning_rate_schedule: str = Hyper("constant", choices=KINDS, live="update",
        help=_("Linear lowers the learning rate to 0 over the budget, which settles the final policy."))
    n_envs: int = Hyper(1, low=1, high=64, unit=_("environments"), settled=True,
        help=_("Episodes played side by side: raising it runs faster, and throws away what the first to end play meanwhile."))
    n_episodes: int = Hyper(8, low=1, high=1024, unit=_("episodes"), live="update",
        help=_("Episodes per update: raising it gives surer and rarer steps. A multiple of n_envs."))
    gamma: float = Hyper(0.99, low=0, high=1, symbol=r"\gamma", live="update",
        help=_("Discount: raising it makes the agent look further ahead and the returns noisier."))
    baseline: bool = Hyper(True, symbol="b", live="update",
        help=_("Subtract a critic's value from the returns; off, all the noise of the returns stays."))
    reward_to_go: bool = Hyper(True, live="update",
        help=_("Judge an action by what was earned after it; off, by the whole episode, which is right on average and noisier."))
    normalize_advantage: bool = Hyper(False, live="update", advanced=True,
        help=_("Scale what actions are judged by to mean 0 and deviation 1 in each update: itself a simple baseline."))
    ent_coef: float = Hyper(0.0, low=0, high=1, live="update", advanced=True,
        help=_("Weight of an entropy bonus: raising it keeps the policy exploring."))
    max_grad_norm: float = Hyper(0.5, above=0, high=1e6, live="update", advanced=True,
        help=_("Largest gradient norm: raising it lets rare large gradients through."))
    n_critic_updates: int = Hyper(5, low=1, high=100, unit=_("epochs"), live="update", advanced=True,
        help=_("The baseline's passes over the episodes of an update: raising it fits the returns closer."))
    batch_size: int = Hyper(128, low=1, high=65_536, unit=_("samples"), live="update", advanced=True,
        help=_("Samples per step of the baseline: raising it gives fewer, steadier steps."))
    # fmt: on

    @field_validator("n_episodes")
    @classmethod
    def _check_rounds(cls, value: int, info: ValidationInfo) -> int:
        n_envs = info.data.get("n_envs", 1)
        if value % n_envs:
            rule = _("must be a multiple of n_envs = {n_envs}; {above} is")
            raise ValueError(filled(rule, n_envs=n_envs, above=value + n_envs - value % n_envs))
        return value


def policy_loss(log_probs: Array, advantages: Array) -> float:
    """Return the negated mean of log π · (G − b), whose gradient is that of (2) negated, for arrays (B,)."""
    return -float((advantages * log_probs).mean())  # (2)


class ReinforceAgent(EpisodeLearner):
    """A policy trained by REINFORCE on whole episodes, and a critic as its baseline."""

    config: ReinforceConfig
    saved = (*EpisodeLearner.saved, "optimiser", "critic_optimiser")
    counters = {**EpisodeLearner.counters, "orders_drawn": "shuffle_random"}

    def __init__(self, config: ReinforceConfig, problem: Problem) -> None:
        super().__init__(config, problem)
        self.optimiser, self.critic_optimiser = (Adam(self.networks.stretch(i), epsilon=1e-5) for i in (0, 1))
        self.shuffle_random = problem.stream("minibatches")
        self.compared = np.zeros((0, 2))

    def update(self, max_steps: int) -> Report:
        """Play until the episodes have ended, then learn from them; return sooner after `max_steps` steps."""
        start, scalars = self.env_steps, dict[str, float]()
        if self.collect(start + max_steps):
            scalars = self.learn()
            self.record.clear()
        return Report(self.env_steps - start, int(bool(scalars)), self.episodes.take(), scalars)

    @np.errstate(all="ignore")  # what is not finite ends the run by its name
    def learn(self) -> dict[str, float]:
        """Take one gradient step of the policy, then fit the baseline, and return what both measured."""
        config, samples = self.config, self.samples()
        numbers = self.differentiate(samples)
        numbers["train/grad_norm"] = self.clip_gradient(numbers["train/loss"], config.max_grad_norm)
        self.optimiser.step(self.learning_rate)
        if config.baseline:
            numbers["train/value_loss"] = self.fit_critic(
                samples, self.critic_optimiser,
                random=self.shuffle_random, passes=config.n_critic_updates, batch_size=config.batch_size,
            )  # fmt: skip
        return numbers

    def samples(self) -> Samples:
        """Return the steps of the episodes with their returns (1), and what actions are judged by as advantages."""
        config, record = self.config, self.record
        counts, terminated, truncated = (record.column(name) for name in ("counts", "terminated", "truncated"))
        observations, actions = record.column("observations")[counts], record.column("actions")[counts]
        judged = self.judge(observations, actions)
        ended, rewards = terminated | truncated | ~counts, record.column("rewards").astype(np.float64)
        after = record.column("final_values") * truncated * config.baseline
        following = next_values(np.zeros((len(counts) + 1, counts.shape[1])), after, terminated, truncated)
        returns = discounted_returns(rewards, following, ended=ended, gamma=config.gamma)  # (1)
        judged_by = returns if config.reward_to_go else first_of_episode(returns, ended)
        values = judged.values * config.baseline
        columns = (values, judged_by[counts] - values, returns[counts])  # (2)
        return Samples(
            observations, actions, judged.log_probs, *(column.astype(judged.values.dtype) for column in columns)
        )

    def differentiate(self, samples: Samples) -> dict[str, float]:
        """Compute the negated gradient (2), with an entropy bonus where one is asked for, and return what the samples tell."""
        config, size = self.config, len(samples.actions)
        new = self.judge(samples.observations, samples.actions)
        advantages = standardised(samples.advantages) if config.normalize_advantage else samples.advantages
        self.backward(new, samples.actions, log_probs=advantages / -size, entropy=-config.ent_coef / size)  # (2)
        loss, bonus = policy_loss(new.log_probs, advantages), float(new.entropies.mean())
        self.compared = np.stack([samples.values, samples.returns], axis=1)[: size * config.baseline]
        self.noted.use(gamma=config.gamma)
        columns = partial(numbers_of, samples, new, advantages, config.ent_coef)
        self.noted.minibatch(samples.observations, samples.actions, columns)
        of_critic = {
            "train/value_loss": float(np.square(samples.values - samples.returns).mean()),  # (3)
            "train/explained_variance": explained_variance(samples.values, samples.returns),
        }
        return {
            "train/loss": loss - config.ent_coef * bonus,  # (2)
            "train/policy_loss": loss,
            "train/entropy": bonus,
            **(of_critic if config.baseline else {}),
            "train/advantage_mean": float(samples.advantages.mean()),
            "train/advantage_std": float(samples.advantages.std()),
            "train/learning_rate": self.learning_rate,
            **self.action_spread(),
        }

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for, the baseline and the returns of the last episodes among it."""
        return {**super().signals(), "followed": lambda: self.compared}

    @property
    def learning_rate(self) -> float:
        """The policy's step size now."""
        progress = self.env_steps / self.total_steps
        return scheduled(self.config.learning_rate, self.config.learning_rate_schedule, progress)


def numbers_of(samples: Samples, new: Judged, advantages: Array, ent_coef: float) -> dict[str, Any]:
    """Return the columns of `MINIBATCH`, each (B,) or one number, from what `differentiate` used."""
    numbers = (
        samples.advantages + samples.values, samples.values, samples.advantages, advantages, new.log_probs,
        new.entropies, ent_coef, -advantages * new.log_probs - ent_coef * new.entropies,
        np.square(samples.values - samples.returns), samples.returns, len(advantages), advantages / -len(advantages),
    )  # fmt: skip
    return dict(zip(MINIBATCH.columns, numbers, strict=True))


def told(row: Mapping[str, float]) -> str:
    """Return what to know of a sample: which way it pushes."""
    if not row["slope"]:
        return _("no gradient: its action is pushed neither way")
    return _("its action becomes likelier") if row["advantage"] > 0 else _("its action becomes less likely")


MINIBATCH = Minibatch(
    columns=(
        "judged_by", "baseline", "difference", "advantage", "log_prob", "entropy", "ent_coef", "loss", "value_loss",
        "return", "size", "slope",
    ),
    lines=(
        Line(r"\hat A = G - b", (("G", "judged_by"), ("b", "baseline")), "difference", 2, "judged_by[counts] - values"),
        Line(r"\ell = -\hat A\,\log\pi_\theta - c\,H",
             ((r"\hat A", "advantage"), (r"\log\pi_\theta", "log_prob"), ("c", "ent_coef"), ("H", "entropy")), "loss", 2,
             "loss - config.ent_coef"),
        Line(r"\frac{\partial L}{\partial \log\pi_\theta} = -\frac{1}{B}\,\hat A",
             (("B", "size"), (r"\hat A", "advantage")), "slope", 2, "advantages / -size"),
        Line(r"\ell^{V} = (b - G)^2", (("b", "baseline"), ("G", "return")), "value_loss", 3),
    ),
    contribution="loss",
    loss="L",
    shown=(
        ("judged_by", "G", _("return by which the action is judged")),
        ("baseline", "b", _("what was to be expected; 0 without a baseline")),
        ("advantage", r"\hat A", _("the difference, scaled where that is asked for")),
        ("log_prob", r"\log\pi", _("log-probability of the action taken")),
        ("loss", r"\ell", _("its part of the loss, before the mean")),
        ("slope", r"\partial L / \partial \log\pi", _("gradient that its log-probability gets")),
    ),
    note=told,
)  # fmt: skip

SPEC = AlgorithmSpec(
    id="reinforce",
    name=_("REINFORCE"),
    summary=_("Whole episodes, and the gradient of what they earned: right on average, noisy, calmed by a baseline."),
    family="policy_based",
    version=2,
    config=ReinforceConfig,
    agent=ReinforceAgent,
    smoke=Smoke("CartPole-v1", 30_000, {"n_envs": 1, "n_episodes": 4, "learning_rate": 1e-2}),
    actions="any",
    parent="reinforce_tabular",
    emits=(
        "train/loss", "train/policy_loss", "train/value_loss", "train/entropy", "train/explained_variance",
        "train/advantage_mean", "train/advantage_std", "train/learning_rate", "train/grad_norm", "train/action_std",
    ),
    signals=("v_at", "followed", *POLICY_SIGNALS),
    minibatch=MINIBATCH,
    default_steps=300_000,
    references=(
        "Williams (1992), Simple statistical gradient-following algorithms for connectionist reinforcement learning, Machine Learning 8",
        "Sutton, McAllester, Singh, Mansour (2000), Policy gradient methods for reinforcement learning with function approximation, NIPS 12",
    ),
    check=check_episodes,
)  # fmt: skip
