r"""Trust region policy optimization (TRPO).

The natural gradient's direction, but the length of the step is what a bound on the divergence allows, and the step is tried
before it is kept: if the policy moved too far or the surrogate did not rise, a shorter one is tried.

Advantages are generalized advantage estimates; both ends of an episode cut the sum, and a truncated step is followed by the
value of the state it was stopped in, a terminated one by 0:

$$\delta_t = r_{t+1} + \gamma V^{next}_t - V(s_t), \qquad \hat A_t = \delta_t + \gamma\lambda\,\hat A_{t+1} \tag{1}$$

From here on they are brought to mean 0 and deviation 1 over the rollout, unless `normalize_advantage` is off.

The problem of one update, with the surrogate $L$ and its slope $g$ at the old parameters:

$$\max_\theta\; L(\theta) = \mathbb{E}_t\Big[\frac{\pi_\theta(a_t \mid s_t)}{\pi_{old}(a_t \mid s_t)} \hat A_t\Big] \quad\text{subject to}\quad \mathbb{E}_t\big[\mathrm{KL}(\pi_{old} \,\|\, \pi_\theta)\big] \le \delta \tag{2}$$

$$g = \mathbb{E}_t\big[\hat A_t \nabla_\theta \log \pi_\theta(a_t \mid s_t)\big] \tag{3}$$

Its solution with $L$ made linear and the divergence quadratic: a direction $x$ from the damped Fisher matrix, and the length
at which the quadratic form reaches δ:

$$(F + \mu I)\, x = g \tag{4}$$

$$\beta = \sqrt{2 \delta / x^\top (F + \mu I)\, x} \tag{5}$$

Both models hold only near by. So the step $c^k \beta x$ is tried for k = 0, 1, 2, …, and the first is taken that keeps the true
divergence within δ and raises the true surrogate; if none does, the policy stays as it is, to the last bit:

$$\theta \leftarrow \theta_{old} + c^k \beta\, x \tag{6}$$

With `limit_kl` off, (5) is replaced by β = 1, the full natural step, and only the surrogate has to rise.

What this file leaves out:
1. the penalty form with the bound $L - C\, \mathrm{KL}^{max}$, whose steps are tiny: δ is chosen by hand;
2. the largest divergence over states: the mean is bounded;
3. computing the Fisher products on a part of the data.

Sources: Schulman et al. (2015), "Trust region policy optimization", arXiv 1502.05477; defaults of sb3-contrib, which bounds
the divergence of the new policy from the old, the other way round.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from app.core.config import Hyper
from app.core.contracts import Array, Problem
from app.core.report import Report
from app.core.signals import Signal
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.kept_steps import RolloutSize
from app.parts.natural_gradient import FisherProduct, conjugate_gradient
from app.parts.on_policy import ROLLOUT_SIGNALS, RolloutLearner
from app.parts.optimisers import Adam
from app.parts.policy_learner import Judged, NetworkChoices, Samples, standardised
from app.parts.surrogate_minibatch import surrogate_minibatch, surrogate_numbers


class TRPOConfig(RolloutSize, NetworkChoices):
    """Hyperparameters of TRPO; the defaults are those of sb3-contrib."""

    # fmt: off
    n_envs: int = Hyper(1, low=1, high=64, unit=_("environments"), settled=True,
        help=_("Copies of the environment stepped together: raising it gives more varied data per rollout and runs faster."))
    n_steps: int = Hyper(2048, low=2, high=16_384, unit=_("env steps"), settled=True,
        help=_("Steps of each environment per rollout: raising it lowers the noise of an update and makes updates rarer."))
    target_kl: float = Hyper(0.01, above=0, high=10, unit=_("nats"), symbol=r"\delta", scale="log", live="update",
        help=_("Largest mean divergence of an update: raising it allows longer steps, on data that know less of where they lead."))
    limit_kl: bool = Hyper(True, live="update", advanced=True,
        help=_("Off, the full natural step is tried and only the surrogate has to rise: the policy may leap."))
    gamma: float = Hyper(0.99, low=0, high=1, symbol=r"\gamma", live="update",
        help=_("Discount: raising it makes the agent look further ahead and the estimates noisier."))
    gae_lambda: float = Hyper(0.95, low=0, high=1, symbol=r"\lambda", live="update",
        help=_("Trace of the advantages: 0 trusts the critic (biased), 1 the observed returns (noisy)."))
    cg_max_steps: int = Hyper(15, low=1, high=100, unit=_("products"), live="update", advanced=True,
        help=_("Steps of conjugate gradients: raising it solves for the natural step more exactly and costs time."))
    cg_damping: float = Hyper(0.1, low=0, high=100, symbol=r"\mu", live="update", advanced=True,
        help=_("Added to the Fisher matrix's diagonal: raising it turns the step towards the plain gradient and shortens it."))
    line_search_max_iter: int = Hyper(10, low=1, high=100, unit=_("steps"), live="update", advanced=True,
        help=_("Lengths that are tried: raising it gives up later."))
    line_search_shrinking_factor: float = Hyper(0.8, above=0, high=0.99, symbol="c", live="update", advanced=True,
        help=_("Each length as a share of the one before: raising it finds a longer step and needs more tries."))
    normalize_advantage: bool = Hyper(True, live="update", advanced=True,
        help=_("Scale the advantages of each rollout to mean 0 and deviation 1, so that the step does not depend on the reward's scale."))
    learning_rate: float = Hyper(1e-3, above=0, high=1, scale="log", live="update",
        help=_("Step size of the critic's Adam: raising it follows new returns sooner and with more noise."))
    n_critic_updates: int = Hyper(10, low=0, high=100, unit=_("epochs"), live="update", advanced=True,
        help=_("The critic's passes over each rollout: raising it fits the returns closer."))
    batch_size: int = Hyper(128, low=1, high=65_536, unit=_("samples"), live="update", advanced=True,
        help=_("Samples per step of the critic: raising it gives fewer, steadier steps."))
    # fmt: on


def surrogate(log_probs: Array, old_log_probs: Array, advantages: Array) -> float:
    """Return L (2) for log-probabilities under the new and the old policy and advantages, each (B,)."""
    return float((np.exp(log_probs - old_log_probs) * advantages).mean())  # (2)


class Taken(NamedTuple):
    """The step that the line search took: its share of the longest one (0: none), and where it led."""

    share: float
    tries: int
    kl: float
    gain: float


class TRPOAgent(RolloutLearner):
    """A policy kept within a trust region, and a critic, on N environments at once."""

    config: TRPOConfig
    saved = (*RolloutLearner.saved, "optimiser")
    counters = {**RolloutLearner.counters, "orders_drawn": "shuffle_random"}

    def __init__(self, config: TRPOConfig, problem: Problem) -> None:
        super().__init__(config, problem)
        self.optimiser = Adam(self.networks.stretch(1), epsilon=1e-5)
        self.shuffle_random = problem.stream("minibatches")
        self.tries: list[tuple[float, float, float]] = []
        self.promised = 0.0

    def update(self, max_steps: int) -> Report:
        """Collect until the rollout is full, then learn from it; return sooner after `max_steps` steps."""
        start, scalars = self.env_steps, dict[str, float]()
        if self.collect(start + max_steps):
            scalars = self.learn()
            self.rollout.clear()
        return Report(self.env_steps - start, int(bool(scalars)), self.episodes.take(), scalars)

    @np.errstate(all="ignore")  # what is not finite ends the run by its name
    def learn(self) -> dict[str, float]:
        """Take one step of the policy, then fit the critic, and return what both measured."""
        config = self.config
        samples, judged = self.estimate()  # (1)
        numbers = self.improve(samples, judged)
        numbers["train/value_loss"] = self.fit_critic(
            samples, self.optimiser,
            random=self.shuffle_random, passes=config.n_critic_updates, batch_size=config.batch_size,
        )  # fmt: skip
        return numbers | self.spread(samples) | {"train/learning_rate": config.learning_rate}

    def improve(self, samples: Samples, old: Judged) -> dict[str, float]:
        """Move the policy to the first step of the line search that is allowed (6), and return what is known of it."""
        config, policy = self.config, self.networks.stretch(0)
        advantages = standardised(samples.advantages) if config.normalize_advantage else samples.advantages
        self.backward(old, samples.actions, log_probs=advantages / len(advantages), entropy=0.0)  # (3)
        gradient = policy.gradient.astype(np.float64)  # (3)
        product = FisherProduct(self.networks, self.head, old.policy_layers, damping=config.cg_damping)
        direction, residual = conjugate_gradient(product, gradient, steps=config.cg_max_steps)  # (4)
        norm, curvature = float(np.linalg.norm(gradient)), float(direction @ product(direction))
        self.check_finite({"train/grad_norm": norm, "train/cg_residual": residual})
        self.noted.use(target_kl=config.target_kl if config.limit_kl else 0.0)
        length = 1.0
        if config.limit_kl:
            length = math.sqrt(2 * config.target_kl / curvature) if curvature > 0 else 0.0  # (5)
        self.promised = length * float(gradient @ direction)
        taken = self.line_search(samples, advantages, old, step=length * direction)
        return {
            "train/kl": taken.kl,
            "train/surrogate_predicted": taken.share * self.promised,
            "train/surrogate_actual": taken.gain,
            "train/cg_residual": residual,
            "train/line_search_steps": float(taken.tries),
            "train/step_accepted": float(taken.share > 0),
            "train/grad_norm": norm,
            "train/entropy": float(old.entropies.mean()),
        }

    def line_search(self, samples: Samples, advantages: Array, old: Judged, *, step: Array) -> Taken:
        """Try the step (P,) and shorter ones; leave the policy at the first that is allowed, else as it was."""
        config, policy = self.config, self.networks.stretch(0)
        start, old_policy = policy.weights.copy(), (old.policy_layers[-1], self.free.copy())
        before = surrogate(old.log_probs, samples.old_log_probs, advantages)
        self.tries = []
        for tries in range(1, config.line_search_max_iter + 1):
            share = config.line_search_shrinking_factor ** (tries - 1)
            policy.weights[:] = start + share * step  # (6)
            new = self.judge(samples.observations, samples.actions)
            divergences = self.head.divergences(old_policy, (new.policy_layers[-1], self.free))
            kl = float(divergences.mean())
            gain = surrogate(new.log_probs, samples.old_log_probs, advantages) - before
            self.tries.append((share, kl, gain))
            if gain > 0 and (kl <= config.target_kl or not config.limit_kl):
                self.note(samples, partial(
                    surrogate_numbers, new.log_probs, samples.old_log_probs,
                    advantages=advantages, divergences=divergences,
                ))  # fmt: skip
                return Taken(share, tries, kl, gain)
        policy.weights[:] = start
        self.note(samples, partial(
            surrogate_numbers, old.log_probs, samples.old_log_probs,
            advantages=advantages, divergences=np.zeros_like(advantages),
        ))  # fmt: skip
        return Taken(0.0, config.line_search_max_iter, 0.0, 0.0)

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for, the last line search among it."""
        promised = self.promised
        rows = [(share, kl, gain, share * promised) for share, kl, gain in self.tries]
        return {**super().signals(), "line_search": lambda: np.array(rows).reshape(-1, 4)}


