r"""Dueling deep Q-network.

DQN with another network: after shared layers, one stream says how good the state is, V, and one how much each action adds, A.
Every transition teaches V, whatever its action; where the choice hardly matters, nothing has to be learned action by action.

Q is put together from the two, the advantages less their mean:

$$Q(s, a) = V(s) + A(s, a) - \frac{1}{|\mathcal{A}|} \sum_{a'} A(s, a') \tag{1}$$

Without the mean a constant could wander from one stream to the other, $V + c$ and $A - c$, and Q would not notice. With it, adding c
to every A changes nothing, and adding c to V moves every Q by c. By the chain rule a gradient $g_a = \partial L/\partial Q(s, a)$ goes on
to the two streams as

$$\frac{\partial L}{\partial V(s)} = \sum_a g_a, \qquad \frac{\partial L}{\partial A(s, a)} = g_a - \frac{1}{|\mathcal{A}|} \sum_{a'} g_{a'} \tag{2}$$

The target is that of DQN. After a terminated step nothing follows; after a truncated one the value of the state it was stopped
in does:

$$y = r_{t+1} + \gamma\,(1 - \text{terminated}_{t+1})\,\max_{a'} Q_{\theta^-}(s_{t+1}, a') \tag{3}$$

The loss is Huber's, as in DQN, and so is its gradient, the clipped error at the action taken:

$$L(\theta) = \mathbb{E}\big[h\big(Q_\theta(s_t, a_t) - y\big)\big], \qquad h(\delta) = \begin{cases} \tfrac12 \delta^2 & |\delta| < 1 \\ |\delta| - \tfrac12 & \text{otherwise} \end{cases} \tag{4}$$

$$\frac{\partial L}{\partial Q_\theta(s_t, a)} = \frac{1}{B}\,\mathbb{1}[a = a_t]\;\mathrm{clip}\big(Q_\theta(s_t, a_t) - y,\, -1,\, 1\big) \tag{5}$$

What this file leaves out:
1. the convolutional network that both streams of the paper stand on; here the first hidden layers are shared, and each stream
   has the last hidden layer for itself;
2. the scaling of the gradient by 1/√2 where the two streams meet;
3. double Q-learning, which the paper combines with it, frame stacking and clipping of rewards.

Sources: Wang et al. (2016), "Dueling network architectures for deep reinforcement learning", ICML; Huber loss and counting of
steps as in Stable-Baselines3's DQN.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Hyper
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.networks import Networks, Shape
from app.parts.q_learner import EPSILON_SCALARS, Q_SIGNALS, EpsilonSchedule, QLearner, ReplayLearning
from app.parts.replay import Transitions
from app.parts.td_minibatch import td_minibatch, td_numbers
from app.parts.two_streams import TwoStreams, streams

Array = NDArray[Any]


class DuelingDQNConfig(EpsilonSchedule, ReplayLearning):
    """Hyperparameters of dueling DQN: those of DQN, and a switch."""

    # fmt: off
    subtract_mean: bool = Hyper(True, settled=True, advanced=True,
        help=_("Off: Q is V + A as it comes, so that a constant may wander between the two and neither means anything by itself."))
    # fmt: on


def combine(v: Array, advantages: Array, *, subtract_mean: bool = True) -> Array:
    """Return Q (1) of v (B, 1) and advantages (B, A), as (B, A)."""
    mean = advantages.mean(axis=1, keepdims=True) if subtract_mean else 0.0
    return np.asarray(v + advantages - mean)  # (1)


def split_gradient(gradient: Array, *, subtract_mean: bool = True) -> tuple[Array, Array]:
    """Return the gradients (2) of v (B, 1) and advantages (B, A), given that of Q (B, A)."""
    mean = gradient.mean(axis=1, keepdims=True) if subtract_mean else 0.0
    return gradient.sum(axis=1, keepdims=True), gradient - mean  # (2)


def td_targets(rewards: Array, terminated: Array, next_q: Array, gamma: float) -> Array:
    """Return y (3) for rewards and terminated (B,) and the target network's values of what follows, next_q (B, A)."""
    return np.asarray(rewards + gamma * (1 - terminated) * next_q.max(axis=1))  # (3)


def huber_loss(errors: Array) -> float:
    """Return the mean Huber loss (4) of errors Q − y (B,)."""
    size = np.abs(errors)
    return float(np.where(size < 1, 0.5 * errors**2, size - 0.5).mean())  # (4)


def huber_gradient(errors: Array, actions: Array, n_actions: int) -> Array:
    """Return the gradient (5) of the mean Huber loss with respect to Q(s, ·), (B, A), for errors and actions (B,)."""
    gradient = np.zeros((len(errors), n_actions), errors.dtype)
    gradient[np.arange(len(errors)), actions] = np.clip(errors, -1, 1) / len(errors)  # (5)
    return gradient


class DuelingDQNAgent(QLearner):
    """A network of action values, trained by DQN on N environments at once."""

    config: DuelingDQNConfig

    def build(self, shape: Shape) -> None:
        """Make the network and its target, each of two streams."""
        self.online, self.target = (Networks(*streams(shape, 1, self.n_actions)) for _copy in range(2))
        self.streams, self.target_streams = TwoStreams(self.online.mlps), TwoStreams(self.target.mlps)

    def q_values(self, observations: Array) -> Array:
        """Return Q (B, A) of observations (B, D)."""
        return combine(*self.streams.forward(observations), subtract_mean=self.config.subtract_mean)

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
        with_mean = self.config.subtract_mean
        next_q = combine(*self.target_streams.forward(batch.next_observations), subtract_mean=with_mean)
        targets = td_targets(batch.rewards, batch.terminated, next_q, self.config.gamma)
        activations = self.streams.activations(batch.observations)
        v, advantages = activations.outputs
        q = combine(v, advantages, subtract_mean=with_mean)
        q_taken = q[np.arange(len(q)), batch.actions]
        errors = q_taken - targets
        gradient = huber_gradient(errors, batch.actions, q.shape[1])
        self.streams.backward(activations, *split_gradient(gradient, subtract_mean=with_mean))
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
            "train/v_spread": float(v.std()),
            "train/a_spread": float(advantages.std(axis=1).mean()),
        }

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for; observations are (B, D)."""
        return {
            **super().signals(),
            "v_part_at": lambda observations: self.streams.forward(observations)[0][:, 0],
            "a_part_at": lambda observations: self.streams.forward(observations)[1],
        }


SPEC = AlgorithmSpec(
    id="dueling_dqn",
    name=_("Dueling DQN"),
    summary=_("The network says apart how good a state is and how much each action adds, and puts Q together from the two."),
    family="value_based",
    version=1,
    config=DuelingDQNConfig,
    agent=DuelingDQNAgent,
    smoke=Smoke(
        "CartPole-v1", 10_000,
        {"learning_rate": 2.3e-3, "batch_size": 64, "train_freq": 8, "gradient_steps": 4,
         "target_update_interval": 50, "learning_starts": 500, "exploration_fraction": 0.2},
    ),
    emits=(*EPSILON_SCALARS, "train/v_spread", "train/a_spread"),
    signals=(*Q_SIGNALS, "v_part_at", "a_part_at"),
    minibatch=td_minibatch(first=3),
    default_steps=100_000,
    parent="dqn",
    references=(
        "Wang et al. (2016), Dueling network architectures for deep reinforcement learning, ICML",
    ),
)  # fmt: skip
