r"""What an agent with a learned model of the world consists of: its networks, what they say, how wrong they are, saving.

The losses, the judging of plans and the search stand in the algorithm's file; here is what they are made of. All networks
see an observation $\tilde s$ with its mean taken off and divided by its deviation, and answer in such units too.

V is a network times the size that a return can have, the root mean square reward r̄ times the steps that a discount of γ
looks ahead, at most 1,000:

$$V_\phi(s) = \frac{\bar r}{1 - \gamma}\, v_\phi(\tilde s)$$

How well the model knows the world is measured where it counts: from a state of the newest experience it imagines k steps with
the actions that were really taken, its answers fed back to it, and is then compared with what was really seen.

E networks, B batch, K steps or actions, D observation size, A actions, or numbers of an action, H steps of a plan.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Hyper
from app.core.contracts import Problem, Step
from app.core.randomness import Stream
from app.core.scalars import Scalar
from app.core.signals import Signal
from app.core.text import _
from app.parts.experience import (
    EXPERIENCE_SCALARS,
    EXPERIENCE_SIGNALS,
    ExperienceConfig,
    ExperienceLearner,
    moments_of,
)
from app.parts.networks import Networks, Parameters, Shape, hidden_sizes
from app.parts.normalisation import RunningMoments
from app.parts.optimisers import Adam
from app.parts.replay import Transitions

Array = NDArray[Any]
LONGEST_VIEW = 1_000.0  # steps
DRAWN = 8  # actions considered in a state where an action is made of numbers
PICTURED = 17  # the same in pictures
AHEAD = (1, 5, 15)  # steps after which an imagined course is compared with the real one
RECENT, STARTS = 2_000, 64  # transitions among which the starts are chosen, and how many
STRETCH = 30  # steps of an imagined course in a picture

WORLD_SCALARS = (
    *EXPERIENCE_SCALARS, "train/model_loss", "train/value_loss", "model/disagreement", "model/evaluations",
    *(f"model/error_{steps}" for steps in AHEAD),
)  # fmt: skip
WORLD_SIGNALS = (*EXPERIENCE_SIGNALS, "v_at", "q_at", "action_at", "imagined")
OWN_SCALARS = (
    Scalar("train/model_loss", _("Model loss"), "", "down", _("Loss of the networks' predictions on the minibatches, in scaled units, mean over the networks.")),
    Scalar("model/error_1", _("Error after 1 step"), _("deviations"), "down", _("Root mean square distance of the imagined observation to the real one after 1 step with the real action, in deviations of the observation."), rule=_("well below 1"), log_scale=True),
    Scalar("model/error_5", _("Error after 5 steps"), _("deviations"), "down", _("The same after 5 steps, each imagined from the one before; rising faster than the steps means that errors feed on themselves."), rule=_("well below 1"), log_scale=True),
    Scalar("model/error_15", _("Error after 15 steps"), _("deviations"), "down", _("The same after 15 steps; where it nears 1, plans of that length are guesses."), rule=_("below 1"), log_scale=True),
    Scalar("model/disagreement", _("Disagreement"), _("deviations"), "down", _("Mean deviation between the networks' predictions of the next observation in states that were met lately; rising means that the agent has come to where it knows little."), log_scale=True),
    Scalar("model/evaluations", _("Cost of an action"), _("network evaluations"), "neither", _("Evaluations of a network that planning one action takes; a policy network takes one.")),
)  # fmt: skip
OWN_SIGNALS = (
    Signal("imagined", "(E + 1, K + 1, D)", "mixed", _("A stretch of newest experience as it was, then as each network imagines it from its first observation and its actions.")),
)  # fmt: skip


class WorldConfig(ExperienceConfig):
    """The hyperparameters of learning a model and values in it."""

    # fmt: off
    n_members: int = Hyper(3, low=1, high=10, unit=_("networks"), symbol="E", settled=True,
        help=_("Networks of the world: raising it trusts less in what only one of them believes, at a cost in proportion."))
    gamma: float = Hyper(0.99, low=0, high=1, symbol=r"\gamma", live="step",
        help=_("Discount: raising it makes the agent look further ahead by its values."))
    tau: float = Hyper(0.02, above=0, high=1, symbol=r"\tau", live="update",
        help=_("Share of the way the slow copy of the values moves at a time: raising it learns faster and less steadily."))
    value_from: str = Hyper("imagination", choices=("imagination", "experience"), live="update",
        help=_("What values are fitted to: the steps that were taken, or the best of one imagined step, which learns of what was never done and believes the model's errors."))
    use_value: bool = Hyper(True, live="step",
        help=_("Off: a plan is judged by its own steps alone, as if the world ended after them."))
    # fmt: on


class WorldLearner(ExperienceLearner):
    """E networks of the world and one of values, with all that is read off them."""

    saved = (*ExperienceLearner.saved, "answered", "model_optimiser", "critic_optimiser")
    vectors = ("networks", "target")
    counters = {**ExperienceLearner.counters, "backups_drawn": "backup_random"}
    config: Any

    def __init__(self, config: Any, problem: Problem) -> None:
        super().__init__(config, problem)
        hidden = hidden_sizes(config.net_arch)
        member = Shape((self.size + self.n_actions, *hidden, self.size + 2), "relu")
        critic = Shape((self.size, *hidden, 1), "relu")
        self.networks = Networks(*[member] * config.n_members, critic)
        self.target = Networks(critic)
        self.networks.initialise(problem.stream("initialisation"))
        *self.members, self.critic = self.networks.mlps
        self.target_critic = self.target.mlps[0]
        self.split = config.n_members * member.count()
        self.target.load(self.networks.weights[self.split :])
        self.model_optimiser = Adam(self._stretch(slice(None, self.split)))
        self.critic_optimiser = Adam(self._stretch(slice(self.split, None)))
        self.answered = RunningMoments(self.size + 1)
        self.sizes = tuple(np.array(shape.sizes) for shape in (member, critic))
        self.widest = max(size for sizes in self.sizes for size in sizes.tolist())
        self.backup_random = problem.stream("considered actions")
        self._noise, self._noise_key = np.zeros(0, np.float32), tuple[float, ...]()

    def _stretch(self, where: slice) -> Parameters:
        return Parameters(self.networks.weights[where], self.networks.gradient[where])

    @abstractmethod
    def planned(self, observations: Array) -> Array:
        """Return the planned actions (B, A) at observations (B, D), as rows."""

    def notice(self, rows: Array, step: Step) -> None:
        """Take a step into the running moments, its answer too: how the observation changed, and the reward."""
        super().notice(rows, step)
        change = step.final_observations.astype(np.float64) - self.observations
        self.answered.add(np.concatenate([change, step.rewards[:, None]], axis=1))

    @property
    def value_scale(self) -> float:
        """The size that a return can have."""
        mean, variance = float(np.float32(self.answered.mean[-1])), float(np.float32(self.answered.variance[-1]))
        steps = min(LONGEST_VIEW, 1 / max(1e-12, 1 - self.config.gamma))
        return float(max(1e-6, np.sqrt(mean**2 + variance) * steps))

    def inputs(self, observations: Array, rows: Array) -> Array:
        """Return what a network of the world sees (B, D + A) of observations (B, D) and actions as rows (B, A)."""
        return np.concatenate([self.scaled(observations), rows.astype(np.float32)], axis=1)

    def targets(self, batch: Transitions) -> Array:
        """Return the scaled changes and rewards (B, D + 1) of a minibatch."""
        changes = batch.next_observations.astype(np.float64) - batch.observations
        mean, deviation = moments_of(self.answered)
        answers = np.concatenate([changes, batch.rewards[:, None]], axis=1)
        return np.asarray((answers - mean) / deviation, np.float32)

    def answer(self, index: int, observations: Array, rows: Array) -> tuple[Array, Array, Array]:
        """Return what one network says follows: rewards (B,), probabilities of termination (B,), observations (B, D)."""
        outputs = self.members[index].forward(self.inputs(observations, rows)).astype(np.float64)
        mean, deviation = moments_of(self.answered)
        numbers = outputs[:, :-1] * deviation + mean
        return numbers[:, -1], 0.5 * (1.0 + np.tanh(0.5 * outputs[:, -1])), observations + numbers[:, :-1]

    def answers(self, observations: Array, rows: Array) -> tuple[Array, Array, Array]:
        """Return what every network says follows each of K actions (B, K, A) in each of B states (B, D): (E, B, K) and, last, (E, B, K, D)."""
        count = rows.shape[1]
        repeated, flat = np.repeat(observations, count, axis=0), rows.reshape(-1, self.n_actions)
        said = [self.answer(index, repeated, flat) for index in range(len(self.members))]
        rewards, ends, after = (np.stack(parts) for parts in zip(*said, strict=True))
        shape = (len(said), len(observations), count)
        return rewards.reshape(shape), ends.reshape(shape), after.reshape(*shape, self.size)

    def considered(self, count: int) -> Array:
        """Return the actions (B, K, A) that are compared in B states: all, or a few drawn ones."""
        if self.bounds is None:
            return np.tile(np.eye(self.n_actions, dtype=np.float32), (count, 1, 1))
        return self.random_rows(count * DRAWN, self.backup_random).reshape(count, DRAWN, self.n_actions)

    def values(self, observations: Array) -> Array:
        """Return V (…,) of observations (…, D)."""
        return np.asarray(self.value_scale * self.critic.forward(self.scaled(observations))[..., 0].astype(np.float64))

    def move_target(self) -> None:
        """Move the slow copy of the values towards them."""
        weights, tau = self.target.weights, np.float32(self.config.tau)
        weights *= 1 - tau
        weights += tau * self.networks.weights[self.split :]

    def noise(self) -> Array:
        """Return the draws from which the plans of every state are made, (R, H, 1, C) uniform or (R, H, A, C) normal float32.

        They are the same at every step, so an action depends on nothing but what is seen and what was learned.
        """
        config = self.config
        numbers = 1 if self.bounds is None else self.n_actions
        shape = (config.n_rounds, config.horizon, numbers, config.n_candidates)
        key = (*shape, config.persistence)
        if self._noise_key != key:
            random = Stream(0, "plans")
            draw = random.uniforms if self.bounds is None else random.normals
            self._noise, self._noise_key = persisted(draw(*shape), config.persistence, random), key
        return self._noise

    def kernel_arrays(self) -> tuple[Array, Array, Array, Array, Array]:
        """Return what the search reads of the networks: members (E, P), sizes, critic (P',), sizes, scales (4, D + 1)."""
        scales = np.zeros((4, self.size + 1), np.float32)
        scales[0, :-1], scales[1, :-1] = moments_of(self.seen)
        scales[2], scales[3] = moments_of(self.answered)
        weights = self.networks.weights
        members = weights[: self.split].reshape(len(self.members), -1)
        return members, self.sizes[0], weights[self.split :], self.sizes[1], scales

    def imagined(self, start: Array, rows: Array) -> Array:
        """Return how each network imagines the course from observations (B, D) under actions (K, B, A): (E, K + 1, B, D)."""
        courses = []
        for index in range(len(self.members)):
            course = [start.astype(np.float64)]
            for action in rows:
                course.append(self.answer(index, course[-1], action)[2])
            courses.append(np.stack(course))
        return np.stack(courses)

    def course(self) -> Array:
        """Return the newest stretch of experience as it was, then as each network imagines it (E + 1, K + 1, D)."""
        rows = self.newest_stretch(STRETCH)
        if not len(rows):
            return np.zeros((len(self.members) + 1, 0, self.size))
        real = np.concatenate([self.replay.observations[rows[:1]], self.replay.next_observations[rows]])
        imagined = self.imagined(real[:1], self.replay.actions[rows][:, None])[:, :, 0]
        return np.concatenate([real[None].astype(np.float64), imagined])

    def diagnostics(self) -> dict[str, float]:
        """Return how far imagined courses are from real ones, how far the networks disagree, and what an action costs."""
        config = self.config
        cost = float(config.n_members * config.n_candidates * config.horizon * config.n_rounds)
        return {"model/evaluations": cost, **self.errors()}

    def errors(self) -> dict[str, float]:
        """Return the errors of imagined courses from recent states, and the disagreement; nothing where no course is long enough."""
        n, deviation = self.config.n_envs, moments_of(self.seen)[1]
        rows = self.replay.newest(min(self.replay.size, RECENT) // n * n).reshape(-1, n)
        ended = (self.replay.terminated[rows] > 0) | self.replay.truncated[rows]
        longest = max(AHEAD)
        going = np.array(
            [not ended[t : t + longest - 1, lane].any() for t in range(len(rows) - longest + 1) for lane in range(n)],
            bool,
        )
        starts = np.flatnonzero(going)[:: -max(1, -(-int(going.sum()) // STARTS))]
        if not len(starts):
            return {}
        where = rows[(starts // n)[None] + np.arange(longest)[:, None], starts % n]  # (K, B)
        courses = self.imagined(self.replay.observations[where[0]], self.replay.actions[where])
        found = {}
        for steps in AHEAD:
            error = (courses[:, steps].mean(axis=0) - self.replay.next_observations[where[steps - 1]]) / deviation
            found[f"model/error_{steps}"] = float(np.sqrt(np.square(error).mean()))
        found["model/disagreement"] = float((courses[:, 1].std(axis=0) / deviation).mean())
        return found

    def moments(self) -> Array:
        """Return the running moments of observations and answers in one array."""
        return np.concatenate([super().moments(), self.answered.mean, self.answered.variance])

    def load_moments(self, numbers: Array) -> None:
        """Replace what `moments` returned."""
        super().load_moments(numbers[: 2 * self.size])
        self.answered.mean, self.answered.variance = np.split(numbers[2 * self.size :].astype(np.float64), 2)

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return the planned actions, or those by which it explores."""
        is_greedy = greedy or random is None
        return self.actions(
            self.planned(observations) if is_greedy or random is None else self.behave(observations, random)
        )

    def ahead(self, observations: Array, rows: Array) -> Array:
        """Return what K actions (B, K, A) in states (B, D) are worth by one step of thinking ahead (B, K)."""
        rewards, ends, after = self.answers(observations, rows)
        return np.asarray((rewards + self.config.gamma * (1 - ends) * self.values(after)).mean(axis=0))

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for; observations are (B, D).

        In maps an action is judged by one step of thinking ahead, because a search at every point would take seconds.
        """

        def judged(observations: Array) -> Array:
            return self.ahead(
                observations, np.tile(np.eye(self.n_actions, dtype=np.float32), (len(observations), 1, 1))
            )

        def best(observations: Array) -> Array:
            drawn = np.linspace(-1, 1, PICTURED)[:, None] if self.n_actions == 1 else self._drawn()
            rows = drawn[self.ahead(observations, np.tile(drawn, (len(observations), 1, 1))).argmax(axis=1)]
            return self.actions(rows)

        choice = {"q_at": judged} if self.bounds is None else {"action_at": best}
        return {**super().signals(), "v_at": self.values, **choice, "imagined": self.course}

    def _drawn(self) -> Array:
        return 2 * Stream(0, "pictured actions").uniforms(2 * PICTURED, self.n_actions) - 1


def persisted(noise: Array, persistence: float, random: Stream) -> Array:
    """Return noise (R, H, …, C) whose neighbours in H resemble each other, as float32.

    Uniform draws are kept from the step before with the probability `persistence`; normal ones, which have negative numbers
    among them, are mixed with it so that their deviation stays 1.
    """
    is_normal = bool((noise < 0).any())
    keeps = random.uniforms(*noise.shape) < persistence
    for k in range(1, noise.shape[1]):
        before = noise[:, k - 1]
        if is_normal:
            noise[:, k] = persistence * before + np.sqrt(1 - persistence**2) * noise[:, k]
        else:
            noise[:, k] = np.where(keeps[:, k], before, noise[:, k])
    return noise.astype(np.float32)
