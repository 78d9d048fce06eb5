"""What every agent has that learns from whole episodes: playing them side by side, keeping them, and nothing of what comes between.

A round starts one episode in every environment. Those that end sooner play on until the last one has ended, and what they do
meanwhile is thrown away: keeping the first to finish would prefer short episodes. With one environment nothing is lost.
The episodes of a round are reported when it is over, all at that step: one policy played them, and told in the order in which
they end, short ones first, every round would look as if something had been learned in it.
T steps of all rounds, N environments, B samples, D observation size, A actions or numbers of an action.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Environment, Problem, Step, Tree
from app.core.errors import InvalidInput
from app.core.report import Episodes
from app.core.text import _, filled
from app.parts.kept_steps import TOO_LARGE
from app.parts.policy_learner import PolicyLearner

Array = NDArray[Any]
MAX_NUMBERS = 100_000_000  # of the observations of an update: 400 MB
COLUMNS = ("observations", "actions", "rewards", "earned", "terminated", "truncated", "final_values", "counts")
COUNTERS = ("begun", "complete", "first")


class EpisodeConfig(Protocol):
    """The hyperparameters that this part reads."""

    @property
    def n_envs(self) -> int: ...
    @property
    def n_episodes(self) -> int: ...
    @property
    def gamma(self) -> float: ...


class EpisodeRecord:
    """The steps of the rounds since the last update, oldest first.

    Attributes:
        open: where the round's episode still runs (N,) bool.
        begun: rounds begun since the start, which is the number of the next round's episodes.
        complete: rounds since the last update in which every episode has ended.
        first: where the round's steps begin among those that are kept.
    """

    def __init__(self, n_envs: int) -> None:
        self.open = np.zeros(n_envs, np.bool_)
        self.begun, self.complete, self.first = 0, 0, 0
        self._columns: dict[str, list[Array]] = {name: [] for name in COLUMNS}

    def begin(self) -> None:
        """Open every environment's next episode."""
        self.open[:] = True
        self.begun += 1
        self.first = len(self._columns["counts"])

    def add(self, step: Step, **columns: Array) -> Step:
        """Keep a step of all environments; return it with only the episodes of the round in it."""
        counted = Step(
            step.observations, step.rewards * self.open, step.terminated & self.open, step.truncated & self.open,
            step.final_observations,
        )  # fmt: skip
        ends = {"earned": counted.rewards, "terminated": counted.terminated, "truncated": counted.truncated}
        for name, column in (columns | ends | {"counts": self.open.copy()}).items():
            self._columns[name].append(column)
        self.open &= ~(counted.terminated | counted.truncated)
        self.complete += not self.open.any()
        return counted

    def column(self, name: str) -> Array:
        """Return one column of all steps (T, N, …).

        `rewards` are as the agent sees them and `earned` those of the environment; `final_values` is V of what was reached
        where a step truncated, and `counts` says whether the step belongs to the round's episode.
        """
        return np.stack(self._columns[name])

    def episodes(self, env_step: int) -> Episodes:
        """Return the episodes of a round that was over at `env_step`, in the order of their environments."""
        steps = {name: np.stack(self._columns[name][self.first :]) for name in ("earned", "counts", "terminated")}
        returns, lengths = (np.asarray(steps[name].sum(axis=0)) for name in ("earned", "counts"))
        terminated = np.asarray(steps["terminated"].any(axis=0))
        return Episodes(np.full(len(returns), env_step, np.int64), returns, lengths, terminated)

    def clear(self) -> None:
        """Forget the steps."""
        self.complete, self.first = 0, 0
        for column in self._columns.values():
            column.clear()

    def state(self) -> Tree:
        """Return everything."""
        columns = {name: self.column(name) for name in COLUMNS} if self._columns["counts"] else {}
        numbers = {name: getattr(self, name) for name in COUNTERS}
        return {"open": self.open.copy(), **numbers, **columns}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self.open[:] = tree["open"]
        self.begun, self.complete, self.first = (int(tree[name]) for name in COUNTERS)
        self._columns = {name: list(tree[name]) if name in tree else [] for name in COLUMNS}


class EpisodeLearner(PolicyLearner):
    """A policy that learns from whole episodes of N environments, `group_size` neighbours starting alike."""

    saved = (*PolicyLearner.saved, "record")

    def __init__(self, config: Any, problem: Problem) -> None:
        super().__init__(config, problem)
        self.record = EpisodeRecord(config.n_envs)

    def collect(self, until: int) -> bool:
        """Play until the update's episodes have ended or no step fits before env step `until`; return whether they have."""
        settings: EpisodeConfig = self.config
        rounds = -(-settings.n_episodes // settings.n_envs)
        while self.record.complete < rounds:
            self.collect_step()
            if self.env_steps + self.batch.n_envs > until:
                break
        if self.record.complete >= rounds:
            self.noted.before = self.networks.stretch(0).weights.copy()
        return self.record.complete >= rounds

    def collect_step(self) -> None:
        """Act once in every environment; where no episode runs, begin a round first."""
        if not self.record.open.any():
            self.observations = self.batch.restart(self.record.begun, self.group_size)
            self.normaliser.restart()
            self.record.begin()
        self.visited.add(self.observations)
        seen = np.array(self.normaliser.see(self.observations))
        actions = self.head.draw(self.policy.forward(seen), self.free, self.action_random)
        step = self.batch.step(self.head.bounded(actions))
        rewards = np.array(self.normaliser.rewards(step, self.config.gamma))
        needs_values = self.has_critic and step.truncated.any()
        final_values = self.values(step.final_observations) if needs_values else np.zeros(len(actions), np.float32)
        self.record.add(step, observations=seen, actions=actions, rewards=rewards, final_values=final_values)
        self.observations = step.observations
        self.env_steps += self.batch.n_envs
        if not self.record.open.any():
            self.episodes.keep(self.record.episodes(self.env_steps))

    @property
    def group_size(self) -> int:
        """How many neighbouring environments start alike."""
        return 1


def check_episodes(config: Any, environment: Environment) -> None:
    """Refuse episodes that may together be too many numbers to keep.

    Raises:
        InvalidInput: naming the most episodes of an update that fit.
    """
    settings: EpisodeConfig = config
    lanes = -(-settings.n_episodes // settings.n_envs) * settings.n_envs
    most, rule = most_episodes(lanes, environment)
    if lanes > most:
        way_out = _("Ask for at most {count} episodes an update, a multiple of n_envs.")
        if most < settings.n_envs:
            way_out = _("Ask for at most {count} episodes an update, and as many n_envs or fewer.")
        way_out = filled(way_out, count=most) if most else TOO_LARGE
        raise InvalidInput.one("config.n_episodes", settings.n_episodes, rule, way_out)


def most_episodes(count: int, environment: Environment) -> tuple[int, str]:
    """Return how many episodes can be kept, and the rule that refuses `count` of them."""
    each = environment.max_episode_steps * environment.observation_size
    rule = filled(
        _("{count} episodes of up to {steps} steps may be {size} numbers, more than {limit}"),
        count=count,
        steps=environment.max_episode_steps,
        size=each * count,
        limit=MAX_NUMBERS,
    )
    return MAX_NUMBERS // each, rule
