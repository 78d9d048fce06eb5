r"""Soft actor-critic (SAC).

An actor-critic that learns from replayed steps and is paid for staying undecided: beside the reward it maximises the entropy of
its policy, so that it explores by itself, and how much that counts, the temperature α, is learned too.

The policy is a Gaussian squashed into (−1, 1). The actor outputs mean and log deviation at every state, and with a normal draw
ξ an action is a differentiable function of them:

$$u = \mu_\theta(s) + \sigma_\theta(s)\,\xi, \qquad a = \tanh u \tag{1}$$

$$\log \pi_\theta(a \mid s) = -\sum_k \Big[\tfrac12 \xi_k^2 + \log \sigma_k + \tfrac12 \log 2\pi + \log(1 - a_k^2)\Big] \tag{2}$$

The target is the lower of two target critics, plus what the entropy of the next action is worth. After a terminated step
nothing follows; after a truncated one the value of the state it was stopped in does. $a'$ is drawn anew from the policy:

$$y = r_{t+1} + \gamma\,(1 - \text{terminated}_{t+1})\,\Big[\min_{i=1,2} Q_{\phi_i^-}(s_{t+1}, a') - \alpha \log \pi_\theta(a' \mid s_{t+1})\Big] \tag{3}$$

Both critics come closer to it:

$$L(\phi) = \tfrac12 \sum_{i=1,2} \mathbb{E}\big[(Q_{\phi_i}(s_t, a_t) - y)^2\big], \qquad \frac{\partial L}{\partial Q_{\phi_i}(s_t, a_t)} = \frac1B\,\big(Q_{\phi_i}(s_t, a_t) - y\big) \tag{4}$$

The actor minimises, over actions of its own:

$$L(\theta) = \mathbb{E}\big[\alpha \log \pi_\theta(a \mid s) - \min_i Q_{\phi_i}(s, a)\big] \tag{5}$$

Its slope passes through a into u, and from there into mean and deviation; with $g = -\partial \min_i Q_{\phi_i} / \partial a$:

$$B\,\frac{\partial L}{\partial \mu} = g \odot (1 - a^2) + 2 \alpha\, a, \qquad B\,\frac{\partial L}{\partial \log \sigma} = B\,\frac{\partial L}{\partial \mu} \odot \sigma \xi - \alpha \tag{6}$$

The temperature rises while the entropy is below its target $\bar H$ and falls while it is above:

$$L(\alpha) = -\log \alpha\;\mathbb{E}\big[\log \pi_\theta(a \mid s) + \bar H\big] \tag{7}$$

With `learn_ent_coef` off, α stays what it is; near 0 this becomes TD3 without its delay and its blur.

What this file leaves out:
1. exploration noise that depends on the state and is held for several steps (gSDE), which some tuned settings use;
2. the separate network of V that the first version had;
3. the exact logarithm in (2): 10⁻⁶ is added to 1 − a², as in Stable-Baselines3, so that it never becomes infinite.

Sources: Haarnoja et al. (2018), "Soft actor-critic algorithms and applications", arXiv 1812.05905; defaults and losses of
Stable-Baselines3.
"""

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config, Hyper
from app.core.contracts import Problem, Tree
from app.core.randomness import Stream
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Line, Smoke
from app.core.text import _
from app.parts.critic_minibatch import critic_minibatch, critic_numbers
from app.parts.heads import HALF_LOG_TWO_PI
from app.parts.networks import NET_ARCH_PATTERN, Networks
from app.parts.off_policy import (
    ACTOR_CRITIC_SCALARS,
    ACTOR_CRITIC_SIGNALS,
    OffPolicyConfig,
    OffPolicyLearner,
    check,
    joined,
)
from app.parts.optimisers import Adam
from app.parts.replay import Transitions

Array = NDArray[Any]
LOWEST, HIGHEST = -20.0, 2.0  # of log σ
SMALL = 1e-6


