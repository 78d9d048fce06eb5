"""What every agent has that learns from rollouts of its own policy: policy and critic, collecting, estimating, saving.

An algorithm's file adds `update` and what it does with a full rollout. It is a base class, not a part that is held,
because everything here is the agent's own state and the file that adds to it should read as one agent.
T steps, N environments, B = T·N samples, D observation size, A actions or numbers of an action.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import field_validator
from torch import Tensor

from app.core.config import Config, Hyper
from app.core.contracts import Problem, Tree
from app.core.randomness import Stream
from app.core.text import _
from app.parts.heads import head_of
from app.parts.networks import NET_ARCH_PATTERN, Networks, Shape, hidden_sizes
from app.parts.normalisation import Identity, Normaliser
from app.parts.policies import probabilities
from app.parts.returns import explained_variance, gae, next_values
from app.parts.rollout import EpisodeCounter, Rollout, Visited

Array = NDArray[Any]
MAX_ROLLOUT = 262_144


class NetworkChoices(Config):
    """The hyperparameters that shape policy and critic, the same for every algorithm that has both."""

    # fmt: off
    net_arch: str = Hyper("64,64", pattern=NET_ARCH_PATTERN, max_length=32, unit=_("units"), advanced=True, settled=True,
        help=_("Hidden layer sizes of policy and critic: raising them allows finer policies and costs time."))
    activation: str = Hyper("tanh", choices=("tanh", "relu"), advanced=True, settled=True,
        help=_("The nonlinearity between layers; tanh is steadier here."))
    normalize: bool = Hyper(False, advanced=True, settled=True,
        help=_("Scale observations and rewards by their running deviations; needed where their numbers are far from 1, as in MountainCar."))
    # fmt: on

    @field_validator("net_arch")
    @classmethod
    def _check_net_arch(cls, value: str) -> str:
        hidden_sizes(value)
        return value


class OnPolicyConfig(Protocol):
    """The hyperparameters that this part reads."""

    @property
    def n_envs(self) -> int: ...
    @property
    def n_steps(self) -> int: ...
    @property
    def gamma(self) -> float: ...
    @property
    def gae_lambda(self) -> float: ...
    @property
    def net_arch(self) -> str: ...
    @property
    def activation(self) -> str: ...
    @property
    def normalize(self) -> bool: ...


class Samples(NamedTuple):
    """B samples of a rollout: observations (B, D), actions (B,) or (B, A); log-probabilities when acted, advantages and targets (B,)."""

    observations: Tensor
    actions: Tensor
    old_log_probs: Tensor
    advantages: Tensor
    returns: Tensor

    def minibatches(self, order: Array, batch_size: int) -> Iterator["Samples"]:
        """Yield the samples in the given order, `batch_size` at a time."""
        rows = torch.from_numpy(order)
        shuffled = (torch.split(column[rows], batch_size) for column in self)
        yield from (Samples(*columns) for columns in zip(*shuffled, strict=True))


class RolloutLearner:
    """A policy and a critic on N environments at once."""

    # what `state` saves: attributes with a state of their own, and the streams' counters
    saved: ClassVar[tuple[str, ...]] = ("batch", "normaliser", "rollout", "episodes", "visited")
    counters: ClassVar[Mapping[str, str]] = {"actions_drawn": "action_random"}

    def __init__(self, config: Any, problem: Problem) -> None:
        self.config = config
        settings: OnPolicyConfig = config
        self.total_steps = problem.total_steps
        self.batch = problem.batch(settings.n_envs, features=True)
        self.observations = self.batch.reset()
        self.head = head_of(problem.environment)
        size, hidden = self.observations.shape[1], hidden_sizes(settings.net_arch)
        self.networks = Networks(
            Shape((size, *hidden, self.head.outputs), settings.activation, last_gain=0.01),
            Shape((size, *hidden, 1), settings.activation, last_gain=1.0),
            free=self.head.free,
        )
        self.networks.initialise(problem.stream("initialisation"))
        self.policy, self.critic = self.networks.mlps
        shape, dtype = self.head.action_shape, self.head.dtype
        self.rollout = Rollout(settings.n_steps, settings.n_envs, size, action_shape=shape, dtype=dtype)
        self.normaliser = Normaliser(settings.n_envs, size) if settings.normalize else Identity()
        self.episodes, self.visited = EpisodeCounter(settings.n_envs), Visited(size)
        self.action_random = problem.stream("actions")
        self.env_steps = 0

    def collect(self, until: int) -> bool:
        """Act until the rollout is full or no further step fits before env step `until`; return whether it is full."""
        while not self.rollout.is_full:
            self.collect_step()
            if self.env_steps + self.batch.n_envs > until:
                break
        return self.rollout.is_full

    def collect_step(self) -> None:
        """Act once in every environment."""
        self.visited.add(self.observations)
        seen = self.rollout.observations[self.rollout.length]
        seen[:] = self.normaliser.see(self.observations)
        actions = self.head.draw(self.policy.forward(seen), self.free, self.action_random)
        step = self.batch.step(self.head.bounded(actions))
        rewards = self.normaliser.rewards(step, self.config.gamma)
        final_values = self.values(step.final_observations) if step.truncated.any() else 0.0
        self.rollout.add(actions, step, rewards=rewards, final_values=final_values)
        self.observations = step.observations
        self.env_steps += self.batch.n_envs
        self.episodes.add(step, self.env_steps)

    def estimate(self) -> Samples:
        """Return the rollout's samples with generalized advantage estimates and their targets; nothing has been learnt from it yet."""
        rollout, gamma, lambda_ = self.rollout, self.config.gamma, self.config.gae_lambda
        observations = torch.from_numpy(rollout.observations).flatten(0, 1)
        actions = torch.from_numpy(rollout.actions).flatten(0, 1)
        with torch.no_grad():
            old_log_probs, _ = self.log_prob_and_entropy(observations, actions)
            values = self.critic(observations).numpy().reshape(rollout.rewards.shape)
        values = np.vstack([values, self.values(self.observations)]).astype(np.float64)
        following = next_values(values, rollout.final_values, rollout.terminated, rollout.truncated)
        ended = rollout.terminated | rollout.truncated
        advantages = gae(rollout.rewards, values, following, ended=ended, gamma=gamma, lambda_=lambda_)
        returns = advantages + values[:-1]
        targets = (torch.from_numpy(array.astype(np.float32)).flatten() for array in (advantages, returns))
        return Samples(observations, actions, old_log_probs, *targets)

    def log_prob_and_entropy(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the policy's log-probability of actions (B,) and its entropy (B,) at normalised observations (B, D)."""
        return self.head.log_prob_and_entropy(self.policy(observations), self.networks.free, actions)

    def values(self, observations: Array) -> Array:
        """Return the critic's V (B,) of observations (B, D)."""
        return self.critic.forward(self.normaliser.observations(observations))[:, 0]

    def outputs(self, observations: Array) -> Array:
        """Return the policy's logits or means (B, A) at observations (B, D)."""
        return self.policy.forward(self.normaliser.observations(observations))

    @property
    def free(self) -> Array:
        """The policy's free parameters as an array: a Gaussian's log deviations."""
        return self.networks.weights[: self.head.free]

    def spread(self, samples: Samples) -> dict[str, float]:
        """Return what is worth knowing of a rollout's advantages and of the critic before it learns."""
        advantages, returns = samples.advantages.numpy(), samples.returns.numpy()
        scalars = {
            "train/explained_variance": explained_variance(returns - advantages, returns),
            "train/advantage_mean": float(advantages.mean()),
            "train/advantage_std": float(advantages.std()),
        }
        return scalars | ({"train/action_std": float(np.exp(self.free).mean())} if self.head.free else {})

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return the likeliest actions (N,) or (N, A), or actions drawn from the policy."""
        outputs = self.outputs(observations)
        actions = self.head.mode(outputs) if greedy or random is None else self.head.draw(outputs, self.free, random)
        return self.head.bounded(actions)

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for; observations are (B, D)."""
        choice: dict[str, Callable[..., Array]] = (
            {"action_at": lambda observations: self.head.bounded(self.outputs(observations))}
            if self.head.free
            else {"policy_at": lambda observations: probabilities(self.outputs(observations))}
        )
        return choice | {
            "v_at": self.values,
            "visited": self.visited.recent,
            "weights": lambda: np.concatenate([self.networks.weights, self.normaliser.affine.astype(np.float32)]),
        }

    def diagnostics(self) -> dict[str, float]:
        """Return nothing: every scalar comes with an update."""
        return {}

    def edit(self, config: Config) -> None:
        """Continue under an edited configuration, from the next update on."""
        self.config = config

    def load_weights(self, flat: Array) -> None:
        """Replace what the signal `weights` returned, for pictures of a past moment."""
        count = len(self.networks.weights)
        self.networks.load(flat[:count])
        self.normaliser.affine = flat[count:]

    def state(self) -> Tree:
        """Return everything that decides the future, a rollout in progress included."""
        return {
            "env_steps": self.env_steps,
            "observations": self.observations.copy(),
            "weights": self.networks.weights.copy(),
            **{name: getattr(self, stream).counter for name, stream in self.counters.items()},
            **{name: getattr(self, name).state() for name in self.saved},
        }

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self.env_steps = int(tree["env_steps"])
        self.observations = tree["observations"].copy()
        self.networks.load(tree["weights"])
        for name, stream in self.counters.items():
            getattr(self, stream).counter = int(tree[name])
        for name in self.saved:
            getattr(self, name).load(tree[name])
