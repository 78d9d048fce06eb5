r"""Deep Q-network (DQN).

Q-learning with a network in place of the table. Two things keep it stable: minibatches drawn from a replay buffer, which
breaks the correlation of successive steps, and a target network that changes only now and then.

The target of a transition, with the target network's parameters θ⁻. After a terminated step nothing follows; after a
truncated one the value of the state it was stopped in does:

$$y = r_{t+1} + \gamma\,(1 - \text{terminated}_{t+1})\,\max_{a'} Q_{\theta^-}(s_{t+1}, a') \tag{1}$$

The loss is Huber's: quadratic for errors below a bound κ, usually 1, and linear beyond, so that one wild target cannot dominate a
minibatch. The price is that large errors, too, pull no harder than small ones:

$$L(\theta) = \mathbb{E}\big[h\big(Q_\theta(s_t, a_t) - y\big)\big], \qquad h(\delta) = \begin{cases} \tfrac12 \delta^2 & |\delta| < \kappa \\ \kappa\,(|\delta| - \tfrac12 \kappa) & \text{otherwise} \end{cases} \tag{2}$$

Its gradient needs no automatic differentiation: for each of the B transitions of a minibatch it is the error, clipped, at the
action taken and zero elsewhere, from where the chain rule goes down through the layers:

$$\frac{\partial L}{\partial Q_\theta(s_t, a)} = \frac{1}{B}\,\mathbb{1}[a = a_t]\;\mathrm{clip}\big(Q_\theta(s_t, a_t) - y,\, -\kappa,\, \kappa\big) \tag{3}$$

What the variants share is in the part `q_learner`: actions are ε-greedy, ε falling on a line over the first part of the budget,
and the target network moves towards θ every few steps.

Both stabilisers can be switched off to see what they are for. Without the target network, (1) takes θ in place of θ⁻. Without
replay, a minibatch is the newest `batch_size` transitions in the order in which they were made.

What this file leaves out:
1. frame stacking and the convolutional network for images;
2. clipping of rewards to [−1, 1];
3. RMSProp, for which everyone now takes Adam;
4. the refinements with files of their own: double, dueling, prioritised, n-step, noisy, quantiles, and all of them together.

Sources: Mnih et al. (2015), "Human-level control through deep reinforcement learning", Nature 518; defaults, Huber loss and
counting of steps as in Stable-Baselines3, but for the learning rate's schedule, which is constant here.
"""

from dataclasses import replace
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


class DQNConfig(EpsilonSchedule, ReplayLearning):
    """Hyperparameters of DQN; the defaults are those of Stable-Baselines3."""

    # fmt: off
    huber_bound: float = Hyper(1.0, above=0, high=1e9, symbol=r"\kappa", unit=_("reward"), live="update", advanced=True,
        help=_("Errors beyond it count in a line: raising it lets wild targets pull harder; very large, every error counts squared."))
    use_target_network: bool = Hyper(True, live="update", advanced=True,
        help=_("Off: targets come from the network that is being changed, which then chases itself."))
    use_replay: bool = Hyper(True, live="update", advanced=True,
        help=_("Off: each minibatch is the newest transitions, which resemble one another; everything older is forgotten."))
    # fmt: on


def td_targets(rewards: Array, terminated: Array, next_q: Array, gamma: float) -> Array:
    """Return y (1) for rewards and terminated (B,) and the target network's values of what follows, next_q (B, A)."""
    return np.asarray(rewards + gamma * (1 - terminated) * next_q.max(axis=1))  # (1)


def huber_loss(errors: Array, bound: float = 1.0) -> float:
    """Return the mean Huber loss (2) of errors Q − y (B,)."""
    size = np.abs(errors)
    return float(np.where(size < bound, 0.5 * errors**2, bound * (size - 0.5 * bound)).mean())  # (2)


def huber_gradient(errors: Array, actions: Array, n_actions: int, bound: float = 1.0) -> Array:
    """Return the gradient (3) of the mean Huber loss with respect to Q(s, ·), (B, A), for errors and actions (B,)."""
    gradient = np.zeros((len(errors), n_actions), errors.dtype)
    gradient[np.arange(len(errors)), actions] = np.clip(errors, -bound, bound) / len(errors)  # (3)
    return gradient


class DQNAgent(QLearner):
    """A network of action values, trained by DQN on N environments at once."""

    config: DQNConfig

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
            rows = self.replay.draw(size, self.replay_random) if self.config.use_replay else self.replay.newest(size)
            numbers = self.differentiate(self.replay.take(rows))
            numbers["train/grad_norm"] = self.descend(numbers["train/loss"])
            measured.append(numbers)
        return self.summary(measured)

    def differentiate(self, batch: Transitions) -> dict[str, float]:
        """Compute the gradient of the loss of a minibatch, and return what the minibatch tells as numbers."""
        judge = self.target_network if self.config.use_target_network else self.q_network
        next_q = judge.forward(batch.next_observations)
        targets = td_targets(batch.rewards, batch.terminated, next_q, self.config.gamma)
        activations = self.q_network.activations(batch.observations)
        q = activations[-1]
        q_taken = q[np.arange(len(q)), batch.actions]
        errors, bound = q_taken - targets, self.config.huber_bound
        self.q_network.backward(activations, huber_gradient(errors, batch.actions, q.shape[1], bound))
        columns = partial(
            td_numbers, batch.rewards, self.config.gamma, terminated=batch.terminated,
            next_values=next_q.max(axis=1), targets=targets, q=q_taken,
        )  # fmt: skip
        self.noted.use(use_target_network=self.config.use_target_network)
        self.noted.minibatch(batch.observations, batch.actions, lambda: bounded(columns(), bound))
        sizes = np.abs(errors)
        return {
            "train/loss": huber_loss(errors, bound),
            "train/td_error_mean": float(sizes.mean()),
            "train/td_error_max": float(sizes.max()),
            "train/q_mean": float(q_taken.mean()),
            "train/q_max": float(q_taken.max()),
        }


SPEC = AlgorithmSpec(
    id="dqn",
    name=_("DQN"),
    summary=_("Q-learning with a neural network, a replay buffer and a target network that changes slowly."),
    family="value_based",
    version=2,
    config=DQNConfig,
    agent=DQNAgent,
    smoke=Smoke(
        "CartPole-v1", 10_000,
        {"learning_rate": 2.3e-3, "batch_size": 64, "train_freq": 8, "gradient_steps": 4,
         "target_update_interval": 50, "learning_starts": 500, "exploration_fraction": 0.2},
    ),
    parent="q_learning",
    emits=EPSILON_SCALARS,
    signals=Q_SIGNALS,
    minibatch=replace(td_minibatch(has_bound=True), without=(("use_target_network", r"\theta^-", r"\theta"),)),
    default_steps=100_000,
    references=(
        "Mnih et al. (2015), Human-level control through deep reinforcement learning, Nature 518",
        "Lin (1992), Self-improving reactive agents based on reinforcement learning, planning and teaching",
    ),
)  # fmt: skip
