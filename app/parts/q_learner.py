r"""What every agent has that learns action values by a network from replayed steps: acting, remembering, target, saving.

An algorithm's file adds `update` and what it learns from a minibatch. This is a base class, not a part that is held, because
everything here is the agent's own state and the file that adds to it should read as one agent.

The behaviour is ε-greedy: $a_t$ is uniformly random with probability $\varepsilon_t$, else $\arg\max_a Q_\theta(s_t, a)$. ε is 1 for the
first `learning_starts` steps and then falls on a line over the first part of the budget.

A second set of parameters, those of the target network, follows every few steps; τ = 1 copies them (hard), a small τ moves
them a little (soft):

$$\theta^- \leftarrow (1 - \tau)\,\theta^- + \tau\,\theta$$

B batch, D observation size, A actions.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from app.core.config import Config, Hyper
from app.core.contracts import Problem
from app.core.errors import TrainingDiverged
from app.core.randomness import Stream
from app.core.text import _
from app.parts.kept_steps import ReplaySize
from app.parts.networks import NET_ARCH_PATTERN, Networks, Parameters, Shape, hidden_sizes
from app.parts.noisy import NoisyNetworks
from app.parts.noted import NOTED_SIGNALS, Noted
from app.parts.optimisers import Adam, clip_norm
from app.parts.policies import epsilon_greedy
from app.parts.replay import REPLAY_SIGNALS, Replay, spread
from app.parts.rollout import VISITED, EpisodeCounter
from app.parts.saving import SavedAgent
from app.parts.schedules import linear

Array = NDArray[Any]
RECENT = 5_000  # transitions whose returns are compared with Q
FOLLOWED, PAIRS = 1_024, 256  # how many of them are followed to the end, and how many of those ask the network
REST = 0.1  # a truncated episode counts where its cut is discounted at least this much

Q_SCALARS = (
    "train/loss", "train/td_error_mean", "train/td_error_max", "train/q_mean", "train/q_max", "train/overestimation",
    "train/learning_rate", "train/grad_norm", "buffer/size", "buffer/mean_age",
)  # fmt: skip
EPSILON_SCALARS = (*Q_SCALARS, "rollout/exploration_rate")
Q_SIGNALS = ("q_at", "v_at", "visited", "weights", "followed", *REPLAY_SIGNALS, *NOTED_SIGNALS)


class ReplayLearning(ReplaySize):
    """The hyperparameters of learning from replayed steps; the defaults are those of Stable-Baselines3's DQN."""

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
    train_freq: int = Hyper(4, low=1, high=10_000, unit=_("env steps"), live="step",
        help=_("Steps of each environment between updates: raising it learns less from each step and runs faster."))
    gradient_steps: int = Hyper(1, low=1, high=10_000, unit=_("gradient steps"), live="update",
        help=_("Gradient steps per update: raising it uses the data more and chases its own targets harder."))
    gamma: float = Hyper(0.99, low=0, high=1, symbol=r"\gamma", live="update",
        help=_("Discount: raising it makes the agent look further ahead and learning slower."))
    target_update_interval: int = Hyper(10_000, low=1, high=1_000_000, unit=_("env steps"), scale="log", live="step",
        help=_("Steps between updates of the target network: raising it is steadier and slower."))
    tau: float = Hyper(1.0, above=0, high=1, symbol=r"\tau", live="step",
        help=_("Share of the way the target network moves: 1 copies the network, smaller values follow it softly."))
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


class EpsilonSchedule(Config):
    """The hyperparameters of ε, the probability of a random action."""

    # fmt: off
    exploration_fraction: float = Hyper(0.1, low=0, high=1, unit=_("share of the budget"), live="step",
        help=_("Part of the budget over which epsilon falls: raising it explores longer."))
    exploration_initial_eps: float = Hyper(1.0, low=0, high=1, symbol=r"\varepsilon_0", live="step", advanced=True,
        help=_("Epsilon at the start: raising it begins with more random actions."))
    exploration_final_eps: float = Hyper(0.05, low=0, high=1, symbol=r"\varepsilon", live="step",
        help=_("Epsilon after the fall: raising it keeps exploring, at the price of the training return."))
    # fmt: on


