r"""Deep Q-network with prioritised replay.

DQN that draws transitions by how wrong it was about them, instead of all alike. Most steps of an episode teach little; the few
that surprise are replayed until they no longer do.

A transition's priority is the size of its last error δ plus a small constant ξ, raised to ω; a new one gets the largest priority
so far, so that each is soon seen once. It is drawn with the probability P that its share of the sum makes:

$$P(i) = \frac{p_i}{\sum_k p_k}, \qquad p_i = \big(|\delta_i| + \xi\big)^\omega \tag{1}$$

What is drawn more often would count more in the mean. Importance weights take that back, fully where β is 1. N is the size of the
buffer, β rises on a line to 1 over the budget, and the weights of a minibatch are divided by their largest, so that they only
ever make steps smaller:

$$w_i = \big(N\, P(i)\big)^{-\beta} \tag{2}$$

The target is DQN's. After a terminated step nothing follows; after a truncated one the value of the state it was stopped in does:

$$y = r_{t+1} + \gamma\,(1 - \text{terminated}_{t+1})\,\max_{a'} Q_{\theta^-}(s_{t+1}, a') \tag{3}$$

Huber's loss and its gradient carry the weights:

$$L(\theta) = \mathbb{E}\big[w\, h\big(Q_\theta(s_t, a_t) - y\big)\big], \qquad h(\delta) = \begin{cases} \tfrac12 \delta^2 & |\delta| < 1 \\ |\delta| - \tfrac12 & \text{otherwise} \end{cases} \tag{4}$$

$$\frac{\partial L}{\partial Q_\theta(s_t, a)} = \frac{w}{B}\,\mathbb{1}[a = a_t]\;\mathrm{clip}\big(Q_\theta(s_t, a_t) - y,\, -1,\, 1\big) \tag{5}$$

With ω = 0 every transition is drawn alike and every weight is 1: DQN, but for the draw of one transition from each of B equal parts of
the sum.

What this file leaves out:
1. priorities by rank instead of by size, the paper's other form;
2. double Q-learning, with which the paper runs it, frame stacking and clipping of rewards;
3. the lower learning rate that the paper takes because surprising steps have larger gradients: it is yours to set.

Sources: Schaul, Quan, Antonoglou and Silver (2016), "Prioritized experience replay", ICLR; exponents as there, Huber loss and
counting of steps as in Stable-Baselines3's DQN.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config, Hyper
from app.core.contracts import Problem
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.q_learner import EPSILON_SCALARS, Q_SIGNALS, EpsilonSchedule, QLearner, ReplayLearning
from app.parts.replay import Transitions
from app.parts.schedules import linear
from app.parts.sum_tree import SumTree
from app.parts.td_minibatch import td_minibatch, td_numbers, weighted

Array = NDArray[Any]


class PrioritizedDQNConfig(EpsilonSchedule, ReplayLearning):
    """Hyperparameters of prioritised DQN: those of DQN, and the exponents of the paper."""

    # fmt: off
    priority_exponent: float = Hyper(0.6, low=0, high=1, symbol=r"\omega", live="update",
        help=_("How strongly errors decide what is replayed: raising it from 0 (uniform) to 1 (in proportion) looks more at what surprises."))
    beta: float = Hyper(0.4, low=0, high=1, symbol=r"\beta_0", live="update",
        help=_("Correction at the start, which rises to 1 over the budget: raising it undoes more of the bias from the beginning."))
    priority_floor: float = Hyper(1e-6, above=0, high=1, unit=_("reward"), scale="log", live="update", advanced=True,
        help=_("Added to every error: raising it keeps well-known transitions in play."))
    # fmt: on


def sizes(errors: Array, floor: float) -> Array:
    """Return |δ| + ξ (1) of transitions with errors (B,); the tree raises it to ω."""
    return np.asarray(np.abs(errors.astype(np.float64)) + floor)  # (1)


def importance_weights(probabilities: Array, size: int, beta: float) -> Array:
    """Return the weights (2) of transitions drawn with probabilities (B,) from a buffer of `size`, not yet scaled."""
    return np.asarray((size * probabilities) ** -beta)  # (2)


def td_targets(rewards: Array, terminated: Array, next_q: Array, gamma: float) -> Array:
    """Return y (3) for rewards and terminated (B,) and the target network's values of what follows, next_q (B, A)."""
    return np.asarray(rewards + gamma * (1 - terminated) * next_q.max(axis=1))  # (3)


def huber_loss(errors: Array, weights: Array) -> float:
    """Return the weighted mean Huber loss (4) of errors Q − y and weights (B,)."""
    size = np.abs(errors)
    return float((weights * np.where(size < 1, 0.5 * errors**2, size - 0.5)).mean())  # (4)


