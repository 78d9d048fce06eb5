r"""Rainbow, with quantiles.

Six refinements of DQN in one agent: double choice, dueling streams, prioritised replay, n-step targets, noisy weights, and a
distribution in place of the mean. Each has a file of its own, in which it can be studied alone; here one sees how they meet.

The network has two streams, the value v and the advantages A, and each gives K quantiles. Together they are the quantiles of the
return of each action, and Q is their mean:

$$z_i(s, a) = v_i(s) + A_i(s, a) - \frac{1}{|\mathcal{A}|} \sum_{a'} A_i(s, a'), \qquad Q(s, a) = \frac{1}{K} \sum_{i=1}^{K} z_i(s, a) \tag{1}$$

Every weight carries learned noise, drawn anew for each action and each minibatch, for the network, the target network and the
choice of the next action; there is no ε. The network chooses, the target network judges, and up to n rewards come before either:

$$a^* = \arg\max_{a'} Q_\theta(s_{t+m}, a') \tag{2}$$

$$y_j = \sum_{k=1}^{m} \gamma^{k-1}\, r_{t+k} + \gamma^m\,(1 - \text{terminated}_{t+m})\, z^-_j(s_{t+m}, a^*), \qquad m \leq n \tag{3}$$

After a terminated step nothing follows; after a truncated one the distribution of the state it was stopped in does. The loss of a
transition is that of quantile regression, with Huber's function h and $\tau_i = (i - \tfrac12) / K$:

$$\ell = \frac{1}{K} \sum_{i=1}^{K} \sum_{j=1}^{K} \big|\tau_i - \mathbb{1}[u_{ij} < 0]\big|\, h(u_{ij}), \qquad u_{ij} = y_j - z_i(s_t, a_t) \tag{4}$$

A transition is drawn with a probability P in proportion to $p = (\ell + \xi)^\omega$, and weighed so that the mean stays honest, β rising to 1:

$$L(\theta) = \mathbb{E}\big[w\,\ell\big], \qquad w = \frac{(N P)^{-\beta}}{\max_k\, (N P_k)^{-\beta}} \tag{5}$$

What this file leaves out:
1. the categorical distribution of the paper (C51), which needs the range of returns in advance: quantiles, as in QR-DQN, do not;
2. frame stacking, the convolutional network for images and clipping of rewards;
3. switches for its parts: each part's own file is the comparison.

Sources: Hessel et al. (2018), "Rainbow: combining improvements in deep reinforcement learning", AAAI; Dabney et al. (2018),
"Distributional reinforcement learning with quantile regression", AAAI; counting of steps as in Stable-Baselines3's DQN.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config, Hyper
from app.core.contracts import Problem
from app.core.jit import kernel
from app.core.randomness import Stream
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.networks import Shape
from app.parts.noisy import NoisyNetworks
from app.parts.policies import epsilon_greedy
from app.parts.q_learner import Q_SCALARS, Q_SIGNALS, QLearner, ReplayLearning
from app.parts.quantile_minibatch import quantile_minibatch, quantile_numbers, weighted
from app.parts.schedules import linear
from app.parts.sum_tree import SumTree
from app.parts.two_streams import TwoStreams, streams

Array = NDArray[Any]


class RainbowConfig(ReplayLearning):
    """Hyperparameters of Rainbow: those of DQN without ε, and one or two of each refinement, with the paper's values."""

    # fmt: off
    n_steps: int = Hyper(3, low=1, high=100, unit=_("env steps"), symbol="n", live="update",
        help=_("Rewards that a target counts before it trusts the network: raising it spreads news faster, with more noise and more of the old behaviour in it."))
    n_quantiles: int = Hyper(51, low=2, high=400, unit=_("quantiles"), symbol="K", settled=True,
        help=_("Quantiles of the return of each action: raising it draws the distribution finer, at a cost that grows with the square."))
    sigma: float = Hyper(0.5, low=0, high=10, symbol=r"\sigma_0", settled=True,
        help=_("Noise at the start, as a share of the weights' range: raising it explores more before anything is learned."))
    priority_exponent: float = Hyper(0.5, low=0, high=1, symbol=r"\omega", live="update",
        help=_("How strongly losses decide what is replayed: raising it from 0 (uniform) to 1 (in proportion) looks more at what surprises."))
    beta: float = Hyper(0.4, low=0, high=1, symbol=r"\beta_0", live="update",
        help=_("Correction at the start, which rises to 1 over the budget: raising it undoes more of the bias from the beginning."))
    priority_floor: float = Hyper(1e-6, above=0, high=1, scale="log", live="update", advanced=True,
        help=_("Added to every loss: raising it keeps well-known transitions in play."))
    # fmt: on


