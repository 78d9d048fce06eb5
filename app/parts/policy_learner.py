"""What every agent is made of that learns by the gradient of its own policy: networks, acting, the gradient, saving.

An algorithm's agent builds on `RolloutLearner` (steps of a fixed number, a critic that judges them) or `EpisodeLearner`
(whole episodes), and both on this. It is a base class, not a part that is held, because everything here is the agent's own
state and the file that adds to it should read as one agent.
N environments, B samples, D observation size, A actions or numbers of an action, O outputs of the policy, F free parameters.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from app.core.config import Config, Hyper
from app.core.contracts import Problem, Tree
from app.core.errors import InvalidInput, TrainingDiverged
from app.core.randomness import Stream
from app.core.text import _, filled
from app.parts.heads import head_of
from app.parts.networks import NET_ARCH_PATTERN, Networks, Shape, hidden_sizes
from app.parts.normalisation import Identity, Normaliser
from app.parts.noted import NOTED_SIGNALS, Noted
from app.parts.optimisers import Adam, clip_norm
from app.parts.policies import probabilities
from app.parts.rollout import EpisodeCounter, Visited
from app.parts.saving import SavedAgent

Array = NDArray[Any]
CHOICE_SIGNALS, GAUSSIAN_SIGNALS = ("policy_at",), ("action_at", "action_std_at")  # it goes by the kind of action
POLICY_SIGNALS = (
    *CHOICE_SIGNALS, *GAUSSIAN_SIGNALS, "visited", "weights", "ratios", "last_step", "reward_scale", *NOTED_SIGNALS,
)  # fmt: skip
PICTURED = 1 << 18  # numbers that a moment keeps at most


class NetworkChoices(Config):
    """The hyperparameters that shape the networks, the same for every algorithm with a policy network."""

    # fmt: off
    net_arch: str = Hyper("64,64", pattern=NET_ARCH_PATTERN, max_length=32, unit=_("units"), advanced=True, settled=True,
        help=_("Hidden layer sizes of policy and critic: raising them allows finer policies and costs time."))
    activation: str = Hyper("tanh", choices=("tanh", "relu"), advanced=True, settled=True,
        help=_("The nonlinearity between layers; tanh is steadier here."))
    ortho_init: bool = Hyper(True, advanced=True, settled=True,
        help=_("Start from orthogonal weights with a nearly uniform policy; off starts from torch's uniform draws."))
    normalize: bool = Hyper(False, advanced=True, settled=True,
        help=_("Scale observations and rewards by their running deviations; needed where their numbers are far from 1, as in MountainCar."))
    # fmt: on

    @field_validator("net_arch")
    @classmethod
    def _check_net_arch(cls, value: str) -> str:
        hidden_sizes(value)
        return value


class PolicyConfig(Protocol):
    """The hyperparameters that this part reads."""

    @property
    def n_envs(self) -> int: ...
    @property
    def net_arch(self) -> str: ...
    @property
    def activation(self) -> str: ...
    @property
    def ortho_init(self) -> bool: ...
    @property
    def normalize(self) -> bool: ...


class Samples(NamedTuple):
    """B samples: observations (B, D), actions (B,) or (B, A); all else (B,) float32.

    Log-probabilities and values are those of the networks that acted; returns are the critic's targets.
    """

    observations: Array
    actions: Array
    old_log_probs: Array
    values: Array
    advantages: Array
    returns: Array

    def minibatches(self, order: Array, batch_size: int) -> Iterator["Samples"]:
        """Yield the samples in the given order, `batch_size` at a time."""
        shuffled = [column[order] for column in self]
        for start in range(0, len(order), batch_size):
            yield Samples(*(column[start : start + batch_size] for column in shuffled))


class Judged(NamedTuple):
    """What the networks say of samples: log-probabilities, entropies and values (B,), and what their layers put out."""

    log_probs: Array
    entropies: Array
    values: Array
    policy_layers: list[Array]
    critic_layers: list[Array]


class PolicyLearner(SavedAgent):
    """A policy, and a critic unless `has_critic` says otherwise, on N environments at once."""

    parameters: ClassVar[Mapping[str, str]] = {"weights": "networks"}
    saved: ClassVar[tuple[str, ...]] = ("batch", "normaliser", "episodes", "visited", "noted")
    counters: ClassVar[Mapping[str, str]] = {"actions_drawn": "action_random"}
    has_critic: ClassVar[bool] = True

    def __init__(self, config: Any, problem: Problem) -> None:
        self.config = config
        settings: PolicyConfig = config
        self.total_steps = problem.total_steps
        self.batch = problem.batch(settings.n_envs, features=True)
        self.observations = self.batch.reset()
        self.head = head_of(problem.environment)
        self.networks = self._networks(settings, self.observations.shape[1])
        self.networks.initialise(problem.stream("initialisation"))
        self.policy, self.critic = self.networks.mlps[0], self.networks.mlps[-1]
        size = self.observations.shape[1]
        self.normaliser = Normaliser(settings.n_envs, size) if settings.normalize else Identity()
        self.episodes, self.visited, self.noted = EpisodeCounter(settings.n_envs), Visited(size), Noted()
        self.action_random = problem.stream("actions")
        self.env_steps = 0

    def _networks(self, settings: PolicyConfig, size: int) -> Networks:
        hidden = hidden_sizes(settings.net_arch)
        gains = (0.01, 1.0) if settings.ortho_init else (None, None)
        policy = Shape((size, *hidden, self.head.outputs), settings.activation, last_gain=gains[0])
        critic = Shape((size, *hidden, 1), settings.activation, last_gain=gains[1])
        return Networks(policy, *([critic] if self.has_critic else []), free=self.head.free)

    @property
    def free(self) -> Array:
        """The policy's free parameters as an array (F,): a Gaussian's log deviations."""
        return self.networks.weights[: self.head.free]

    def outputs(self, observations: Array) -> Array:
        """Return the policy's logits or means (B, O) at observations (B, D)."""
        return self.policy.forward(self.normaliser.observations(observations))

    def unscaled(self, observations: Array) -> Array:
        """Return normalised observations (B, D) as the environment gave them, but for what was clipped."""
        return self.normaliser.unscaled(observations)

    def values(self, observations: Array) -> Array:
        """Return the critic's V (B,) of observations (B, D)."""
        return self.critic.forward(self.normaliser.observations(observations))[:, 0]

    def judge(self, observations: Array, actions: Array) -> Judged:
        """Return what the networks say of actions (B,) or (B, A) at normalised observations (B, D); V is 0 without a critic."""
        policy_layers = self.policy.activations(observations)
        log_probs, entropies = self.head.log_probs_and_entropies(policy_layers[-1], self.free, actions)
        critic_layers = self.critic.activations(observations) if self.has_critic else []
        values = critic_layers[-1][:, 0] if self.has_critic else np.zeros_like(log_probs)
        return Judged(log_probs, entropies, values, policy_layers, critic_layers)

    def backward(
        self, judged: Judged, actions: Array, *, log_probs: Array, entropy: float, values: Array | None = None
    ) -> None:
        """Put the gradient of a loss into `networks.gradient`, given its slopes.

        Args:
            log_probs: ∂L/∂log π(a|s) of each sample (B,).
            entropy: ∂L/∂H, the same for every sample.
            values: ∂L/∂V of each sample (B,); None leaves the critic's gradient at 0.
        """
        self.networks.gradient.fill(0.0)
        on_outputs, on_free = self.head.gradient(
            judged.policy_layers[-1], self.free, actions, log_probs=log_probs, entropy=entropy
        )
        self.networks.gradient[: self.head.free] = on_free
        self.policy.backward(judged.policy_layers, on_outputs)
        if values is not None:
            self.critic.backward(judged.critic_layers, values.astype(judged.values.dtype)[:, None])

    def fit_critic(self, samples: Samples, optimiser: Adam, *, random: Stream, passes: int, batch_size: int) -> float:
        """Take `passes` passes of gradient steps down the critic's squared error; return its mean on the way."""
        losses = []
        for _pass in range(passes):
            for batch in samples.minibatches(random.permutation(len(samples.actions)), batch_size):
                layers = self.critic.activations(batch.observations)
                errors = layers[-1][:, 0] - batch.returns
                self.critic.backward(layers, (2 / len(errors) * errors)[:, None])
                losses.append(float(np.square(errors).mean()))
                self.check_finite({"train/value_loss": losses[-1]})
                optimiser.step(self.config.learning_rate)
        return float(np.mean(losses)) if losses else 0.0

    def clip_gradient(self, loss: float, max_norm: float) -> float:
        """Scale the gradient down to at most `max_norm` and return the norm it had.

        Raises:
            TrainingDiverged: the loss or the norm is not finite; the parameters are as they were.
        """
        norm = clip_norm(self.networks.gradient, max_norm)
        self.check_finite({"train/loss": loss, "train/grad_norm": norm})
        return norm

    def check_finite(self, scalars: Mapping[str, float]) -> None:
        """Raise TrainingDiverged for the first scalar that is not finite."""
        for name, number in scalars.items():
            if not math.isfinite(number):
                raise TrainingDiverged(name, self.env_steps, number)

    def action_spread(self) -> dict[str, float]:
        """Return the mean deviation of a Gaussian policy as a scalar; nothing for a choice."""
        return {"train/action_std": float(np.exp(self.free).mean())} if self.head.free else {}

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return the likeliest actions (N,) or (N, A), or actions drawn from the policy."""
        outputs = self.outputs(observations)
        actions = self.head.mode(outputs) if greedy or random is None else self.head.draw(outputs, self.free, random)
        return self.head.bounded(actions)

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for; observations are (B, D)."""
        choice: dict[str, Callable[..., Array]] = (
            {
                "action_at": lambda observations: self.head.bounded(self.outputs(observations)),
                "action_std_at": lambda observations: np.tile(np.exp(self.free), (len(observations), 1)),
            }
            if self.head.free
            else {"policy_at": lambda observations: probabilities(self.outputs(observations))}
        )
        value: dict[str, Callable[..., Array]] = {"v_at": self.values} if self.has_critic else {}
        return {
            **choice,
            **value,
            "visited": self.visited.recent,
            "weights": self.pictured,
            "ratios": self.noted.passes,
            "last_step": self.last_step,
            "reward_scale": lambda: np.array([self.normaliser.reward_scale]),
            **self.noted.signals(),
        }

    def pictured(self) -> Array:
        """Return all that pictures of a past moment depend on: the networks, the normaliser, the policy before the last update.

        The latter is left out where it would be too much to keep.
        """
        flat = np.concatenate([self.networks.weights, self.normaliser.affine.astype(np.float32)])
        before = self.noted.before
        return np.concatenate([flat, before]) if len(flat) + len(before) <= PICTURED else flat

    def last_step(self) -> Array:
        """Return the policy's parameters before and after the last update (2, P); nothing (0, P) before the first."""
        now, before = self.networks.stretch(0).weights, self.noted.before
        return np.stack([before, now]) if len(before) else np.zeros((0, len(now)), np.float32)

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned; older ones hold nothing of the last update."""
        super().load({"noted": {}, **tree})

    def diagnostics(self) -> dict[str, float]:
        """Return nothing: every scalar comes with an update."""
        return {}

    def load_weights(self, flat: Array) -> None:
        """Replace what the signal `weights` returned, for pictures of a past moment."""
        count = len(self.networks.weights)
        end = count + len(self.normaliser.affine)
        self.networks.load(flat[:count])
        self.normaliser.affine = flat[count:end]
        if len(flat) - end not in (0, len(self.networks.stretch(0).weights)):
            rule = filled(_("this network has {count} parameters"), count=count)
            raise InvalidInput.one("weights", f"{flat.size} numbers", rule, _("Use weights of the same net_arch."))
        self.noted.before = np.array(flat[end:], np.float32)


def standardised(advantages: Array) -> Array:
    """Return advantages (B,) with mean 0 and deviation 1; a single one, which has no deviation, as it is."""
    if advantages.size < 2:
        return advantages
    return np.asarray((advantages - advantages.mean()) / (advantages.std(ddof=1) + 1e-8))


def mean_of(measured: list[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each scalar over the gradient steps that measured it."""
    names = measured[0].keys()
    return {name: float(np.mean([numbers[name] for numbers in measured if name in numbers])) for name in names}
