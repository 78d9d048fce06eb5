r"""Natural policy gradient with a network.

The plain gradient asks which change of the *parameters* raises the return fastest, and so depends on how the network happens
to be written. The natural gradient measures a step by how much it changes the *policy*, through the Fisher matrix.

Advantages are generalized advantage estimates; both ends of an episode cut the sum, and a truncated step is followed by the
value of the state it was stopped in, a terminated one by 0:

$$\delta_t = r_{t+1} + \gamma V^{next}_t - V(s_t), \qquad \hat A_t = \delta_t + \gamma\lambda\,\hat A_{t+1} \tag{1}$$

From here on they are brought to mean 0 and deviation 1 over the rollout, unless `normalize_advantage` is off.

The surrogate is the advantage that the old data would have under new probabilities; its slope at the old parameters is the
policy gradient:

$$L(\theta) = \mathbb{E}_t\Big[\frac{\pi_\theta(a_t \mid s_t)}{\pi_{old}(a_t \mid s_t)} \hat A_t\Big] \tag{2}$$

$$g = \mathbb{E}_t\big[\hat A_t \nabla_\theta \log \pi_\theta(a_t \mid s_t)\big] \tag{3}$$

The divergence between neighbouring policies is a quadratic form in the step. Its matrix, with a damping μ that keeps hardly
observed directions from making large steps, turns the gradient into the step:

$$\mathrm{KL}(\pi_{old} \,\|\, \pi_{old + \Delta}) \approx \tfrac12 \Delta^\top F \Delta, \qquad (F + \mu I)\, x = g \tag{4}$$

$$\theta \leftarrow \theta + \alpha\, x \tag{5}$$

Nothing bounds the step but α: where $g$ is large or $F$ flat the policy may leap. `train/kl` shows how far it went.

What this file leaves out:
1. a bound on the divergence and a test of the step, which are TRPO;
2. the Fisher matrix itself: conjugate gradients need only its products, see the part `natural_gradient`;
3. a natural gradient for the critic, which is fitted by Adam.

Sources: Kakade (2002), "A natural policy gradient", NIPS 14; Schulman et al. (2015), "Trust region policy optimization",
arXiv 1502.05477, appendix C; defaults of TRPO in sb3-contrib.
"""

from functools import partial

import numpy as np

from app.core.config import Hyper
from app.core.contracts import Array, Problem
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.kept_steps import RolloutSize
from app.parts.natural_gradient import FisherProduct, conjugate_gradient
from app.parts.on_policy import ROLLOUT_SIGNALS, RolloutLearner
from app.parts.optimisers import Adam
from app.parts.policy_learner import Judged, NetworkChoices, Samples, standardised
from app.parts.surrogate_minibatch import surrogate_minibatch, surrogate_numbers


class NaturalGradientConfig(RolloutSize, NetworkChoices):
    """Hyperparameters of the natural policy gradient; the defaults are those of TRPO in sb3-contrib where it has them."""

    # fmt: off
    n_envs: int = Hyper(1, low=1, high=64, unit=_("environments"), settled=True,
        help=_("Copies of the environment stepped together: raising it gives more varied data per rollout and runs faster."))
    n_steps: int = Hyper(1024, low=2, high=16_384, unit=_("env steps"), settled=True,
        help=_("Steps of each environment per rollout: raising it lowers the noise of an update and makes updates rarer."))
    step_size: float = Hyper(0.1, above=0, high=100, symbol=r"\alpha", scale="log", live="update",
        help=_("Share of the natural step that is taken: raising it learns faster until the policy leaps beyond what the data say."))
    gamma: float = Hyper(0.99, low=0, high=1, symbol=r"\gamma", live="update",
        help=_("Discount: raising it makes the agent look further ahead and the estimates noisier."))
    gae_lambda: float = Hyper(0.95, low=0, high=1, symbol=r"\lambda", live="update",
        help=_("Trace of the advantages: 0 trusts the critic (biased), 1 the observed returns (noisy)."))
    cg_max_steps: int = Hyper(15, low=1, high=100, unit=_("products"), live="update", advanced=True,
        help=_("Steps of conjugate gradients: raising it solves for the natural step more exactly and costs time."))
    cg_damping: float = Hyper(0.1, low=0, high=100, symbol=r"\mu", live="update", advanced=True,
        help=_("Added to the Fisher matrix's diagonal: raising it turns the step towards the plain gradient and shortens it."))
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


