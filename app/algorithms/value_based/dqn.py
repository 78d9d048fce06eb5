r"""Deep Q-network (DQN).

Q-learning with a network in place of the table. Two things keep it stable: minibatches drawn from a replay buffer, which
breaks the correlation of successive steps, and a target network that changes only now and then.

The target of a transition, with the target network's parameters θ⁻. After a terminated step nothing follows; after a
truncated one the value of the state it was stopped in does:

$$y = r_{t+1} + \gamma\,(1 - \text{terminated}_{t+1})\,\max_{a'} Q_{\theta^-}(s_{t+1}, a') \tag{1}$$

The loss is Huber's: quadratic for errors below 1 and linear beyond, so that one wild target cannot dominate a minibatch:

$$L(\theta) = \mathbb{E}\big[h\big(Q_\theta(s_t, a_t) - y\big)\big], \qquad h(\delta) = \begin{cases} \tfrac12 \delta^2 & |\delta| < 1 \\ |\delta| - \tfrac12 & \text{otherwise} \end{cases} \tag{2}$$

Its gradient needs no automatic differentiation: for each of the B transitions of a minibatch it is the error, clipped, at the
action taken and zero elsewhere, from where the chain rule goes down through the layers:

$$\frac{\partial L}{\partial Q_\theta(s_t, a)} = \frac{1}{B}\,\mathbb{1}[a = a_t]\;\mathrm{clip}\big(Q_\theta(s_t, a_t) - y,\, -1,\, 1\big) \tag{3}$$

The target network moves towards θ every few steps; τ = 1 copies it (hard), a small τ moves it a little (soft):

$$\theta^- \leftarrow (1 - \tau)\,\theta^- + \tau\,\theta \tag{4}$$

The behaviour is ε-greedy, ε falling on a line over the first part of the budget:

$$a_t = \begin{cases} \text{uniformly random} & \text{with probability } \varepsilon_t \\ \arg\max_a Q_\theta(s_t, a) & \text{otherwise} \end{cases} \tag{5}$$

What this file leaves out:
1. frame stacking and the convolutional network for images;
2. clipping of rewards to [−1, 1];
3. RMSProp, for which everyone now takes Adam;
4. the refinements with files of their own: double, dueling, prioritised and n-step.

Sources: Mnih et al. (2015), "Human-level control through deep reinforcement learning", Nature 518; defaults, Huber loss and
counting of steps as in Stable-Baselines3, but for the learning rate's schedule, which is constant here.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationInfo, field_validator

from app.core.config import Config, Hyper
from app.core.contracts import Problem, Tree
from app.core.errors import TrainingDiverged
from app.core.randomness import Stream
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.networks import NET_ARCH_PATTERN, Networks, Shape, hidden_sizes
from app.parts.optimisers import Adam, clip_norm
from app.parts.policies import epsilon_greedy
from app.parts.replay import Replay, Transitions
from app.parts.rollout import VISITED, EpisodeCounter
from app.parts.schedules import linear

Array = NDArray[Any]


class DQNConfig(Config):
    """Hyperparameters of DQN; the defaults are those of Stable-Baselines3."""

    # fmt: off
    learning_rate: float = Hyper(1e-4, above=0, high=1, symbol=r"\alpha", scale="log", live="update",
        help=_("Step size of Adam: raising it learns faster until Q diverges."))
    n_envs: int = Hyper(1, low=1, high=64, unit=_("environments"), settled=True,
        help=_("Copies of the environment stepped together: raising it gives more varied data and fewer updates per step."))
    buffer_size: int = Hyper(1_000_000, low=64, high=1_000_000, unit=_("transitions"), scale="log", settled=True,
        help=_("Transitions remembered: raising it keeps old experience longer, which is steadier and less up to date."))
    learning_starts: int = Hyper(100, low=0, high=1_000_000, unit=_("env steps"),
        help=_("Random steps before learning begins: raising it fills the buffer with more varied experience first."))
    batch_size: int = Hyper(32, low=1, high=4096, unit=_("transitions"), live="update",
        help=_("Transitions per gradient step: raising it gives steadier, slower steps. At most buffer_size."))
    train_freq: int = Hyper(4, low=1, high=10_000, unit=_("env steps"), live="update",
        help=_("Steps of each environment between updates: raising it learns less from each step and runs faster."))
    gradient_steps: int = Hyper(1, low=1, high=10_000, unit=_("gradient steps"), live="update",
        help=_("Gradient steps per update: raising it uses the data more and chases its own targets harder."))
    gamma: float = Hyper(0.99, low=0, high=1, symbol=r"\gamma", live="update",
        help=_("Discount: raising it makes the agent look further ahead and learning slower."))
    target_update_interval: int = Hyper(10_000, low=1, high=1_000_000, unit=_("env steps"), scale="log", live="update",
        help=_("Steps between updates of the target network: raising it is steadier and slower."))
    tau: float = Hyper(1.0, above=0, high=1, symbol=r"\tau", live="update",
        help=_("Share of the way the target network moves: 1 copies the network, smaller values follow it softly."))
    exploration_fraction: float = Hyper(0.1, low=0, high=1, unit=_("share of the budget"), live="update",
        help=_("Part of the budget over which epsilon falls: raising it explores longer."))
    exploration_initial_eps: float = Hyper(1.0, low=0, high=1, symbol=r"\varepsilon_0", live="update", advanced=True,
        help=_("Epsilon at the start: raising it begins with more random actions."))
    exploration_final_eps: float = Hyper(0.05, low=0, high=1, symbol=r"\varepsilon", live="update",
        help=_("Epsilon after the fall: raising it keeps exploring, at the price of the training return."))
    max_grad_norm: float = Hyper(10.0, above=0, high=1e6, live="update", advanced=True,
        help=_("Largest gradient norm: raising it lets rare large gradients through."))
    net_arch: str = Hyper("64,64", pattern=NET_ARCH_PATTERN, max_length=32, unit=_("units"), advanced=True, settled=True,
        help=_("Hidden layer sizes: raising them allows finer value functions and costs time."))
    # fmt: on

    @field_validator("net_arch")
    @classmethod
    def _check_net_arch(cls, value: str) -> str:
        hidden_sizes(value)
        return value

    @field_validator("batch_size")
    @classmethod
    def _check_batch_size(cls, value: int, info: ValidationInfo) -> int:
        if value > info.data.get("buffer_size", value):
            raise ValueError(_("must be ≤ buffer_size = {size}").format(size=info.data["buffer_size"]))
        return value


def td_targets(rewards: Array, terminated: Array, next_q: Array, gamma: float) -> Array:
    """Return y (1) for rewards and terminated (B,) and the target network's values of what follows, next_q (B, A)."""
    return np.asarray(rewards + gamma * (1 - terminated) * next_q.max(axis=1))  # (1)