class SACConfig(OffPolicyConfig):
    """Hyperparameters of SAC; the defaults are those of Stable-Baselines3."""

    # fmt: off
    learning_rate: float = Hyper(3e-4, above=0, high=1, symbol=r"\eta", scale="log", live="update",
        help=_("Step size of Adam, for actor, critics and temperature: raising it learns faster until Q diverges."))
    net_arch: str = Hyper("256,256", pattern=NET_ARCH_PATTERN, max_length=32,
        unit=_("units"), advanced=True, settled=True,
        help=_("Hidden layer sizes of the actor and of each critic: raising them allows finer policies and costs time."))
    learn_ent_coef: bool = Hyper(True, live="update",
        help=_("Learn how much entropy is worth; off keeps it as it is: as set, or as learned until then."))
    ent_coef: float = Hyper(1.0, above=0, high=100, symbol=r"\alpha", scale="log", live="update",
        help=_("Worth of entropy, or where its learning starts, or goes on from when edited: raising it explores more and earns less."))
    target_entropy: float = Hyper(-1.0, low=-10, high=1, unit=_("nats for each number of an action"), live="update",
        symbol=r"\bar H / A", advanced=True,
        help=_("Entropy at which the temperature rests: raising it keeps the policy less decided."))
    # fmt: on


class Drawn(NamedTuple):
    """Actions drawn from the policy (B, A), their log-probabilities (B,), the noise (B, A) and the actor's layers."""

    actions: Array
    log_probs: Array
    noise: Array
    layers: list[Array]


def squashed(outputs: Array, noise: Array) -> tuple[Array, Array]:
    """Return a (1) (B, A) and log π(a|s) (2) (B,) for the actor's outputs (μ, log σ) (B, 2 A) and noise ξ (B, A)."""
    means, log_stds = np.split(outputs, 2, axis=1)
    log_stds = np.clip(log_stds, LOWEST, HIGHEST)
    actions = np.tanh(means + np.exp(log_stds) * noise)  # (1)
    terms = 0.5 * noise**2 + log_stds + HALF_LOG_TWO_PI + np.log(1 - actions**2 + SMALL)
    return actions, -terms.sum(axis=1)  # (2)


def squashed_slope(outputs: Array, noise: Array, *, on_actions: Array, on_log_probs: float) -> Array:
    """Return the slope at the actor's outputs (B, 2 A) of a loss with slopes ∂L/∂a (B, A) and ∂L/∂log π, one for all rows."""
    means, log_stds = np.split(outputs, 2, axis=1)
    spread = np.exp(np.clip(log_stds, LOWEST, HIGHEST)) * noise
    actions = np.tanh(means + spread)
    room = 1 - actions**2
    on_means = on_actions * room + on_log_probs * 2 * actions * room / (room + SMALL)  # (6)
    is_free = (log_stds >= LOWEST) & (log_stds <= HIGHEST)
    return np.concatenate([on_means, (on_means * spread - on_log_probs) * is_free], axis=1)  # (6)


def td_targets(rewards: Array, terminated: Array, next_value: Array, gamma: float) -> Array:
    """Return y (3) for rewards, terminated and what follows is worth, entropy included, each (B,)."""
    return np.asarray(rewards + gamma * (1 - terminated) * next_value)  # (3)