SPEC = AlgorithmSpec(
    id="trpo",
    name=_("TRPO"),
    summary=_("The natural gradient's direction, as far as a bound on the divergence allows, and tried before it is kept."),
    family="policy_based",
    version=1,
    config=TRPOConfig,
    agent=TRPOAgent,
    smoke=Smoke("CartPole-v1", 20_480, {"n_envs": 4, "n_steps": 64, "cg_damping": 1e-2}),
    actions="any",
    parent="natural_gradient",
    emits=(
        "train/kl", "train/surrogate_predicted", "train/surrogate_actual", "train/cg_residual",
        "train/line_search_steps", "train/step_accepted", "train/grad_norm", "train/entropy", "train/value_loss",
        "train/explained_variance", "train/advantage_mean", "train/advantage_std", "train/learning_rate",
        "train/action_std",
    ),
    signals=(*ROLLOUT_SIGNALS, "line_search"),
    own_signals=(
        Signal("line_search", "(K, 4)", "mixed", _("Share of the longest step, divergence, gain and promised gain of every try of the last line search.")),
    ),
    minibatch=surrogate_minibatch(surrogate=2, slope=3),
    default_steps=100_000,
    references=(
        "Schulman, Levine, Moritz, Jordan, Abbeel (2015), Trust region policy optimization, ICML, arXiv 1502.05477",
        "Kakade and Langford (2002), Approximately optimal approximate reinforcement learning, ICML",
    ),
)  # fmt: skip