def combine(v: Array, advantages: Array) -> Array:
    """Return the quantiles z (1) of v (B, 1, K) and advantages (B, A, K), as (B, A, K)."""
    return np.asarray(v + advantages - advantages.mean(axis=1, keepdims=True))  # (1)


def distribution_targets(returns: Array, discounts: Array, next_z: Array) -> Array:
    """Return y (3) as (B, K) for n-step returns (B,), discounts (B,), 0 where an end terminated, and z⁻ of a* (B, K)."""
    return np.asarray(returns[:, None] + discounts[:, None] * next_z)  # (3)


@kernel
def quantile_huber(z: Array, y: Array, weights: Array, losses: Array, gradient: Array) -> None:
    """Write the losses (4) (B,) of quantiles z (B, K) against targets y (B, K), and the gradient of their weighted mean (B, K).

    With c the clipped u, Huber's h(u) is c (u − c / 2); the inner loop goes over the quantiles because it is vectorised so.
    """
    n_samples, n_quantiles = z.shape
    shares = (np.arange(n_quantiles) + 0.5) / n_quantiles
    sums, slopes = np.empty(n_quantiles), np.empty(n_quantiles)
    for sample in range(n_samples):
        sums[:], slopes[:] = 0.0, 0.0
        for j in range(n_quantiles):
            for i in range(n_quantiles):
                u = np.float64(y[sample, j]) - np.float64(z[sample, i])
                weight = 1.0 - shares[i] if u < 0 else shares[i]
                clipped = min(max(u, -1.0), 1.0)
                sums[i] += weight * clipped * (u - 0.5 * clipped)
                slopes[i] -= weight * clipped
        for i in range(n_quantiles):
            gradient[sample, i] = weights[sample] * slopes[i] / (n_samples * n_quantiles)  # (5)
        losses[sample] = sums.sum() / n_quantiles  # (4)


