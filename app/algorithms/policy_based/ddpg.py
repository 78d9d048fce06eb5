r"""Deep deterministic policy gradient (DDPG).

Q-learning where an action is made of continuous numbers. No maximum over actions can be listed there, so a second network, the
actor, learns to output the action for which the critic's Q is largest, by walking up Q's slope.

The target of a transition, with the target networks' parameters θ⁻ and φ⁻: the target actor says which action follows and the
target critic what it is worth. After a terminated step nothing follows; after a truncated one the value of the state it was
stopped in does:

$$y = r_{t+1} + \gamma\,(1 - \text{terminated}_{t+1})\; Q_{\phi^-}\big(s_{t+1}, \mu_{\theta^-}(s_{t+1})\big) \tag{1}$$

The critic comes closer to it by the mean squared error, whose gradient for each of the B transitions of a minibatch is:

$$L(\phi) = \mathbb{E}\big[(Q_\phi(s_t, a_t) - y)^2\big], \qquad \frac{\partial L}{\partial Q_\phi(s_t, a_t)} = \frac2B\,\big(Q_\phi(s_t, a_t) - y\big) \tag{2}$$

The actor maximises what the critic says of its actions. The chain rule leads from Q down to the action, and from the action
$\mu = \tanh z$ down to the actor's outputs z:

$$J(\theta) = \mathbb{E}\big[Q_\phi(s, \mu_\theta(s))\big] \tag{3}$$

$$\frac{\partial J}{\partial z} = \frac1B\;\frac{\partial Q_\phi(s, a)}{\partial a}\bigg|_{a = \mu_\theta(s)} \odot\; (1 - \mu_\theta(s)^2) \tag{4}$$

The actor never explores by itself, so the behaviour adds noise that is drawn anew at every step:

$$a_t = \mathrm{clip}\big(\mu_\theta(s_t) + \xi,\, -1,\, 1\big), \qquad \xi \sim \mathcal N(0, \sigma^2) \tag{5}$$

What the relatives share is in the part `off_policy`: remembering, targets that follow softly, and actions that lie between −1
and 1 until the environment takes them.

What this file leaves out:
1. noise that is correlated in time (Ornstein and Uhlenbeck), which later work found unnecessary;
2. batch normalisation and weight decay of the critic;
3. an action that joins the critic only at its second layer: here it is an input like the observation;
4. the small uniform start of the last layers: all start as torch's linear layers do.

Sources: Lillicrap et al. (2016), "Continuous control with deep reinforcement learning", ICLR; defaults and losses of DDPG in
Stable-Baselines3, but for the noise, which is off there unless asked for.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Hyper
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


class DDPGConfig(OffPolicyConfig):
    """Hyperparameters of DDPG; the defaults are those of Stable-Baselines3."""

    # fmt: off
    action_noise: float = Hyper(0.1, low=0, high=2, symbol=r"\sigma", live="step",
        help=_("Deviation of the exploration noise, where an action reaches from −1 to 1: raising it explores more and acts worse."))
    # fmt: on


def td_targets(rewards: Array, terminated: Array, next_q: Array, gamma: float) -> Array:
    """Return y (1) for rewards, terminated and the target critic's values of what follows, each (B,)."""
    return np.asarray(rewards + gamma * (1 - terminated) * next_q)  # (1)


class DDPGAgent(OffPolicyLearner):
    """An actor and a critic, trained by DDPG on N environments at once."""

    config: DDPGConfig

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
        return np.clip(actions + self.config.action_noise * random.normals(*actions.shape), -1, 1)  # (5)

    @np.errstate(all="ignore")  # what is not finite ends the run by its name
    def learn(self) -> dict[str, float]:
        """Take `gradient_steps` steps, each on a fresh minibatch, and return what they measured."""
        measured = []
        for _step in range(self.config.gradient_steps):
            batch = self.replay.sample(self.config.batch_size, self.replay_random)
            numbers = self.differentiate_critic(batch)
            numbers["train/grad_norm"] = self.descend(
                self.critic_optimiser, "train/critic_loss", numbers["train/critic_loss"]
            )
            numbers["train/actor_loss"] = self.differentiate_actor(batch.observations)
            self.descend(self.actor_optimiser, "train/actor_loss", numbers["train/actor_loss"])
            self.move_targets()
            measured.append(numbers)
        return self.summary(measured)

    def differentiate_critic(self, batch: Transitions) -> dict[str, float]:
        """Compute the gradient of the critic's loss on a minibatch, and return what the minibatch tells as numbers."""
        next_actions = np.tanh(self.target.mlps[0].forward(batch.next_observations))
        next_q = self.target_critics[0].forward(joined(batch.next_observations, next_actions))[:, 0]
        targets = td_targets(batch.rewards, batch.terminated, next_q, self.config.gamma)
        layers = self.critics[0].activations(joined(batch.observations, batch.actions))
        q = layers[-1][:, 0]
        errors = q - targets
        self.critics[0].backward(layers, (2 / len(errors) * errors)[:, None])  # (2)
        self.note(batch, partial(
            critic_numbers, batch, self.config.gamma,
            targets=targets, next_value=next_q, q=[q],
        ))  # fmt: skip
        return {"train/critic_loss": float(np.square(errors).mean()), "train/q1_mean": float(q.mean())}  # (2)

    def differentiate_actor(self, observations: Array) -> float:
        """Compute the gradient of −J (3) at observations (B, D), and return −J."""
        layers = self.actor.activations(observations)
        actions = np.tanh(layers[-1])
        judged = self.critics[0].activations(joined(observations, actions))
        q = judged[-1]
        q_slope = self.critics[0].input_gradient(judged, np.full_like(q, -1 / len(q)))[:, -self.n_actions :]
        self.actor.backward(layers, q_slope * (1 - actions**2))  # (4)
        return -float(q.mean())  # (3)


SPEC = AlgorithmSpec(
    id="ddpg",
    name=_("DDPG"),
    summary=_("Q-learning for continuous actions: an actor learns to output the action that the critic likes best."),
    family="policy_based",
    version=1,
    config=DDPGConfig,
    agent=DDPGAgent,
    smoke=Smoke(
        "Pendulum-v1", 10_000,
        {"n_envs": 4, "learning_starts": 400, "batch_size": 64, "train_freq": 2, "gradient_steps": 4, "gamma": 0.98,
         "tau": 0.01, "net_arch": "64,64"},
    ),
    actions="continuous",
    parent="dqn",
    emits=ACTOR_CRITIC_SCALARS,
    signals=ACTOR_CRITIC_SIGNALS,
    minibatch=critic_minibatch(r"Q_{\phi^-}(s', \mu_{\theta^-}(s'))"),
    default_steps=20_000,
    check=check,
    references=(
        "Lillicrap et al. (2016), Continuous control with deep reinforcement learning, ICLR, arXiv 1509.02971",
        "Silver et al. (2014), Deterministic policy gradient algorithms, ICML",
    ),
)  # fmt: skip
