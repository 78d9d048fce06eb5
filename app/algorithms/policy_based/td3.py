r"""Twin delayed deep deterministic policy gradient (TD3).

DDPG with three changes, each against the same weakness: an actor that climbs up Q finds the places where Q is wrongly high, and
the target believes them. Two critics learn and the lower one is believed, the target's action is blurred by noise, and the
actor moves less often than the critics.

The action that follows, from the target actor with θ⁻ and smoothed by clipped noise, so that a narrow peak of Q counts little:

$$\tilde a = \mathrm{clip}\big(\mu_{\theta^-}(s_{t+1}) + \mathrm{clip}(\zeta, -c, c),\, -1,\, 1\big), \qquad \zeta \sim \mathcal N(0, \tilde\sigma^2) \tag{1}$$

The target is the lower of two target critics. After a terminated step nothing follows; after a truncated one the value of the
state it was stopped in does:

$$y = r_{t+1} + \gamma\,(1 - \text{terminated}_{t+1})\; \min_{i = 1, 2} Q_{\phi_i^-}(s_{t+1}, \tilde a) \tag{2}$$

Both critics come closer to it:

$$L(\phi) = \sum_{i=1,2} \mathbb{E}\big[(Q_{\phi_i}(s_t, a_t) - y)^2\big], \qquad \frac{\partial L}{\partial Q_{\phi_i}(s_t, a_t)} = \frac2B\,\big(Q_{\phi_i}(s_t, a_t) - y\big) \tag{3}$$

After every d-th step of theirs (d is `policy_delay`), and only then, the actor takes a step up the first critic and the
targets move. $\mu = \tanh z$:

$$J(\theta) = \mathbb{E}\big[Q_{\phi_1}(s, \mu_\theta(s))\big] \tag{4}$$

$$\frac{\partial J}{\partial z} = \frac1B\;\frac{\partial Q_{\phi_1}(s, a)}{\partial a}\bigg|_{a = \mu_\theta(s)} \odot\; (1 - \mu_\theta(s)^2) \tag{5}$$

The actor never explores by itself, so the behaviour adds noise that is drawn anew at every step:

$$a_t = \mathrm{clip}\big(\mu_\theta(s_t) + \xi,\, -1,\, 1\big), \qquad \xi \sim \mathcal N(0, \sigma^2) \tag{6}$$

Each change can be switched off to see what it is for: the second critic's say by `use_twin`, the blur by noise 0, the delay by
a delay of 1. Without all three, this is DDPG.

What this file leaves out:
1. the networks of the paper's code: all layers start as torch's linear layers do, and sizes follow Stable-Baselines3;
2. noise that is correlated in time, which the paper found unnecessary.

Sources: Fujimoto, van Hoof and Meger (2018), "Addressing function approximation error in actor-critic methods", ICML; defaults
and losses of Stable-Baselines3, but for the exploration noise, which is off there unless asked for and 0.1 in the paper.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Hyper
from app.core.contracts import Problem
from app.core.randomness import Stream
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.critic_minibatch import critic_minibatch, critic_numbers
from app.parts.off_policy import (
    ACTOR_CRITIC_SCALARS,
    ACTOR_CRITIC_SIGNALS,
    OffPolicyConfig,
    OffPolicyLearner,
    check,
    joined,
)
from app.parts.replay import Transitions

Array = NDArray[Any]


class TD3Config(OffPolicyConfig):
    """Hyperparameters of TD3; the defaults are those of Stable-Baselines3."""

    # fmt: off
    action_noise: float = Hyper(0.1, low=0, high=2, symbol=r"\sigma", live="step",
        help=_("Deviation of the exploration noise, where an action reaches from −1 to 1: raising it explores more and acts worse."))
    policy_delay: int = Hyper(2, low=1, high=1000, unit=_("gradient steps"), symbol="d", live="update",
        help=_("Steps of the critics for one of the actor: raising it lets the critics settle before the actor trusts them."))
    target_policy_noise: float = Hyper(0.2, low=0, high=2, symbol=r"\tilde\sigma", live="update",
        help=_("Deviation of the noise on the target's action: raising it blurs narrow peaks of Q; 0 believes them."))
    target_noise_clip: float = Hyper(0.5, low=0, high=2, symbol="c", live="update", advanced=True,
        help=_("Largest noise on the target's action: raising it lets rare large noise through."))
    use_twin: bool = Hyper(True, live="update", advanced=True,
        help=_("Off: the target believes the first critic alone, which then flatters itself as in DDPG."))
    # fmt: on


def smoothed(actions: Array, noise: Array, noise_clip: float) -> Array:
    """Return ã (1) for the target actor's actions and noise ζ, both (B, A)."""
    return np.asarray(np.clip(actions + np.clip(noise, -noise_clip, noise_clip), -1, 1))  # (1)


def td_targets(rewards: Array, terminated: Array, next_q: Array, gamma: float) -> Array:
    """Return y (2) for rewards and terminated (B,) and the target critics' values of what follows, next_q (2, B)."""
    return np.asarray(rewards + gamma * (1 - terminated) * next_q.min(axis=0))  # (2)


