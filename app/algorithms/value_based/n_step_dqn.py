r"""n-step deep Q-network.

DQN whose target sums n observed rewards before it falls back on the network. A reward at the end reaches the states before it n
steps at a time instead of one, and the network's own errors enter discounted by γⁿ.

The rewards are those that followed the replayed transition in its own episode. Its last step may come sooner than n: at the
episode's end, terminated or truncated, or at the newest transition of the buffer. So with m ≤ n rewards:

$$G_t = \sum_{k=1}^{m} \gamma^{k-1}\, r_{t+k} \tag{1}$$

$$y = G_t + \gamma^m\,(1 - \text{terminated}_{t+m})\,\max_{a'} Q_{\theta^-}(s_{t+m}, a') \tag{2}$$

With n = 1 this is DQN. After a terminated step nothing follows; after a truncated one the value of the state it was stopped in
does.

The loss is Huber's, as in DQN, and so is its gradient, the clipped error at the action taken:

$$L(\theta) = \mathbb{E}\big[h\big(Q_\theta(s_t, a_t) - y\big)\big], \qquad h(\delta) = \begin{cases} \tfrac12 \delta^2 & |\delta| < 1 \\ |\delta| - \tfrac12 & \text{otherwise} \end{cases} \tag{3}$$

$$\frac{\partial L}{\partial Q_\theta(s_t, a)} = \frac{1}{B}\,\mathbb{1}[a = a_t]\;\mathrm{clip}\big(Q_\theta(s_t, a_t) - y,\, -1,\, 1\big) \tag{4}$$

What this file leaves out:
1. a correction for the actions that followed: the rewards after the first came from the policy of that time, exploration
   included, while the target means the greedy one of now. For a small n this uncorrected form works well in practice;
2. frame stacking, the convolutional network for images and clipping of rewards, as in DQN.

Sources: Watkins (1989), "Learning from delayed rewards", for the n-step return; Hessel et al. (2018), "Rainbow: combining
improvements in deep reinforcement learning", AAAI, for its use with replay and n = 3; Huber loss and counting of steps as in
Stable-Baselines3's DQN, the ends of (1) as in its n-step replay buffer.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Hyper
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.q_learner import EPSILON_SCALARS, Q_SIGNALS, EpsilonSchedule, QLearner, ReplayLearning
from app.parts.td_minibatch import td_minibatch, td_numbers

Array = NDArray[Any]


class NStepDQNConfig(EpsilonSchedule, ReplayLearning):
    """Hyperparameters of n-step DQN: those of DQN, and n as in Rainbow."""

    # fmt: off
    n_steps: int = Hyper(3, low=1, high=100, unit=_("env steps"), symbol="n", live="update",
        help=_("Rewards that a target counts before it trusts the network: raising it spreads news faster, with more noise and more of the old behaviour in it."))
    # fmt: on


def td_targets(returns: Array, discounts: Array, terminated: Array, next_q: Array) -> Array:
    """Return y (2) for n-step returns, discounts and terminated (B,) and the target network's next_q (B, A)."""
    return np.asarray(returns + discounts * (1 - terminated) * next_q.max(axis=1))  # (2)


def huber_loss(errors: Array) -> float:
    """Return the mean Huber loss (3) of errors Q − y (B,)."""
    size = np.abs(errors)
    return float(np.where(size < 1, 0.5 * errors**2, size - 0.5).mean())  # (3)


def huber_gradient(errors: Array, actions: Array, n_actions: int) -> Array:
    """Return the gradient (4) of the mean Huber loss with respect to Q(s, ·), (B, A), for errors and actions (B,)."""
    gradient = np.zeros((len(errors), n_actions), errors.dtype)
    gradient[np.arange(len(errors)), actions] = np.clip(errors, -1, 1) / len(errors)  # (4)
    return gradient


class NStepDQNAgent(QLearner):
    """A network of action values, trained by DQN on N environments at once."""

    config: NStepDQNConfig

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
            numbers = self.differentiate(self.replay.draw(size, self.replay_random))
            numbers["train/grad_norm"] = self.descend(numbers["train/loss"])
            measured.append(numbers)
        return self.summary(measured)

    def differentiate(self, rows: Array) -> dict[str, float]:
        """Compute the gradient of the loss of a minibatch, and return what the minibatch tells as numbers."""
        batch, after = self.replay.take(rows), self.replay.follow(rows, self.config.n_steps, self.config.gamma)  # (1)
        last = self.replay.take(after.last)
        next_q = self.target_network.forward(last.next_observations)
        returns, discounts = after.rewards.astype(np.float32), after.discounts.astype(np.float32)
        targets = td_targets(returns, discounts, last.terminated, next_q)
        activations = self.q_network.activations(batch.observations)
        q = activations[-1]
        q_taken = q[np.arange(len(q)), batch.actions]
        errors = q_taken - targets
        self.q_network.backward(activations, huber_gradient(errors, batch.actions, q.shape[1]))
        self.noted.minibatch(batch.observations, batch.actions, partial(
            td_numbers, returns, discounts, terminated=last.terminated,
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


SPEC = AlgorithmSpec(
    id="n_step_dqn",
    name=_("n-step DQN"),
    summary=_("DQN whose targets wait n rewards before they trust the network, so that news travels n steps at once."),
    family="value_based",
    version=1,
    config=NStepDQNConfig,
    agent=NStepDQNAgent,
    smoke=Smoke(
        "CartPole-v1", 10_000,
        {"learning_rate": 2.3e-3, "batch_size": 64, "train_freq": 8, "gradient_steps": 4,
         "target_update_interval": 50, "learning_starts": 500, "exploration_fraction": 0.2},
    ),
    emits=EPSILON_SCALARS,
    signals=Q_SIGNALS,
    minibatch=td_minibatch(reward=r"R^{(n)}", discount=r"\gamma^{(n)}", first=2),
    default_steps=100_000,
    parent="dqn",
    references=(
        "Watkins (1989), Learning from delayed rewards",
        "Hessel et al. (2018), Rainbow: combining improvements in deep reinforcement learning, AAAI",
    ),
)  # fmt: skip