class NaturalGradientAgent(RolloutLearner):
    """A policy that follows the natural gradient, and a critic, on N environments at once."""

    config: NaturalGradientConfig
    saved = (*RolloutLearner.saved, "optimiser")
    counters = {**RolloutLearner.counters, "orders_drawn": "shuffle_random"}

    def __init__(self, config: NaturalGradientConfig, problem: Problem) -> None:
        super().__init__(config, problem)
        self.optimiser = Adam(self.networks.stretch(1), epsilon=1e-5)
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
        """Take one natural step of the policy, then fit the critic, and return what both measured."""
        config = self.config
        samples, judged = self.estimate()  # (1)
        numbers = self.improve(samples, judged)
        numbers["train/value_loss"] = self.fit_critic(
            samples, self.optimiser,
            random=self.shuffle_random, passes=config.n_critic_updates, batch_size=config.batch_size,
        )  # fmt: skip
        return numbers | self.spread(samples) | {"train/learning_rate": config.learning_rate}

    def improve(self, samples: Samples, old: Judged) -> dict[str, float]:
        """Move the policy by the natural step (5), and return what is known of it."""
        config, policy = self.config, self.networks.stretch(0)
        advantages = standardised(samples.advantages) if config.normalize_advantage else samples.advantages
        old_policy = (old.policy_layers[-1], self.free.copy())
        self.backward(old, samples.actions, log_probs=advantages / len(advantages), entropy=0.0)  # (3)
        gradient = policy.gradient.astype(np.float64)  # (3)
        product = FisherProduct(self.networks, self.head, old.policy_layers, damping=config.cg_damping)
        step, residual = conjugate_gradient(product, gradient, steps=config.cg_max_steps)  # (4)
        norm = float(np.linalg.norm(gradient))
        self.check_finite({"train/grad_norm": norm, "train/cg_residual": residual})
        policy.weights[:] += config.step_size * step  # (5)
        new = self.judge(samples.observations, samples.actions)
        divergences = self.head.divergences(old_policy, (new.policy_layers[-1], self.free))
        divergence = divergences.mean()
        self.note(samples, partial(
            surrogate_numbers, new.log_probs, samples.old_log_probs, advantages=advantages, divergences=divergences,
        ))  # fmt: skip
        gain = surrogate(new.log_probs, samples.old_log_probs, advantages) - float(advantages.mean())
        self.check_finite({"train/kl": float(divergence), "train/surrogate_actual": gain})
        return {
            "train/kl": float(divergence),
            "train/surrogate_predicted": config.step_size * float(gradient @ step),
            "train/surrogate_actual": gain,
            "train/cg_residual": residual,
            "train/grad_norm": norm,
            "train/entropy": float(old.entropies.mean()),
        }


SPEC = AlgorithmSpec(
    id="natural_gradient",
    name=_("Natural policy gradient"),
    summary=_("A step measured by how much it changes the policy, not its parameters: conjugate gradients and the Fisher matrix."),
    family="policy_based",
    version=1,
    config=NaturalGradientConfig,
    agent=NaturalGradientAgent,
    smoke=Smoke("CartPole-v1", 20_480, {"n_envs": 4, "n_steps": 64, "step_size": 0.2, "cg_damping": 1e-2}),
    actions="any",
    parent="a2c",
    emits=(
        "train/kl", "train/surrogate_predicted", "train/surrogate_actual", "train/cg_residual", "train/grad_norm",
        "train/entropy", "train/value_loss", "train/explained_variance", "train/advantage_mean", "train/advantage_std",
        "train/learning_rate", "train/action_std",
    ),
    signals=ROLLOUT_SIGNALS,
    minibatch=surrogate_minibatch(surrogate=2, slope=3),
    default_steps=200_000,
    references=(
        "Kakade (2002), A natural policy gradient, NIPS 14",
        "Amari (1998), Natural gradient works efficiently in learning, Neural Computation 10",
    ),
)  # fmt: skip
