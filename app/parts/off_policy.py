r"""What every agent has that learns an actor and critics of continuous actions from replayed steps.

An algorithm's file adds `update`, what it learns from a minibatch, and how it explores. This is a base class, not a part that
is held, because everything here is the agent's own state and the file that adds to it should read as one agent.

Inside the agent every number of an action lies between −1 and 1; `bounded` stretches it to the environment's bounds. So one
scale of noise fits every environment. The actor's outputs $z$ become actions by $\mu = \tanh z$, and a critic is a network of
observation and action together, $Q(s, a)$.

Copies of the networks, the targets, follow after every step of learning, a little each time:

$$\theta^- \leftarrow (1 - \tau)\,\theta^- + \tau\,\theta$$

N environments, B batch, D observation size, A numbers of an action.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from app.core.config import Hyper
from app.core.contracts import Environment, Problem
from app.core.errors import InvalidInput, TrainingDiverged
from app.core.randomness import Stream
from app.core.text import _
from app.parts.kept_steps import ReplaySize
from app.parts.networks import NET_ARCH_PATTERN, Networks, Parameters, Shape, hidden_sizes
from app.parts.noted import NOTED_SIGNALS, Noted
from app.parts.optimisers import Adam
from app.parts.replay import REPLAY_SIGNALS, Replay, Transitions, spread
from app.parts.rollout import VISITED, EpisodeCounter
from app.parts.saving import SavedAgent
from app.parts.schedules import KINDS, scheduled

Array = NDArray[Any]

ACTOR_CRITIC_SCALARS = (
    "train/actor_loss", "train/critic_loss", "train/q1_mean", "train/learning_rate", "train/grad_norm",
    "train/overestimation", "buffer/size", "buffer/mean_age",
)  # fmt: skip
ACTOR_CRITIC_SIGNALS = (
    "v_at",
    "action_at",
    "visited",
    "weights",
    "followed",
    "q_along_at",
    *REPLAY_SIGNALS,
    *NOTED_SIGNALS,
)
RECENT = 1_000  # transitions at least whose returns are compared with Q: older ones were made by a worse actor
FOLLOWED, PAIRS = 1_024, 256  # how many of them are followed to the end, and how many of those ask the critic
ALONG = 41  # places of an action at which a picture asks the critic
REST = 0.2  # a truncated episode counts where its cut is discounted at least this much


class OffPolicyConfig(ReplaySize):
    """The hyperparameters of learning an actor and critics from replayed steps; defaults of Stable-Baselines3's TD3."""

    # fmt: off
    learning_rate: float = Hyper(1e-3, above=0, high=1, symbol=r"\alpha", scale="log", live="update",
        help=_("Step size of Adam, for the actor and each critic: raising it learns faster until Q diverges."))
    learning_rate_schedule: str = Hyper("constant", choices=KINDS, live="update",
        help=_("Linear lowers the learning rate to 0 over the budget, which settles the final policy."))
    n_envs: int = Hyper(1, low=1, high=64, unit=_("environments"), settled=True,
        help=_("Copies of the environment stepped together: raising it gives more varied data and fewer updates per step."))
    buffer_size: int = Hyper(1_000_000, low=64, high=1_000_000, unit=_("transitions"), scale="log", settled=True,
        help=_("Transitions remembered: raising it keeps old experience longer, which is steadier and less up to date."))
    learning_starts: int = Hyper(100, low=0, high=1_000_000, unit=_("env steps"),
        help=_("Random steps before learning begins: raising it fills the buffer with more varied experience first."))
    hold_steps: int = Hyper(1, low=1, high=1000, unit=_("env steps"), advanced=True,
        help=_("How long each of the random first actions is held: raising it goes further in one direction, where steps that undo each other never meet a reward."))
    batch_size: int = Hyper(256, low=1, high=4096, unit=_("transitions"), live="update",
        help=_("Transitions per gradient step: raising it gives steadier, slower steps. At most buffer_size."))
    train_freq: int = Hyper(1, low=1, high=10_000, unit=_("env steps"), live="step",
        help=_("Steps of each environment between updates: raising it learns less from each step and runs faster."))
    gradient_steps: int = Hyper(1, low=1, high=10_000, unit=_("gradient steps"), live="update",
        help=_("Gradient steps per update: raising it uses the data more and chases its own targets harder."))
    gamma: float = Hyper(0.99, low=0, high=1, symbol=r"\gamma", live="update",
        help=_("Discount: raising it makes the agent look further ahead and learning slower."))
    tau: float = Hyper(0.005, above=0, high=1, symbol=r"\tau", live="update",
        help=_("Share of the way the targets move at a time: raising it learns faster and less steadily."))
    net_arch: str = Hyper("400,300", pattern=NET_ARCH_PATTERN, max_length=32, unit=_("units"), advanced=True, settled=True,
        help=_("Hidden layer sizes of the actor and of each critic: raising them allows finer policies and costs time."))
    # fmt: on

    @field_validator("net_arch")
    @classmethod
    def _check_net_arch(cls, value: str) -> str:
        hidden_sizes(value)
        return value