def huber_loss(errors: Array) -> float:
    """Return the mean Huber loss (2) of errors Q − y (B,)."""
    size = np.abs(errors)
    return float(np.where(size < 1, 0.5 * errors**2, size - 0.5).mean())  # (2)


def huber_gradient(errors: Array, actions: Array, n_actions: int) -> Array:
    """Return the gradient (3) of the mean Huber loss with respect to Q(s, ·), (B, A), for errors and actions (B,)."""
    gradient = np.zeros((len(errors), n_actions), errors.dtype)
    gradient[np.arange(len(errors)), actions] = np.clip(errors, -1, 1) / len(errors)  # (3)
    return gradient


class DQNAgent:
    """A network of action values, trained by DQN on N environments at once."""

    def __init__(self, config: DQNConfig, problem: Problem) -> None:
        self.config = config
        self.total_steps = problem.total_steps
        self.batch = problem.batch(config.n_envs, features=True)
        self.observations = self.batch.reset().copy()
        size = self.observations.shape[1]
        shape = Shape((size, *hidden_sizes(config.net_arch), problem.environment.n_actions), "relu")
        self.online, self.target = Networks(shape), Networks(shape)
        self.online.initialise(problem.stream("initialisation"))
        self.target.load(self.online.weights)
        self.q_network, self.target_network = self.online.mlps[0], self.target.mlps[0]
        self.optimiser = Adam(self.online)
        self.replay = Replay(min(config.buffer_size, self.total_steps + config.n_envs), size)
        self.episodes = EpisodeCounter(config.n_envs)
        self.action_random, self.replay_random = problem.stream("actions"), problem.stream("minibatches")
        self.env_steps = 0

    def update(self, max_steps: int) -> Report:
        """Act until the next update is due and learn; return sooner after `max_steps` steps."""
        start, scalars = self.env_steps, dict[str, float]()
        while not scalars:
            self.collect_step()
            calls = self.env_steps // self.config.n_envs
            if calls % max(1, self.config.target_update_interval // self.config.n_envs) == 0:
                self.move_target()
            if calls % self.config.train_freq == 0 and self.env_steps > self.config.learning_starts:
                scalars = self.learn()
            if self.env_steps - start + self.config.n_envs > max_steps:
                break
        return Report(self.env_steps - start, int(bool(scalars)), self.episodes.take(), scalars)

    def collect_step(self) -> None:
        """Act once in every environment and remember what happened."""
        q = self.q_network.forward(self.observations)
        actions = epsilon_greedy(q, self.epsilon, self.action_random)  # (5)
        step = self.batch.step(actions)
        self.replay.add(self.observations, actions, step)
        self.observations = step.observations.copy()
        self.env_steps += self.config.n_envs
        self.episodes.add(step, self.env_steps)

    def move_target(self) -> None:
        """Move the target network towards the network."""
        tau, target = self.config.tau, self.target.weights
        target[:] = (1 - tau) * target + tau * self.online.weights  # (4)

    def learn(self) -> dict[str, float]:
        """Take `gradient_steps` steps, each on a fresh minibatch, and return what they measured."""
        config = self.config
        measured = []
        for _step in range(config.gradient_steps):
            minibatch = self.replay.sample(config.batch_size, self.replay_random)
            numbers = self.differentiate(minibatch)
            numbers["train/grad_norm"] = clip_norm(self.online.gradient, config.max_grad_norm)
            for scalar in ("train/loss", "train/grad_norm"):
                if not math.isfinite(numbers[scalar]):
                    raise TrainingDiverged(scalar, self.env_steps, numbers[scalar])
            self.optimiser.step(config.learning_rate)
            measured.append(numbers)
        return self.summary(measured)

    def differentiate(self, batch: Transitions) -> dict[str, float]:
        """Compute the gradient of the loss of a minibatch, and return what the minibatch tells as numbers."""
        next_q = self.target_network.forward(batch.next_observations)
        targets = td_targets(batch.rewards, batch.terminated, next_q, self.config.gamma)
        activations = self.q_network.activations(batch.observations)
        q = activations[-1]
        q_taken = q[np.arange(len(q)), batch.actions]
        errors = q_taken - targets
        self.q_network.backward(activations, huber_gradient(errors, batch.actions, q.shape[1]))
        sizes = np.abs(errors)
        return {
            "train/loss": huber_loss(errors),
            "train/td_error_mean": float(sizes.mean()),
            "train/td_error_max": float(sizes.max()),
            "train/q_mean": float(q_taken.mean()),
            "train/q_max": float(q_taken.max()),
        }

    @property
    def epsilon(self) -> float:
        """The probability of a random action now: 1 until learning starts, then on its line."""
        config = self.config
        if self.env_steps < config.learning_starts:
            return 1.0
        duration = config.exploration_fraction * self.total_steps
        start, end = config.exploration_initial_eps, config.exploration_final_eps
        return linear(start, end, step=self.env_steps, duration=duration)

    def summary(self, measured: list[dict[str, float]]) -> dict[str, float]:
        """Return the scalars of one update: means over its gradient steps, maxima of what is a maximum."""
        scalars = {name: sum(numbers[name] for numbers in measured) / len(measured) for name in measured[0]}
        for name in ("train/td_error_max", "train/q_max"):
            scalars[name] = max(numbers[name] for numbers in measured)
        return scalars | {
            "train/learning_rate": self.config.learning_rate,
            "rollout/exploration_rate": self.epsilon,
            "buffer/size": float(self.replay.size),
            "buffer/mean_age": self.replay.mean_age,
        }

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return the actions of largest Q (N,), or ε-greedy ones."""
        q = self.q_network.forward(observations)
        return q.argmax(axis=1) if greedy or random is None else epsilon_greedy(q, self.epsilon, random)

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for; observations are (B, D)."""
        return {
            "q_at": self.q_network.forward,
            "v_at": lambda observations: self.q_network.forward(observations).max(axis=1),
            "visited": lambda: self.replay.recent(VISITED),
            "weights": self.online.weights.copy,
        }

    def diagnostics(self) -> dict[str, float]:
        """Return nothing: every scalar comes with an update."""
        return {}

    def edit(self, config: Config) -> None:
        """Continue under an edited configuration, from the next step on."""
        assert isinstance(config, DQNConfig)
        self.config = config

    def load_weights(self, flat: Array) -> None:
        """Replace the network's parameters, for pictures of a past moment."""
        self.online.load(flat)

    def state(self) -> Tree:
        """Return everything that decides the future, the replay buffer included."""
        return {
            "env_steps": self.env_steps,
            "actions_drawn": self.action_random.counter,
            "minibatches_drawn": self.replay_random.counter,
            "observations": self.observations.copy(),
            "weights": self.online.weights.copy(),
            "target_weights": self.target.weights.copy(),
            **{name: getattr(self, name).state() for name in _PARTS},
        }

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self.env_steps = int(tree["env_steps"])
        self.action_random.counter = int(tree["actions_drawn"])
        self.replay_random.counter = int(tree["minibatches_drawn"])
        self.observations = tree["observations"].copy()
        self.online.load(tree["weights"])
        self.target.load(tree["target_weights"])
        for name in _PARTS:
            getattr(self, name).load(tree[name])


_PARTS = ("batch", "optimiser", "replay", "episodes")

SPEC = AlgorithmSpec(
    id="dqn",
    name=_("DQN"),
    summary=_("Q-learning with a neural network, a replay buffer and a target network that changes slowly."),
    family="value_based",
    version=1,
    config=DQNConfig,
    agent=DQNAgent,
    smoke=Smoke(
        "CartPole-v1", 10_000,
        {"learning_rate": 2.3e-3, "batch_size": 64, "train_freq": 8, "gradient_steps": 4,
         "target_update_interval": 50, "learning_starts": 500, "exploration_fraction": 0.2},
    ),
    emits=(
        "train/loss", "train/td_error_mean", "train/td_error_max", "train/q_mean", "train/q_max", "train/learning_rate",
        "train/grad_norm", "rollout/exploration_rate", "buffer/size", "buffer/mean_age",
    ),
    signals=("q_at", "v_at", "visited", "weights"),
    default_steps=100_000,
    references=(
        "Mnih et al. (2015), Human-level control through deep reinforcement learning, Nature 518",
        "Lin (1992), Self-improving reactive agents based on reinforcement learning, planning and teaching",
    ),
)  # fmt: skip
