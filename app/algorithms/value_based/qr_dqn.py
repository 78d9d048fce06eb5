r"""Quantile regression DQN (QR-DQN).

DQN that learns the distribution of the return instead of its mean: K numbers for each action, the i-th of which is the return
that is not reached with probability $\tau_i$. It still acts on the mean; learning the rest makes the mean better.

Q is the mean of the quantiles z, and the next action the one of largest Q in the target network:

$$Q(s, a) = \frac{1}{K} \sum_{i=1}^{K} z_i(s, a), \qquad \tau_i = \frac{i - \tfrac12}{K} \tag{1}$$

$$a^* = \arg\max_{a'} Q_{\theta^-}(s_{t+1}, a') \tag{2}$$

Each of the K quantiles of that action gives a target. After a terminated step nothing follows; after a truncated one the
distribution of the state it was stopped in does:

$$y_j = r_{t+1} + \gamma\,(1 - \text{terminated}_{t+1})\, z^-_j(s_{t+1}, a^*) \tag{3}$$

The loss compares every quantile with every target. Targets above pull with weight $\tau_i$, targets below push with weight
$1 - \tau_i$, which rest where a share $\tau_i$ of them lies below; h is Huber's function:

$$L(\theta) = \mathbb{E}\Big[\sum_{i=1}^{K} \frac{1}{K} \sum_{j=1}^{K} \big|\tau_i - \mathbb{1}[u_{ij} < 0]\big|\, h(u_{ij})\Big], \qquad u_{ij} = y_j - z_i(s_t, a_t) \tag{4}$$

$$\frac{\partial L}{\partial z_i(s_t, a_t)} = -\frac{1}{B K} \sum_{j=1}^{K} \big|\tau_i - \mathbb{1}[u_{ij} < 0]\big|\; \mathrm{clip}(u_{ij},\, -1,\, 1) \tag{5}$$

What this file leaves out:
1. acting on anything but the mean, as one who fears or seeks risk would;
2. keeping the quantiles in order: nothing forces $z_i \leq z_{i+1}$;
3. frame stacking, the convolutional network for images and clipping of rewards, as in DQN.

Sources: Dabney, Rowland, Bellemare and Munos (2018), "Distributional reinforcement learning with quantile regression", AAAI;
defaults, Adam's ε of 0.01 / batch_size and counting of steps as in sb3-contrib's QR-DQN.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Hyper
from app.core.jit import kernel
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.q_learner import EPSILON_SCALARS, Q_SIGNALS, EpsilonSchedule, QLearner, ReplayLearning
from app.parts.quantile_minibatch import quantile_minibatch, quantile_numbers
from app.parts.replay import Transitions

Array = NDArray[Any]


class QRDQNConfig(EpsilonSchedule, ReplayLearning):
    """Hyperparameters of QR-DQN; the defaults are those of sb3-contrib."""

    # fmt: off
    n_quantiles: int = Hyper(200, low=2, high=400, unit=_("quantiles"), symbol="K", settled=True,
        help=_("Quantiles of the return of each action: raising it draws the distribution finer, at a cost that grows with the square."))
    learning_rate: float = Hyper(5e-5, above=0, high=1, symbol=r"\alpha", scale="log", live="update",
        help=_("Step size of Adam: raising it learns faster until the quantiles diverge."))
    max_grad_norm: float = Hyper(1e6, above=0, high=1e6, live="update", advanced=True,
        help=_("Largest gradient norm: raising it lets rare large gradients through; the default never holds one back."))
    exploration_fraction: float = Hyper(0.005, low=0, high=1, unit=_("share of the budget"), live="step",
        help=_("Part of the budget over which epsilon falls: raising it explores longer."))
    exploration_final_eps: float = Hyper(0.01, low=0, high=1, symbol=r"\varepsilon", live="step",
        help=_("Epsilon after the fall: raising it keeps exploring, at the price of the training return."))
    # fmt: on


def chosen(next_z: Array) -> Array:
    """Return the quantiles (B, K) of a* (2), of the target network's for every action (B, A, K)."""
    q = next_z.mean(axis=2)  # (1)
    best = q.argmax(axis=1)  # (2)
    return np.asarray(next_z[np.arange(len(best)), best])


def distribution_targets(rewards: Array, terminated: Array, next_z: Array, gamma: float) -> Array:
    """Return y (3) as (B, K) for rewards and terminated (B,) and the quantiles z⁻ of a* (B, K)."""
    return np.asarray(rewards[:, None] + gamma * (1 - terminated[:, None]) * next_z)  # (3)


