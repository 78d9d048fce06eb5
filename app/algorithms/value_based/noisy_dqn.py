r"""Noisy deep Q-network.

DQN without ε: every weight of the network is a mean plus a learned deviation times noise, so that the network itself says what
it is unsure of. Where noise costs return the loss shrinks its deviation; where it does not matter, it stays.

A fresh ξ is drawn for every action and, for the network and the target network apart, for every minibatch; all transitions of a
minibatch share it. Its factors and its size are in the part `noisy`:

$$w = \mu + \sigma \odot \xi, \qquad \theta = (\mu, \sigma) \tag{1}$$

The target is DQN's, under the noise $\xi^-$ of the target network. After a terminated step nothing follows; after a truncated one the
value of the state it was stopped in does:

$$y = r_{t+1} + \gamma\,(1 - \text{terminated}_{t+1})\,\max_{a'} Q_{\theta^-}(s_{t+1}, a';\, \xi^-) \tag{2}$$

The loss is Huber's, as in DQN, and so is its gradient, the clipped error at the action taken:

$$L(\theta) = \mathbb{E}\big[h\big(Q_\theta(s_t, a_t) - y\big)\big], \qquad h(\delta) = \begin{cases} \tfrac12 \delta^2 & |\delta| < 1 \\ |\delta| - \tfrac12 & \text{otherwise} \end{cases} \tag{3}$$

$$\frac{\partial L}{\partial Q_\theta(s_t, a)} = \frac{1}{B}\,\mathbb{1}[a = a_t]\;\mathrm{clip}\big(Q_\theta(s_t, a_t) - y,\, -1,\, 1\big) \tag{4}$$

With g the gradient of the weights w that were used, the chain rule gives that of the parameters:

$$\frac{\partial L}{\partial \mu} = g, \qquad \frac{\partial L}{\partial \sigma} = g \odot \xi \tag{5}$$

Evaluation, replays and maps use the means, without noise. Until learning starts actions are uniformly random.

What this file leaves out:
1. independent noise for every weight, the paper's other form;
2. dueling streams and double Q-learning, which the paper tries with it, frame stacking and clipping of rewards.

Sources: Fortunato et al. (2018), "Noisy networks for exploration", ICLR; Huber loss and counting of steps as in
Stable-Baselines3's DQN.
"""

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
from app.parts.networks import Shape
from app.parts.noisy import NoisyNetworks
from app.parts.policies import epsilon_greedy
from app.parts.q_learner import Q_SCALARS, Q_SIGNALS, QLearner, ReplayLearning
from app.parts.replay import Transitions
from app.parts.td_minibatch import td_minibatch, td_numbers

Array = NDArray[Any]


class NoisyDQNConfig(ReplayLearning):
    """Hyperparameters of noisy DQN: those of DQN without ε, and the noise of the paper."""

    # fmt: off
    sigma: float = Hyper(0.5, low=0, high=10, symbol=r"\sigma_0", settled=True,
        help=_("Noise at the start, as a share of the weights' range: raising it explores more before anything is learned."))
    # fmt: on


def td_targets(rewards: Array, terminated: Array, next_q: Array, gamma: float) -> Array:
    """Return y (2) for rewards and terminated (B,) and the target network's values of what follows, next_q (B, A)."""
    return np.asarray(rewards + gamma * (1 - terminated) * next_q.max(axis=1))  # (2)


def huber_loss(errors: Array) -> float:
    """Return the mean Huber loss (3) of errors Q − y (B,)."""
    size = np.abs(errors)
    return float(np.where(size < 1, 0.5 * errors**2, size - 0.5).mean())  # (3)


def huber_gradient(errors: Array, actions: Array, n_actions: int) -> Array:
    """Return the gradient (4) of the mean Huber loss with respect to Q(s, ·), (B, A), for errors and actions (B,)."""
    gradient = np.zeros((len(errors), n_actions), errors.dtype)
    gradient[np.arange(len(errors)), actions] = np.clip(errors, -1, 1) / len(errors)  # (4)
    return gradient