class SACAgent(OffPolicyLearner):
    """A stochastic actor, two critics and a temperature, trained by SAC on N environments at once."""

    config: SACConfig
    n_critics, has_target_actor, outputs = 2, False, 2
    parameters = {**OffPolicyLearner.parameters, "temperature": "temperature"}
    saved = (*OffPolicyLearner.saved, "temperature_optimiser")
    counters = {**OffPolicyLearner.counters, "noises_drawn": "noise_random"}

    def __init__(self, config: SACConfig, problem: Problem) -> None:
        super().__init__(config, problem)
        self.noise_random = problem.stream("policy noise")
        self.temperature = Networks(free=1)
        self.temperature.weights[:] = math.log(config.ent_coef)
        self.temperature_optimiser = Adam(self.temperature)

    def edit(self, config: Config) -> None:
        """Continue under an edited configuration; where it changes `ent_coef`, the temperature goes on from there."""
        before = self.config.ent_coef
        super().edit(config)
        if self.config.ent_coef != before:
            self.temperature.weights[:] = math.log(self.config.ent_coef)

    def state(self) -> Tree:
        """Return everything that decides the future, and the `ent_coef` that the temperature has followed."""
        return {**super().state(), "ent_coef": self.config.ent_coef}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned; a configuration with another `ent_coef` than the state's sets the temperature."""
        super().load(tree)
        # A state without the entry is an older one: there a temperature that is not learned was the configuration's.
        followed = tree.get("ent_coef", self.config.ent_coef if self.config.learn_ent_coef else None)
        if followed != self.config.ent_coef:
            self.temperature.weights[:] = math.log(self.config.ent_coef)

    def update(self, max_steps: int) -> Report:
        """Act until the next update is due and learn; return sooner after `max_steps` steps."""
        start, scalars = self.env_steps, dict[str, float]()
        while not scalars:
            self.collect_step()
            if self.must_learn:
                scalars = self.learn()
            if self.env_steps - start + self.config.n_envs > max_steps:
                break
        return Report(self.env_steps - start, int(bool(scalars)), self.episodes.take(), scalars)

    def explore(self, observations: Array, random: Stream) -> Array:
        """Return actions (B, A) drawn from the policy at observations (B, D), in [−1, 1]."""
        return self.draw(observations, random).actions

    def draw(self, observations: Array, random: Stream) -> Drawn:
        """Return actions drawn from the policy at observations (B, D)."""
        layers = self.actor.activations(observations)
        noise = random.normals(len(observations), self.n_actions).astype(np.float32)
        return Drawn(*squashed(layers[-1], noise), noise, layers)

    @np.errstate(all="ignore")  # what is not finite ends the run by its name
    def learn(self) -> dict[str, float]:
        """Take `gradient_steps` steps, each on a fresh minibatch, and return what they measured."""
        measured = []
        for _step in range(self.config.gradient_steps):
            batch = self.replay.sample(self.config.batch_size, self.replay_random)
            drawn, ent_coef = self.draw(batch.observations, self.noise_random), self.ent_coef
            if self.config.learn_ent_coef:
                self.adjust(drawn.log_probs)
            numbers = self.differentiate_critics(batch, ent_coef)
            numbers["train/grad_norm"] = self.descend(
                self.critic_optimiser, "train/critic_loss", numbers["train/critic_loss"]
            )
            numbers |= self.differentiate_actor(batch.observations, drawn, ent_coef)
            self.descend(self.actor_optimiser, "train/actor_loss", numbers["train/actor_loss"])
            self.move_targets()
            measured.append(numbers | {"train/ent_coef": ent_coef})
        return self.summary(measured)

    def beside_reward(self, observations: Array) -> float:
        """Return what the entropy at observations (B, D) is worth, a mean; drawn apart, so that training does not notice."""
        if not len(observations):
            return 0.0
        return -self.ent_coef * float(self.draw(observations, Stream(0, "pictures")).log_probs.mean())

    @property
    def ent_coef(self) -> float:
        """The temperature α now."""
        as_set = self.config.ent_coef
        if not self.config.learn_ent_coef and self.temperature.weights[0] == np.float32(math.log(as_set)):
            return as_set  # not rounded by its logarithm
        return float(np.exp(self.temperature.weights[0]))

    def adjust(self, log_probs: Array) -> None:
        """Take a step down L(α) (7) for log-probabilities (B,) of actions drawn from the policy."""
        target = self.config.target_entropy * self.n_actions
        self.temperature.gradient[:] = -(log_probs + target).mean()  # (7)
        self.temperature_optimiser.step(self.learning_rate)

    def differentiate_critics(self, batch: Transitions, ent_coef: float) -> dict[str, float]:
        """Compute the gradient of the critics' loss on a minibatch, and return what the minibatch tells as numbers."""
        targets, next_q, drawn = self.targets(batch, ent_coef)
        seen = joined(batch.observations, batch.actions)
        losses, values = [], []
        for critic in self.critics:
            layers = critic.activations(seen)
            errors = layers[-1][:, 0] - targets
            critic.backward(layers, (1 / len(errors) * errors)[:, None])  # (4)
            losses.append(0.5 * float(np.square(errors).mean()))  # (4)
            values.append(layers[-1][:, 0])
        columns = partial(
            critic_numbers, batch, self.config.gamma,
            targets=targets, next_value=next_q - ent_coef * drawn.log_probs, q=values, factor=0.5,
        )  # fmt: skip
        believed = dict(zip(BELIEVED, (next_q, ent_coef, drawn.log_probs), strict=True))
        self.note(batch, lambda: columns() | believed)
        return {
            "train/critic_loss": sum(losses),
            "train/q1_mean": float(values[0].mean()),
            "train/q_gap": float(np.abs(values[0] - values[1]).mean()),
        }

    def targets(self, batch: Transitions, ent_coef: float) -> tuple[Array, Array, Drawn]:
        """Return y and the target critics' lower value (B,) of a minibatch, and the next actions; uses up one draw of noise."""
        drawn = self.draw(batch.next_observations, self.noise_random)
        seen = joined(batch.next_observations, drawn.actions)
        next_q = np.minimum(*(critic.forward(seen)[:, 0] for critic in self.target_critics))
        next_value = next_q - ent_coef * drawn.log_probs  # (3)
        return td_targets(batch.rewards, batch.terminated, next_value, self.config.gamma), next_q, drawn

    def differentiate_actor(self, observations: Array, drawn: Drawn, ent_coef: float) -> dict[str, float]:
        """Compute the gradient of L(θ) (5) at observations (B, D) for the actions drawn there, and return the loss and more."""
        size, seen = len(observations), joined(observations, drawn.actions)
        judged = [critic.activations(seen) for critic in self.critics]
        q = np.concatenate([layers[-1] for layers in judged], axis=1)
        lower, on_actions = q.argmin(axis=1), np.empty_like(drawn.actions)
        for index, critic in enumerate(self.critics):
            rows = np.flatnonzero(lower == index)
            slopes = np.full((len(rows), 1), -1 / size, q.dtype)
            on_input = critic.input_gradient([layer[rows] for layer in judged[index]], slopes)
            on_actions[rows] = on_input[:, -self.n_actions :]
        outputs = drawn.layers[-1]
        slope = squashed_slope(outputs, drawn.noise, on_actions=on_actions, on_log_probs=ent_coef / size)
        self.actor.backward(drawn.layers, slope)
        return {
            "train/actor_loss": float((ent_coef * drawn.log_probs - q.min(axis=1)).mean()),  # (5)
            "train/entropy": -float(drawn.log_probs.mean()),
            "train/action_std": float(np.exp(np.clip(outputs[:, self.n_actions :], LOWEST, HIGHEST)).mean()),
        }