class TD3Agent(OffPolicyLearner):
    """An actor and two critics, trained by TD3 on N environments at once."""

    config: TD3Config
    n_critics = 2
    counters = {**OffPolicyLearner.counters, "noises_drawn": "noise_random"}

    def __init__(self, config: TD3Config, problem: Problem) -> None:
        super().__init__(config, problem)
        self.noise_random = problem.stream("target noise")

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
        """Return the actor's actions at observations (B, D) with noise (B, A), in [−1, 1]."""
        actions = self.mu(observations)
        return np.clip(actions + self.config.action_noise * random.normals(*actions.shape), -1, 1)  # (6)

    @np.errstate(all="ignore")  # what is not finite ends the run by its name
    def learn(self) -> dict[str, float]:
        """Take `gradient_steps` steps, each on a fresh minibatch, and return what they measured."""
        measured = []
        for _step in range(self.config.gradient_steps):
            batch = self.replay.sample(self.config.batch_size, self.replay_random)
            numbers = self.differentiate_critics(batch)
            numbers["train/grad_norm"] = self.descend(
                self.critic_optimiser, "train/critic_loss", numbers["train/critic_loss"]
            )
            if self.critic_optimiser.steps % self.config.policy_delay == 0:
                numbers["train/actor_loss"] = self.differentiate_actor(batch.observations)
                self.descend(self.actor_optimiser, "train/actor_loss", numbers["train/actor_loss"])
                self.move_targets()
            measured.append(numbers)
        return self.summary(measured)

    def differentiate_critics(self, batch: Transitions) -> dict[str, float]:
        """Compute the gradient of the critics' loss on a minibatch, and return what the minibatch tells as numbers."""
        targets, next_q = self.targets(batch)
        seen = joined(batch.observations, batch.actions)
        losses, values = [], []
        for critic in self.critics:
            layers = critic.activations(seen)
            errors = layers[-1][:, 0] - targets
            critic.backward(layers, (2 / len(errors) * errors)[:, None])  # (3)
            losses.append(float(np.square(errors).mean()))  # (3)
            values.append(layers[-1][:, 0])
        self.noted.use(use_twin=self.config.use_twin)
        self.note(batch, partial(
            critic_numbers, batch, self.config.gamma,
            targets=targets, next_value=next_q, q=values,
        ))  # fmt: skip
        return {
            "train/critic_loss": sum(losses),  # (3)
            "train/q1_mean": float(values[0].mean()),
            "train/q_gap": float(np.abs(values[0] - values[1]).mean()),
        }

    def targets(self, batch: Transitions) -> tuple[Array, Array]:
        """Return y of a minibatch and what the target critics say of what follows, each (B,); uses up one draw of noise."""
        config = self.config
        noise = config.target_policy_noise * self.noise_random.normals(*batch.actions.shape)
        next_actions = np.tanh(self.target.mlps[0].forward(batch.next_observations))
        seen = joined(batch.next_observations, smoothed(next_actions, noise, config.target_noise_clip))
        believed = self.target_critics if config.use_twin else self.target_critics[:1]
        next_q = np.stack([critic.forward(seen)[:, 0] for critic in believed])
        return td_targets(batch.rewards, batch.terminated, next_q, config.gamma), next_q.min(axis=0)

    def differentiate_actor(self, observations: Array) -> float:
        """Compute the gradient of −J (4) at observations (B, D), and return −J."""
        layers = self.actor.activations(observations)
        actions = np.tanh(layers[-1])
        judged = self.critics[0].activations(joined(observations, actions))
        q = judged[-1]
        q_slope = self.critics[0].input_gradient(judged, np.full_like(q, -1 / len(q)))[:, -self.n_actions :]
        self.actor.backward(layers, q_slope * (1 - actions**2))  # (5)
        return -float(q.mean())  # (4)


SPEC = AlgorithmSpec(
    id="td3",
    name=_("TD3"),
    summary=_("DDPG that trusts itself less: the lower of two critics, a blurred target action, an actor that waits."),
    family="policy_based",
    version=1,
    config=TD3Config,
    agent=TD3Agent,
    smoke=Smoke(
        "Pendulum-v1", 10_000,
        {"n_envs": 4, "learning_starts": 400, "batch_size": 64, "train_freq": 2, "gradient_steps": 4, "gamma": 0.98,
         "tau": 0.01, "net_arch": "64,64"},
    ),
    actions="continuous",
    emits=(*ACTOR_CRITIC_SCALARS, "train/q_gap"),
    signals=ACTOR_CRITIC_SIGNALS,
    minibatch=replace(
        critic_minibatch(r"\min_i Q_{\phi_i^-}(s', \tilde a)", first=2, is_twin=True),
        without=(("use_twin", r"\min_i Q_{\phi_i^-}", r"Q_{\phi_1^-}"),),
    ),
    default_steps=20_000,
    parent="ddpg",
    check=check,
    references=(
        "Fujimoto, van Hoof, Meger (2018), Addressing function approximation error in actor-critic methods, ICML, arXiv 1802.09477",
    ),
)  # fmt: skip
