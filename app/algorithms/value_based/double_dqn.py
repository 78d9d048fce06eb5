r"""Double deep Q-network (double DQN).

DQN with one line changed: the network picks the next action and the target network says what it is worth. A maximum over
noisy estimates is too high on average; an estimate that did not pick the action has no reason to flatter it.

The choice of the network with parameters θ, and the target, in which the target network with θ⁻ judges that choice:

$$a^* = \arg\max_{a'} Q_\theta(s_{t+1}, a') \tag{1}$$

$$y = r_{t+1} + \gamma\,(1 - \text{terminated}_{t+1})\, Q_{\theta^-}(s_{t+1}, a^*) \tag{2}$$

After a terminated step nothing follows; after a truncated one the value of the state it was stopped in does. DQN's target,
with its maximum over $Q_{\theta^-}$, is never lower; how much lower this one is on average is the curve "gap of the estimators".

The loss is Huber's with its bound κ, as in DQN, and so is its gradient, the clipped error at the action taken:

$$L(\theta) = \mathbb{E}\big[h\big(Q_\theta(s_t, a_t) - y\big)\big], \qquad h(\delta) = \begin{cases} \tfrac12 \delta^2 & |\delta| < \kappa \\ \kappa\,(|\delta| - \tfrac12 \kappa) & \text{otherwise} \end{cases} \tag{3}$$

$$\frac{\partial L}{\partial Q_\theta(s_t, a)} = \frac{1}{B}\,\mathbb{1}[a = a_t]\;\mathrm{clip}\big(Q_\theta(s_t, a_t) - y,\, -\kappa,\, \kappa\big) \tag{4}$$

What this file leaves out:
1. two networks that learn from separate data, as the table version has them: the target network is an older copy of the same
   one, so the two estimates are not independent and the bias shrinks but does not vanish;
2. frame stacking, the convolutional network for images and clipping of rewards, as in DQN;
3. the paper's own small settings for Atari; the defaults are those of DQN.

Sources: Van Hasselt, Guez and Silver (2016), "Deep reinforcement learning with double Q-learning", AAAI; Huber loss and counting
of steps as in Stable-Baselines3's DQN.
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
from app.parts.replay import Transitions
from app.parts.td_minibatch import bounded, td_minibatch, td_numbers

Array = NDArray[Any]


class DoubleDQNConfig(EpsilonSchedule, ReplayLearning):
    """Hyperparameters of double DQN: those of DQN."""

    # fmt: off
    huber_bound: float = Hyper(1.0, above=0, high=1e9, symbol=r"\kappa", unit=_("reward"), live="update", advanced=True,
        help=_("Errors beyond it count in a line: raising it lets wild targets pull harder; very large, every error counts squared."))
    # fmt: on


def td_targets(rewards: Array, terminated: Array, next_q: Array, best: Array, *, gamma: float) -> Array:
    """Return y (2) for rewards and terminated (B,), the target network's next_q (B, A) and the network's choices (B,)."""
    return np.asarray(rewards + gamma * (1 - terminated) * next_q[np.arange(len(best)), best])  # (2)


def huber_loss(errors: Array, bound: float = 1.0) -> float:
    """Return the mean Huber loss (3) of errors Q − y (B,)."""
    size = np.abs(errors)
    return float(np.where(size < bound, 0.5 * errors**2, bound * (size - 0.5 * bound)).mean())  # (3)


def huber_gradient(errors: Array, actions: Array, n_actions: int, bound: float = 1.0) -> Array:
    """Return the gradient (4) of the mean Huber loss with respect to Q(s, ·), (B, A), for errors and actions (B,)."""
    gradient = np.zeros((len(errors), n_actions), errors.dtype)
    gradient[np.arange(len(errors)), actions] = np.clip(errors, -bound, bound) / len(errors)  # (4)
    return gradient


class DoubleDQNAgent(QLearner):
    """A network of action values, trained by DQN on N environments at once."""

    config: DoubleDQNConfig

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
        next_q = self.target_network.forward(batch.next_observations)
        best = self.q_network.forward(batch.next_observations).argmax(axis=1)  # (1)
        targets = td_targets(batch.rewards, batch.terminated, next_q, best, gamma=self.config.gamma)
        activations = self.q_network.activations(batch.observations)
        q = activations[-1]
        q_taken = q[np.arange(len(q)), batch.actions]
        errors, bound = q_taken - targets, self.config.huber_bound
        self.q_network.backward(activations, huber_gradient(errors, batch.actions, q.shape[1], bound))
        columns = partial(
            td_numbers, batch.rewards, self.config.gamma, terminated=batch.terminated,
            next_values=next_q[np.arange(len(best)), best], targets=targets, q=q_taken,
        )  # fmt: skip
        self.noted.minibatch(batch.observations, batch.actions, lambda: bounded(columns(), bound))
        sizes = np.abs(errors)
        return {
            "train/loss": huber_loss(errors, bound),
            "train/td_error_mean": float(sizes.mean()),
            "train/td_error_max": float(sizes.max()),
            "train/q_mean": float(q_taken.mean()),
            "train/q_max": float(q_taken.max()),
            "train/estimator_gap": float((next_q.max(axis=1) - next_q[np.arange(len(best)), best]).mean()),
        }


SPEC = AlgorithmSpec(
    id="double_dqn",
    name=_("Double DQN"),
    summary=_("Two networks share the judgement of the next state: one picks the action, the other says what it is worth."),
    family="value_based",
    version=1,
    config=DoubleDQNConfig,
    agent=DoubleDQNAgent,
    smoke=Smoke(
        "CartPole-v1", 10_000,
        {"learning_rate": 2.3e-3, "batch_size": 64, "train_freq": 8, "gradient_steps": 4,
         "target_update_interval": 50, "learning_starts": 500, "exploration_fraction": 0.2},
    ),
    emits=(*EPSILON_SCALARS, "train/estimator_gap"),
    signals=Q_SIGNALS,
    minibatch=td_minibatch(r"Q_{\theta^-}(s', a^*)", first=2, has_bound=True),
    default_steps=100_000,
    parent="dqn",
    references=(
        "Van Hasselt, Guez, Silver (2016), Deep reinforcement learning with double Q-learning, AAAI",
        "Van Hasselt (2010), Double Q-learning, NeurIPS 23",
    ),
)  # fmt: skip