class RainbowAgent(QLearner):
    """A noisy network of two streams of quantiles, trained from prioritised n-step transitions."""

    config: RainbowConfig
    online: NoisyNetworks
    target: NoisyNetworks
    saved = (*QLearner.saved, "tree")
    counters = {**QLearner.counters, "noise_drawn": "noise_random"}

    def __init__(self, config: RainbowConfig, problem: Problem) -> None:
        super().__init__(config, problem)
        self.tree = SumTree(len(self.replay.rewards), config.priority_exponent)
        self.noise_random = problem.stream("noise")

    def edit(self, config: Config) -> None:
        """Continue under an edited configuration; another ω holds for the priorities of all rows at once."""
        super().edit(config)
        if self.config.priority_exponent != self.tree.exponent:
            self.tree.raise_to(self.config.priority_exponent)

    def build(self, shape: Shape) -> None:
        """Make the network and its target, each of two noisy streams of quantiles."""
        k, start = self.config.n_quantiles, self.config.sigma
        shapes = streams(shape, k, self.n_actions * k)
        self.online, self.target = (NoisyNetworks(*shapes, start=start) for _copy in range(2))
        self.streams, self.target_streams = TwoStreams(self.online.mlps), TwoStreams(self.target.mlps)

    def quantiles(self, outputs: tuple[Array, Array]) -> Array:
        """Return z (B, A, K) of the outputs of both streams."""
        v, advantages = outputs
        return combine(v[:, None, :], advantages.reshape(len(v), self.n_actions, -1))

    @property
    def epsilon(self) -> float:
        """The probability of a uniformly random action: 1 until learning starts, then 0."""
        return float(self.env_steps < self.config.learning_starts)

    def behave(self) -> Array:
        """Return the best actions (N,) under fresh noise."""
        self.online.draw(self.noise_random)
        q = self.quantiles(self.streams.forward(self.observations)).mean(axis=2)
        return epsilon_greedy(q, self.epsilon, self.action_random)

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
            weights = (self.replay.size * probabilities) ** -self.beta
            numbers, losses = self.differentiate(rows, weights / weights.max())  # (5)
            numbers |= {"train/beta": self.beta, "train/weight_max": float(weights.max())}
            numbers["train/grad_norm"] = self.descend(numbers["train/loss"])
            self.tree.put(rows, losses + config.priority_floor)
            measured.append(numbers)
        return self.summary(measured)

    @property
    def beta(self) -> float:
        """The exponent of the importance weights now."""
        return linear(self.config.beta, 1.0, step=self.env_steps, duration=self.total_steps)

    def differentiate(self, rows: Array, weights: Array) -> tuple[dict[str, float], Array]:
        """Compute the gradient of the loss of a minibatch; return what it tells as numbers, and its losses (B,)."""
        batch = self.replay.take(rows)
        targets, columns = self.targets(rows)
        self.online.draw(self.noise_random)
        activations = self.streams.activations(batch.observations)
        z, taken = self.quantiles(activations.outputs), (np.arange(len(rows)), batch.actions)
        z_taken, losses, part = z[taken], np.empty(len(rows)), np.empty_like(targets)
        quantile_huber(z_taken, targets, weights, losses, part)
        gradient = np.zeros_like(z)
        gradient[taken] = part
        centred = gradient - gradient.mean(axis=1, keepdims=True)
        self.streams.backward(activations, gradient.sum(axis=1), centred.reshape(len(z), -1))
        self.online.collect()
        self.noted.minibatch(batch.observations, batch.actions, lambda: weighted(columns(z=z_taken), weights))
        q_taken = z_taken.mean(axis=1)
        sizes = np.abs(q_taken - targets.mean(axis=1))
        numbers = {
            "train/loss": float((weights * losses).mean()),  # (5)
            "train/td_error_mean": float(sizes.mean()),
            "train/td_error_max": float(sizes.max()),
            "train/q_mean": float(q_taken.mean()),
            "train/q_max": float(q_taken.max()),
            "train/quantile_spread": float(z_taken.std(axis=1).mean()),
        }
        return numbers, losses

    def targets(self, rows: Array) -> tuple[Array, Callable[..., dict[str, Any]]]:
        """Return y (B, K) of the transitions in rows (B,), under fresh noise, and what gives its numbers for pictures."""
        after = self.replay.follow(rows, self.config.n_steps, self.config.gamma)
        last = self.replay.take(after.last)
        self.online.draw(self.noise_random)
        best = self.quantiles(self.streams.forward(last.next_observations)).mean(axis=2).argmax(axis=1)  # (2)
        self.target.draw(self.noise_random)
        next_z = self.quantiles(self.target_streams.forward(last.next_observations))[np.arange(len(rows)), best]
        discounts = after.discounts * (1 - last.terminated)
        y = distribution_targets(after.rewards.astype(np.float32), discounts.astype(np.float32), next_z)
        columns = partial(
            quantile_numbers, after.rewards, after.discounts, terminated=last.terminated, next_z=next_z, targets=y
        )  # fmt: skip
        return y, columns

    def exploration(self) -> dict[str, float]:
        """Return how much noise is left."""
        return {"train/noise": self.online.share}

    def calm_quantiles(self, observations: Array) -> Array:
        """Return z (B, A, K) of observations (B, D), without noise."""
        self.online.calm()
        return self.quantiles(self.streams.forward(observations))

    def q_values(self, observations: Array) -> Array:
        """Return Q (B, A) of observations (B, D), without noise."""
        return np.asarray(self.calm_quantiles(observations).mean(axis=2))

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return the best actions (N,), without noise or under noise drawn from `random`."""
        if greedy or random is None:
            return np.asarray(self.q_values(observations).argmax(axis=1))
        self.online.draw(random)
        return np.asarray(self.quantiles(self.streams.forward(observations)).mean(axis=2).argmax(axis=1))

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for; observations are (B, D)."""
        return {**super().signals(), "quantiles_at": self.calm_quantiles}


SPEC = AlgorithmSpec(
    id="rainbow",
    name=_("Rainbow (quantiles)"),
    summary=_("All the refinements of DQN at once: double, dueling, prioritised, n-step, noisy, and a distribution by quantiles."),
    family="value_based",
    version=2,
    config=RainbowConfig,
    agent=RainbowAgent,
    smoke=Smoke(
        "CartPole-v1", 10_000,
        {"learning_rate": 1e-3, "batch_size": 64, "train_freq": 8, "gradient_steps": 4,
         "target_update_interval": 50, "learning_starts": 500, "n_quantiles": 16},
    ),
    emits=(*Q_SCALARS, "train/noise", "train/beta", "train/weight_max", "train/quantile_spread"),
    signals=(*Q_SIGNALS, "quantiles_at"),
    minibatch=quantile_minibatch(
        r"Q_{\theta^-}(s', a^*)", reward=r"R^{(m)}", discount=r"\gamma^{m}", numbers=(3, 4, 5), weight=5
    ),
    default_steps=100_000,
    parent="qr_dqn",
    references=(
        "Hessel et al. (2018), Rainbow: combining improvements in deep reinforcement learning, AAAI",
        "Dabney, Rowland, Bellemare, Munos (2018), Distributional reinforcement learning with quantile regression, AAAI",
    ),
)  # fmt: skip