class QLearner(SavedAgent):
    """A network of action values and its target, on N environments at once."""

    parameters: ClassVar[Mapping[str, str]] = {"weights": "online", "target_weights": "target"}
    saved: ClassVar[tuple[str, ...]] = ("batch", "optimiser", "replay", "episodes")
    counters: ClassVar[Mapping[str, str]] = {
        "actions_drawn": "action_random", "minibatches_drawn": "replay_random",
    }  # fmt: skip

    def __init__(self, config: Any, problem: Problem) -> None:
        self.config = config
        self.total_steps = problem.total_steps
        self.n_actions = problem.environment.n_actions
        self.batch = problem.batch(config.n_envs, features=True)
        self.observations = self.batch.reset().copy()
        size = self.observations.shape[1]
        self.build(Shape((size, *hidden_sizes(config.net_arch), self.outputs), "relu"))
        self.online.initialise(problem.stream("initialisation"))
        self.target.load(self.online.weights)
        self.optimiser = Adam(Parameters(self.online.weights, self.online.gradient))
        self.replay = Replay(min(config.buffer_size, self.total_steps + config.n_envs), size, n_envs=config.n_envs)
        self.recent = max(RECENT, 2 * config.n_envs * problem.environment.max_episode_steps)
        self.episodes, self.noted = EpisodeCounter(config.n_envs), Noted()
        self.action_random, self.replay_random = problem.stream("actions"), problem.stream("minibatches")
        self.env_steps = 0

    @property
    def outputs(self) -> int:
        """How many numbers the network gives: Q of each action, unless a file says otherwise."""
        return self.n_actions

    def build(self, shape: Shape) -> None:
        """Make the network and its target."""
        self.online: Networks | NoisyNetworks = Networks(shape)
        self.target: Networks | NoisyNetworks = Networks(shape)
        self.q_network, self.target_network = self.online.mlps[0], self.target.mlps[0]

    def q_values(self, observations: Array) -> Array:
        """Return Q (B, A) of observations (B, D)."""
        return self.q_network.forward(observations)

    def collect_step(self) -> None:
        """Act once in every environment and remember what happened."""
        actions = self.behave()
        step = self.batch.step(actions)
        self.replay.add(self.observations, actions, step)
        self.observations = step.observations.copy()
        self.env_steps += self.config.n_envs
        self.episodes.add(step, self.env_steps)

    def behave(self) -> Array:
        """Return the ε-greedy actions to take now (N,)."""
        return epsilon_greedy(self.q_values(self.observations), self.epsilon, self.action_random)

    @property
    def epsilon(self) -> float:
        """The probability of a random action now: 1 until learning starts, then on its line."""
        config = self.config
        if self.env_steps < config.learning_starts:
            return 1.0
        duration = config.exploration_fraction * self.total_steps
        start, end = config.exploration_initial_eps, config.exploration_final_eps
        return linear(start, end, step=self.env_steps, duration=duration)

    @property
    def must_move_target(self) -> bool:
        """Whether the target network is due to move after this step."""
        calls = self.env_steps // self.config.n_envs
        return bool(calls % max(1, self.config.target_update_interval // self.config.n_envs) == 0)

    @property
    def must_learn(self) -> bool:
        """Whether an update is due after this step."""
        calls = self.env_steps // self.config.n_envs
        return bool(calls % self.config.train_freq == 0 and self.env_steps > self.config.learning_starts)

    def move_target(self) -> None:
        """Move the target network towards the network."""
        tau, target = self.config.tau, self.target.weights
        target[:] = (1 - tau) * target + tau * self.online.weights

    def descend(self, loss: float) -> float:
        """Take one step of Adam along the gradient that the network holds, and return its norm; `loss` is checked with it."""
        norm = clip_norm(self.online.gradient, self.config.max_grad_norm)
        for scalar, number in (("train/loss", loss), ("train/grad_norm", norm)):
            if not math.isfinite(number):
                raise TrainingDiverged(scalar, self.env_steps, number)
        self.optimiser.step(self.config.learning_rate)
        return norm

    def summary(self, measured: list[dict[str, float]]) -> dict[str, float]:
        """Return the scalars of one update: means over its gradient steps, maxima of what is a maximum."""
        scalars = {
            name: (max if name.endswith("_max") else _mean)([numbers[name] for numbers in measured])
            for name in measured[0]
        }
        return scalars | {
            **self.exploration(),
            "train/learning_rate": self.config.learning_rate,
            "buffer/size": float(self.replay.size),
            "buffer/mean_age": self.replay.mean_age,
        }

    def exploration(self) -> dict[str, float]:
        """Return how much it explores now."""
        return {"rollout/exploration_rate": self.epsilon}

    def diagnostics(self) -> dict[str, float]:
        """Return how far Q lies above the returns that followed, or nothing while no episode can tell."""
        gap = self.overestimation()
        return {} if math.isnan(gap) else {"train/overestimation": gap}

    def overestimation(self) -> float:
        """Return the mean of max Q(s, ·) − G over the steps of `followed`; NaN where there are none."""
        pairs = self.followed()
        return float((pairs[:, 0] - pairs[:, 1]).mean()) if len(pairs) else math.nan

    def followed(self) -> Array:
        """Return max Q(s, ·) and G (K, 2) of recent steps whose action is the one that the network now prefers.

        G is the discounted return of the training episode from that step to its end, exploration and all. Of a truncated
        episode only steps count from which the cut is discounted to at most `REST`, and there the network's own value
        stands for what would have followed.
        """
        rows = spread(self.replay.newest(self.recent), FOLLOWED)
        after = self.replay.follow(rows, self.replay.size, self.config.gamma)
        ends = self.replay.terminated[after.last] > 0
        chosen = spread(np.flatnonzero(after.is_whole & (ends | (after.discounts <= REST))), PAIRS)
        if not len(chosen):
            return np.zeros((0, 2))
        rows, ends = rows[chosen], ends[chosen]
        q = self.q_values(self.replay.observations[rows])
        rest = self.q_values(self.replay.next_observations[after.last[chosen]]).max(axis=1)
        returns = after.rewards[chosen] + after.discounts[chosen] * rest * ~ends
        is_preferred = q.argmax(axis=1) == self.replay.actions[rows]
        return np.asarray(np.stack([q.max(axis=1), returns], axis=1)[is_preferred])

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return the actions of largest Q (N,), or ε-greedy ones."""
        q = self.q_values(observations)
        return q.argmax(axis=1) if greedy or random is None else epsilon_greedy(q, self.epsilon, random)

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for; observations are (B, D)."""
        return {
            "q_at": self.q_values,
            "v_at": lambda observations: self.q_values(observations).max(axis=1),
            "visited": lambda: self.replay.recent(VISITED),
            "weights": self.online.weights.copy,
            "followed": self.followed,
            **self.replay.signals(),
            **self.noted.signals(),
        }

    def load_weights(self, flat: Array) -> None:
        """Replace the network's parameters, for pictures of a past moment."""
        self.online.load(flat)


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)