@kernel
def quantile_huber(z: Array, y: Array, gradient: Array) -> Any:
    """Return the mean loss (4) of quantiles z (B, K) against targets y (B, K), and write its gradient (5) into (B, K).

    With c the clipped u, Huber's h(u) is c (u − c / 2). The inner loop goes over the quantiles, whose sums are apart: it is
    vectorised, which makes it four times faster than one over the targets.
    """
    n_samples, n_quantiles = z.shape
    shares = (np.arange(n_quantiles) + 0.5) / n_quantiles
    losses, slopes = np.zeros(n_quantiles), np.empty(n_quantiles)
    for sample in range(n_samples):
        slopes[:] = 0.0
        for j in range(n_quantiles):
            for i in range(n_quantiles):
                u = np.float64(y[sample, j]) - np.float64(z[sample, i])
                weight = 1.0 - shares[i] if u < 0 else shares[i]
                clipped = min(max(u, -1.0), 1.0)
                losses[i] += weight * clipped * (u - 0.5 * clipped)  # (4)
                slopes[i] -= weight * clipped
        for i in range(n_quantiles):
            gradient[sample, i] = slopes[i] / (n_samples * n_quantiles)  # (5)
    return losses.sum() / (n_samples * n_quantiles)


class QRDQNAgent(QLearner):
    """A network of action values, trained by DQN on N environments at once."""

    config: QRDQNConfig

    @property
    def outputs(self) -> int:
        """K quantiles of each action."""
        return self.n_actions * self.config.n_quantiles

    def quantiles(self, outputs: Array) -> Array:
        """Return a network's outputs as (B, A, K)."""
        return outputs.reshape(len(outputs), self.n_actions, -1)

    def q_values(self, observations: Array) -> Array:
        """Return Q (B, A) of observations (B, D): the means of the quantiles."""
        return np.asarray(self.quantiles(self.q_network.forward(observations)).mean(axis=2))

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
        self.optimiser.epsilon = 0.01 / size
        for _step in range(self.config.gradient_steps):
            numbers = self.differentiate(self.replay.sample(size, self.replay_random))
            numbers["train/grad_norm"] = self.descend(numbers["train/loss"])
            measured.append(numbers)
        return self.summary(measured)

    def differentiate(self, batch: Transitions) -> dict[str, float]:
        """Compute the gradient of the loss of a minibatch, and return what the minibatch tells as numbers."""
        next_z = chosen(self.quantiles(self.target_network.forward(batch.next_observations)))
        targets = distribution_targets(batch.rewards, batch.terminated, next_z, self.config.gamma)
        activations = self.q_network.activations(batch.observations)
        z, taken = self.quantiles(activations[-1]), (np.arange(len(batch.actions)), batch.actions)
        gradient, z_taken, part = np.zeros_like(z), z[taken], np.empty_like(targets)
        loss = quantile_huber(z_taken, targets, part)
        gradient[taken] = part
        self.q_network.backward(activations, gradient.reshape(len(z), -1))
        self.noted.minibatch(batch.observations, batch.actions, partial(
            quantile_numbers, batch.rewards, self.config.gamma, terminated=batch.terminated,
            next_z=next_z, targets=targets, z=z_taken,
        ))  # fmt: skip
        q_taken = z_taken.mean(axis=1)
        sizes = np.abs(q_taken - targets.mean(axis=1))
        return {
            "train/loss": float(loss),
            "train/td_error_mean": float(sizes.mean()),
            "train/td_error_max": float(sizes.max()),
            "train/q_mean": float(q_taken.mean()),
            "train/q_max": float(q_taken.max()),
            "train/quantile_spread": float(z_taken.std(axis=1).mean()),
        }

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for; observations are (B, D)."""
        return {
            **super().signals(),
            "quantiles_at": lambda observations: self.quantiles(self.q_network.forward(observations)),
        }


SPEC = AlgorithmSpec(
    id="qr_dqn",
    name=_("QR-DQN"),
    summary=_("DQN that learns the whole distribution of the return by its quantiles, not only the mean."),
    family="value_based",
    version=1,
    config=QRDQNConfig,
    agent=QRDQNAgent,
    smoke=Smoke(
        "CartPole-v1", 10_000,
        {"learning_rate": 2.3e-3, "batch_size": 64, "train_freq": 8, "gradient_steps": 4,
         "target_update_interval": 50, "learning_starts": 500, "exploration_fraction": 0.2, "n_quantiles": 32},
    ),
    emits=(*EPSILON_SCALARS, "train/quantile_spread"),
    signals=(*Q_SIGNALS, "quantiles_at"),
    minibatch=quantile_minibatch(r"Q_{\theta^-}(s', a^*)", numbers=(3, 4, 5)),
    default_steps=100_000,
    parent="dqn",
    references=(
        "Dabney, Rowland, Bellemare, Munos (2018), Distributional reinforcement learning with quantile regression, AAAI",
    ),
)  # fmt: skip