BELIEVED = ("next_q", "ent_coef", "next_log_prob")
MINIBATCH = critic_minibatch(
    "V'", first=3, is_twin=True, is_halved=True, more=BELIEVED,
    before=(
        Line(r"V' = Q^{-} - \alpha\,\log\pi_\theta",
             (("Q^{-}", "next_q"), (r"\alpha", "ent_coef"), (r"\log\pi_\theta", "next_log_prob")), "next_value", 3,
             "next_value ="),
    ),
)  # fmt: skip

SPEC = AlgorithmSpec(
    id="sac",
    name=_("SAC"),
    summary=_("Actor-critic from replayed steps that is paid for entropy, so that it explores by itself."),
    family="policy_based",
    version=1,
    config=SACConfig,
    agent=SACAgent,
    smoke=Smoke(
        "Pendulum-v1", 10_000,
        {"n_envs": 4, "learning_starts": 400, "batch_size": 64, "train_freq": 2, "gradient_steps": 4, "gamma": 0.98,
         "tau": 0.01, "net_arch": "64,64", "learning_rate": 1e-3},
    ),
    actions="continuous",
    emits=(*ACTOR_CRITIC_SCALARS, "train/q_gap", "train/ent_coef", "train/entropy", "train/action_std"),
    signals=ACTOR_CRITIC_SIGNALS,
    minibatch=MINIBATCH,
    default_steps=20_000,
    parent="td3",
    check=check,
    references=(
        "Haarnoja et al. (2018), Soft actor-critic algorithms and applications, arXiv 1812.05905",
        "Haarnoja, Zhou, Abbeel, Levine (2018), Soft actor-critic: off-policy maximum entropy deep reinforcement learning with a stochastic actor, ICML",
    ),
)  # fmt: skip