def huber_gradient(errors: Array, weights: Array, actions: Array, n_actions: int) -> Array:
    """Return the gradient (5) of the loss with respect to Q(s, ·), (B, A), for errors, weights and actions (B,)."""
    gradient = np.zeros((len(errors), n_actions), errors.dtype)
    gradient[np.arange(len(errors)), actions] = weights * np.clip(errors, -1, 1) / len(errors)  # (5)
    return gradient


class PrioritizedDQNAgent(QLearner):
    """A network of action values, trained by DQN on N environments at once."""

    config: PrioritizedDQNConfig
    saved = (*QLearner.saved, "tree")

    def __init__(self, config: PrioritizedDQNConfig, problem: Problem) -> None:
        super().__init__(config, problem)
        self.tree = SumTree(len(self.replay.rewards), config.priority_exponent)

    def edit(self, config: Config) -> None:
        """Continue under an edited configuration; another ω holds for the priorities of all rows at once."""
        super().edit(config)
        if self.config.priority_exponent != self.tree.exponent:
            self.tree.raise_to(self.config.priority_exponent)

    def update(self, max_steps: int) -> Report:
        """Act until the next update is due and learn; return sooner after `max_steps` steps."""
        start, scalars = self.env_steps, dict[str, float]()
        while not scalars:
            self.collect_step()
            self.tree.add(self.replay.newest(self.config.n_envs))
            if self.must_move_target:
                self.move_target()
            if self.must_learn:
                scalars = self.learn()
            if self.env_steps - start + self.config.n_envs > max_steps:
                break
        return Report(self.env_steps - start, int(bool(scalars)), self.episodes.take(), scalars)

    def learn(self) -> dict[str, float]:
        """Take `gradient_steps` steps, each on a fresh minibatch, and return what they measured."""
        config, measured = self.config, []
        for _step in range(config.gradient_steps):
            rows, probabilities = self.tree.draw(config.batch_size, self.replay_random)
            weights = importance_weights(probabilities, self.replay.size, self.beta)
            numbers, errors = self.differentiate(self.replay.take(rows), weights / weights.max())
            numbers |= {"train/beta": self.beta, "train/weight_max": float(weights.max())}
            numbers["train/grad_norm"] = self.descend(numbers["train/loss"])
            self.tree.put(rows, sizes(errors, config.priority_floor))
            measured.append(numbers)
        return self.summary(measured)

    @property
    def beta(self) -> float:
        """The exponent of the importance weights now."""
        return linear(self.config.beta, 1.0, step=self.env_steps, duration=self.total_steps)

    def differentiate(self, batch: Transitions, weights: Array) -> tuple[dict[str, float], Array]:
        """Compute the gradient of the loss of a minibatch; return what the minibatch tells as numbers, and its errors (B,)."""
        next_q = self.target_network.forward(batch.next_observations)
        targets = td_targets(batch.rewards, batch.terminated, next_q, self.config.gamma)
        activations = self.q_network.activations(batch.observations)
        q = activations[-1]
        q_taken = q[np.arange(len(q)), batch.actions]
        errors, weights = q_taken - targets, weights.astype(q.dtype)
        self.q_network.backward(activations, huber_gradient(errors, weights, batch.actions, q.shape[1]))
        columns = partial(
            td_numbers, batch.rewards, self.config.gamma, terminated=batch.terminated,
            next_values=next_q.max(axis=1), targets=targets, q=q_taken,
        )  # fmt: skip
        self.noted.minibatch(batch.observations, batch.actions, lambda: weighted(columns(), weights))
        misses = np.abs(errors)
        numbers = {
            "train/loss": huber_loss(errors, weights),
            "train/td_error_mean": float(misses.mean()),
            "train/td_error_max": float(misses.max()),
            "train/q_mean": float(q_taken.mean()),
            "train/q_max": float(q_taken.max()),
        }
        return numbers, errors


SPEC = AlgorithmSpec(
    id="prioritized_dqn",
    name=_("Prioritised DQN"),
    summary=_("DQN that replays what surprised it most often, and weighs such steps less so that they do not bend the average."),
    family="value_based",
    version=2,
    config=PrioritizedDQNConfig,
    agent=PrioritizedDQNAgent,
    smoke=Smoke(
        "CartPole-v1", 10_000,
        {"learning_rate": 2.3e-3, "batch_size": 64, "train_freq": 8, "gradient_steps": 4,
         "target_update_interval": 50, "learning_starts": 500, "exploration_fraction": 0.2},
    ),
    emits=(*EPSILON_SCALARS, "train/beta", "train/weight_max"),
    signals=Q_SIGNALS,
    minibatch=td_minibatch(first=3, is_weighted=True),
    default_steps=100_000,
    parent="dqn",
    references=(
        "Schaul, Quan, Antonoglou, Silver (2016), Prioritized experience replay, ICLR",
    ),
)  # fmt: skip