class NoisyDQNAgent(QLearner):
    """A network of action values, trained by DQN on N environments at once."""

    config: NoisyDQNConfig
    online: NoisyNetworks
    target: NoisyNetworks
    counters = {**QLearner.counters, "noise_drawn": "noise_random"}

    def __init__(self, config: NoisyDQNConfig, problem: Problem) -> None:
        super().__init__(config, problem)
        self.noise_random = problem.stream("noise")

    def build(self, shape: Shape) -> None:
        """Make the network and its target, each with noise."""
        self.online, self.target = (NoisyNetworks(shape, start=self.config.sigma) for _copy in range(2))
        self.q_network, self.target_network = self.online.mlps[0], self.target.mlps[0]

    @property
    def epsilon(self) -> float:
        """The probability of a uniformly random action: 1 until learning starts, then 0."""
        return float(self.env_steps < self.config.learning_starts)

    def behave(self) -> Array:
        """Return the best actions (N,) under fresh noise."""
        self.online.draw(self.noise_random)  # (1)
        return epsilon_greedy(self.q_network.forward(self.observations), self.epsilon, self.action_random)

    def update(self, max_steps: int) -> Report:
        """Act until the next update is due and learn; return sooner after `max_steps` steps."""
        start, scalars = self.env_steps, dict[str, float]()
        while not scalars:
            self.collect_step()
            if self.must_move_target:
                self.move_target()
            if self.must_learn:
                scalars = self.learn()
            if self.env_steps - start + self.config.n_envs > max_steps:
                break
        return Report(self.env_steps - start, int(bool(scalars)), self.episodes.take(), scalars)

    def learn(self) -> dict[str, float]:
        """Take `gradient_steps` steps, each on a fresh minibatch, and return what they measured."""
        size, measured = self.config.batch_size, []
        for _step in range(self.config.gradient_steps):
            numbers = self.differentiate(self.replay.sample(size, self.replay_random))
            numbers["train/grad_norm"] = self.descend(numbers["train/loss"])
            measured.append(numbers)
        return self.summary(measured)

    def differentiate(self, batch: Transitions) -> dict[str, float]:
        """Compute the gradient of the loss of a minibatch, and return what the minibatch tells as numbers."""
        self.target.draw(self.noise_random)
        next_q = self.target_network.forward(batch.next_observations)
        targets = td_targets(batch.rewards, batch.terminated, next_q, self.config.gamma)
        self.online.draw(self.noise_random)
        activations = self.q_network.activations(batch.observations)
        q = activations[-1]
        q_taken = q[np.arange(len(q)), batch.actions]
        errors = q_taken - targets
        self.q_network.backward(activations, huber_gradient(errors, batch.actions, q.shape[1]))
        self.online.collect()  # (5)
        self.noted.minibatch(batch.observations, batch.actions, partial(
            td_numbers, batch.rewards, self.config.gamma, terminated=batch.terminated,
            next_values=next_q.max(axis=1), targets=targets, q=q_taken,
        ))  # fmt: skip
        sizes = np.abs(errors)
        return {
            "train/loss": huber_loss(errors),
            "train/td_error_mean": float(sizes.mean()),
            "train/td_error_max": float(sizes.max()),
            "train/q_mean": float(q_taken.mean()),
            "train/q_max": float(q_taken.max()),
        }

    def exploration(self) -> dict[str, float]:
        """Return how much noise is left."""
        return {"train/noise": self.online.share}

    def q_values(self, observations: Array) -> Array:
        """Return Q (B, A) of observations (B, D), without noise."""
        self.online.calm()
        return self.q_network.forward(observations)

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return the best actions (N,), without noise or under noise drawn from `random`."""
        if greedy or random is None:
            return np.asarray(self.q_values(observations).argmax(axis=1))
        self.online.draw(random)
        return np.asarray(self.q_network.forward(observations).argmax(axis=1))


SPEC = AlgorithmSpec(
    id="noisy_dqn",
    name=_("Noisy DQN"),
    summary=_("DQN that explores by noise in its own weights, and learns how much of it each weight still needs."),
    family="value_based",
    version=1,
    config=NoisyDQNConfig,
    agent=NoisyDQNAgent,
    smoke=Smoke(
        "CartPole-v1", 10_000,
        {"learning_rate": 2.3e-3, "batch_size": 64, "train_freq": 8, "gradient_steps": 4,
         "target_update_interval": 50, "learning_starts": 500},
    ),
    emits=(*Q_SCALARS, "train/noise"),
    signals=Q_SIGNALS,
    minibatch=td_minibatch(r"\max_{a'} Q_{\theta^-}(s', a'; \xi^-)", first=2),
    default_steps=100_000,
    parent="dqn",
    references=(
        "Fortunato et al. (2018), Noisy networks for exploration, ICLR",
    ),
)  # fmt: skip