class OffPolicyLearner(SavedAgent, ABC):
    """An actor, its critics and their targets, on N environments at once.

    Attributes:
        n_critics: how many critics learn.
        has_target_actor: whether a target follows the actor too.
        outputs: of the actor, for each number of an action; the first A of them are the z of μ = tanh z.
    """

    n_critics: ClassVar[int] = 1
    has_target_actor: ClassVar[bool] = True
    outputs: ClassVar[int] = 1
    parameters: ClassVar[Mapping[str, str]] = {"weights": "networks", "target_weights": "target"}
    saved: ClassVar[tuple[str, ...]] = ("batch", "actor_optimiser", "critic_optimiser", "replay", "episodes")
    counters: ClassVar[Mapping[str, str]] = {
        "actions_drawn": "action_random", "minibatches_drawn": "replay_random",
    }  # fmt: skip

    def __init__(self, config: Any, problem: Problem) -> None:
        self.config = config
        self.total_steps = problem.total_steps
        self.n_actions = problem.environment.n_actions
        self.low, self.high = bounds_of(problem.environment).T
        self.batch = problem.batch(config.n_envs, features=True)
        self.observations = self.batch.reset().copy()
        self.build(self.observations.shape[1])
        self.networks.initialise(problem.stream("initialisation"))
        self.target.load(self.followed)
        self.replay = Replay(
            min(config.buffer_size, self.total_steps + config.n_envs), self.observations.shape[1],
            n_envs=config.n_envs, action_shape=(self.n_actions,), dtype=np.float32,
        )  # fmt: skip
        self.recent = max(RECENT, 2 * config.n_envs * problem.environment.max_episode_steps)
        self.episodes, self.noted = EpisodeCounter(config.n_envs), Noted()
        self.action_random, self.replay_random = problem.stream("actions"), problem.stream("minibatches")
        self.env_steps = 0

    def build(self, observation_size: int) -> None:
        """Make the networks, their targets and the optimisers."""
        hidden, size = hidden_sizes(self.config.net_arch), self.n_actions
        actor = Shape((observation_size, *hidden, self.outputs * size), "relu")
        critics = [Shape((observation_size + size, *hidden, 1), "relu")] * self.n_critics
        self.networks = Networks(actor, *critics)
        self.target = Networks(*([actor] if self.has_target_actor else []), *critics)
        self.actor, self.critics = self.networks.mlps[0], self.networks.mlps[1:]
        self.target_critics = self.target.mlps[-self.n_critics :]
        count = actor.count()
        self.followed = self.networks.weights[0 if self.has_target_actor else count :]
        self.actor_optimiser = Adam(self.networks.stretch(0))
        self.critic_optimiser = Adam(Parameters(self.networks.weights[count:], self.networks.gradient[count:]))

    def collect_step(self) -> None:
        """Act once in every environment and remember what happened."""
        actions = self.behave()
        step = self.batch.step(self.bounded(actions))
        self.replay.add(self.observations, actions, step)
        self.observations = step.observations.copy()
        self.env_steps += self.config.n_envs
        self.episodes.add(step, self.env_steps)

    def behave(self) -> Array:
        """Return the actions to take now (N, A) in [−1, 1]: uniformly random ones, held for a while, until learning starts."""
        if self.env_steps >= self.config.learning_starts:
            return self.explore(self.observations, self.action_random)
        counter, n_envs = self.action_random.counter, self.config.n_envs
        actions = 2 * self.action_random.uniforms(n_envs, self.n_actions) - 1
        if (self.env_steps // n_envs + 1) % self.config.hold_steps:
            self.action_random.counter = counter  # so that the next step draws the same again
        return actions

    @abstractmethod
    def explore(self, observations: Array, random: Stream) -> Array:
        """Return the actions (B, A) in [−1, 1] by which the algorithm explores at observations (B, D)."""

    def bounded(self, actions: Array) -> Array:
        """Return actions (B, A) in [−1, 1] stretched to the environment's bounds."""
        return np.asarray(self.low + 0.5 * (actions + 1.0) * (self.high - self.low))

    def mu(self, observations: Array) -> Array:
        """Return the actions tanh z (B, A) of the actor at observations (B, D)."""
        return np.tanh(self.actor.forward(observations)[:, : self.n_actions])

    def along(self, observations: Array) -> Array:
        """Return Q of the first critic at observations (B, D) while one number of the actor's action runs over its bounds (B, A, L)."""
        count, size = len(observations), self.n_actions
        actions = np.tile(self.mu(observations)[:, None, None, :], (1, size, ALONG, 1))
        for number in range(size):
            actions[:, number, :, number] = np.linspace(-1, 1, ALONG)
        seen = joined(np.repeat(observations, size * ALONG, axis=0), actions.reshape(-1, size))
        return self.critics[0].forward(seen)[:, 0].reshape(count, size, ALONG)

    @property
    def must_learn(self) -> bool:
        """Whether an update is due after this step."""
        calls = self.env_steps // self.config.n_envs
        return bool(calls % self.config.train_freq == 0 and self.env_steps > self.config.learning_starts)

    @property
    def learning_rate(self) -> float:
        """The step size now."""
        progress = self.env_steps / self.total_steps
        return scheduled(self.config.learning_rate, self.config.learning_rate_schedule, progress)

    def descend(self, optimiser: Adam, name: str, loss: float) -> float:
        """Take one step of Adam along the gradient that the networks hold, and return its norm.

        Raises:
            TrainingDiverged: the loss, which is the scalar `name`, or the norm is not finite; nothing has changed.
        """
        norm = math.sqrt(float(np.dot(optimiser.gradient, optimiser.gradient)))
        for scalar, number in ((name, loss), ("train/grad_norm", norm)):
            if not math.isfinite(number):
                raise TrainingDiverged(scalar, self.env_steps, number)
        optimiser.step(self.learning_rate)
        return norm

    def move_targets(self) -> None:
        """Move the targets towards the networks."""
        weights = self.target.weights
        tau = weights.dtype.type(self.config.tau)
        weights *= 1 - tau
        weights += tau * self.followed

    def note(self, batch: Transitions, columns: Callable[[], Mapping[str, Any]]) -> None:
        """Keep a minibatch for pictures, its actions as the environment took them."""
        self.noted.minibatch(batch.observations, self.bounded(batch.actions), columns)

    def summary(self, measured: list[dict[str, float]]) -> dict[str, float]:
        """Return the scalars of one update: means over the gradient steps that measured them."""
        names = dict.fromkeys(name for numbers in measured for name in numbers)
        scalars = {name: float(np.mean([numbers[name] for numbers in measured if name in numbers])) for name in names}
        return scalars | {
            "train/learning_rate": self.learning_rate,
            "buffer/size": float(self.replay.size),
            "buffer/mean_age": self.replay.mean_age,
        }

    def diagnostics(self) -> dict[str, float]:
        """Return how far the first critic lies above the returns that followed, or nothing while no episode can tell."""
        pairs = self.outcomes()
        return {"train/overestimation": float((pairs[:, 0] - pairs[:, 1]).mean())} if len(pairs) else {}

    def outcomes(self) -> Array:
        """Return Q(s, a) of the first critic and G (K, 2) of recent steps of training episodes that have ended.

        G is the discounted return of the episode from that step on, exploration and all, with what later steps are worth
        beside their rewards. Of a truncated episode only steps count from which the cut is discounted to at most `REST`,
        and there the critic's own value stands for what would have followed.
        """
        replay, gamma = self.replay, self.config.gamma
        rows = spread(replay.newest(self.recent), FOLLOWED)
        after = replay.follow(rows, replay.size, gamma)
        ends = replay.terminated[after.last] > 0
        chosen = spread(np.flatnonzero(after.is_whole & (ends | (after.discounts <= REST))), PAIRS)
        worth = self.beside_reward(replay.next_observations[rows[chosen]])
        if not len(chosen) or (worth and gamma == 1):
            return np.zeros((0, 2))
        rows, ends, last, discounts = rows[chosen], ends[chosen], after.last[chosen], after.discounts[chosen]
        q = self.critics[0].forward(joined(replay.observations[rows], replay.actions[rows]))[:, 0]
        rest = self.value(replay.next_observations[last]) + worth
        later = (gamma - discounts) / (1 - gamma) if worth else 0.0  # discounts of the steps after the first, added up
        return np.stack([q, after.rewards[chosen] + worth * later + discounts * rest * ~ends], axis=1)

    def beside_reward(self, observations: Array) -> float:
        """Return what a step is worth to the critics beside its reward, a mean over observations (B, D): nothing, as a rule."""
        return 0.0

    def value(self, observations: Array) -> Array:
        """Return what the first critic says of the actor's actions at observations (B, D), as (B,)."""
        return self.critics[0].forward(joined(observations, self.mu(observations)))[:, 0]

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return the actor's actions (B, A) within the environment's bounds, or those by which it explores."""
        is_greedy = greedy or random is None
        return self.bounded(
            self.mu(observations) if is_greedy or random is None else self.explore(observations, random)
        )

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for; observations are (B, D). The weights are those of actor and first critic."""
        return {
            "v_at": self.value,
            "action_at": lambda seen: self.bounded(self.mu(seen)),
            "visited": lambda: self.replay.recent(VISITED),
            "weights": self._pictured.copy,
            "followed": self.outcomes,
            "q_along_at": self.along,
            **self.replay.signals(),
            **self.noted.signals(),
        }

    @property
    def _pictured(self) -> Array:
        """The parameters on which pictures depend: the actor's and the first critic's, one stretch of the vector."""
        count = len(self.networks.stretch(0).weights) + len(self.networks.stretch(1).weights)
        return self.networks.weights[:count]

    def load_weights(self, flat: Array) -> None:
        """Replace what the signal `weights` returned, for pictures of a past moment."""
        pictured = self._pictured
        self.networks.load(np.concatenate([flat, self.networks.weights[len(pictured) :]]))


def joined(observations: Array, actions: Array) -> Array:
    """Return the input of a critic (B, D + A), as precise as the observations (B, D), with actions (B, A)."""
    return np.concatenate([observations, actions], axis=1, dtype=observations.dtype, casting="same_kind")


def bounds_of(environment: Environment) -> Array:
    """Return the bounds of an action (A, 2).

    Raises:
        InvalidInput: a number of an action has no bound, so that noise has no scale.
    """
    bounds = environment.action_bounds
    if bounds is None or not np.isfinite(bounds).all():
        raise InvalidInput.one(
            "environment", environment.id, _("every number of an action must have a lowest and a highest value"),
            _("Choose another environment, or an algorithm without bounds such as PPO."),
        )  # fmt: skip
    return bounds


def check(config: Any, environment: Environment) -> None:
    """Raise InvalidInput where an action has no bounds."""
    bounds_of(environment)
