"""A world and a learner that only count, a clock that moves when asked, and a script of commands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.core.config import Config, Hyper
from app.core.contracts import Array, Problem, Step, Tree
from app.core.randomness import Stream
from app.core.report import Episodes, Report
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Smoke
from app.training.build import Built
from app.training.job import Job
from app.training.loop import train

EPISODE = 10


class CounterConfig(Config):
    """How the counting learner counts."""

    alpha: float = Hyper(0.5, low=0, high=10, live="step", help="What one step adds.")
    n_envs: int = Hyper(1, low=1, high=64, help="Steps are taken in groups of this size.")
    update_every: int = Hyper(4, low=1, help="Steps between two updates; a call ends with an update.")
    diverge_at: int = Hyper(0, low=0, help="The step at which the sum is no number any more; 0 is never.")
    finish_at: int = Hyper(0, low=0, help="The step at which nothing is left to do; 0 is never.")
    break_at: int = Hyper(0, low=0, help="The step at which the learner has a bug; 0 is never.")


class CountingBatch:
    """Episodes of five steps; the reward is the action."""

    def __init__(self, n_envs: int, seed: int, stream: str) -> None:
        self.n_envs, self.time = n_envs, np.zeros(n_envs)
        self.random = Stream(seed, stream)

    def reset(self) -> Array:
        return self.states().astype(np.float32)

    def restart(self, episode: int, group: int = 1) -> Array:
        self.time[:] = 0
        return self.reset()

    def states(self) -> Array:
        return self.time[:, None].copy()

    def step(self, actions: Array) -> Step:
        self.time += 1
        final = self.time[:, None].astype(np.float32)
        ended = self.time >= 5
        self.time[ended] = 0
        rewards = actions + self.random.uniforms(self.n_envs)
        return Step(self.time[:, None].astype(np.float32), rewards, ended, np.zeros(self.n_envs, np.bool_), final)


class CountingWorld:
    """A world without a model."""

    id, n_actions, observation_size, max_episode_steps, mdp, changes = "counting", 2, 1, 50, None, ()
    action_bounds = None
    is_replayable = True

    def batch(self, n_envs: int, seed: int, stream: str, features: bool) -> CountingBatch:
        return CountingBatch(n_envs, seed, stream)


class CountingAgent:
    """Adds alpha times a random number at every step; an episode is ten steps and its return their sum."""

    def __init__(self, config: CounterConfig, problem: Problem) -> None:
        self.config = config
        self.random = problem.stream("counting")
        self.steps, self.sum, self.episode_sum = 0, 0.0, 0.0
        self.calls: list[int] = []

    def update(self, max_steps: int) -> Report:
        config, start, ends, returns = self.config, self.steps, [], []
        assert max_steps >= 1
        while True:
            for _env in range(config.n_envs):
                self._one(ends, returns)
            is_update = self.steps % config.update_every == 0
            if is_update or self.steps - start + config.n_envs > max_steps or self._is_finished():
                break
        self.calls.append(self.steps - start)
        episodes = Episodes(
            np.array(ends, np.int64), np.array(returns), np.full(len(ends), EPISODE), np.ones(len(ends), np.bool_)
        )
        scalars = {"train/loss": self.sum} if is_update else {}
        return Report(self.steps - start, int(is_update), episodes, scalars, self._is_finished())

    def _one(self, ends: list[int], returns: list[float]) -> None:
        self.steps += 1
        reward = self.config.alpha * float(self.random.uniforms(1)[0])
        self.sum, self.episode_sum = self.sum + reward, self.episode_sum + reward
        if self.config.break_at and self.steps >= self.config.break_at:
            raise IndexError("a bug")
        if self.config.diverge_at and self.steps >= self.config.diverge_at:
            self.sum = float("nan")
        if self.steps % EPISODE == 0:
            ends.append(self.steps)
            returns.append(self.episode_sum)
            self.episode_sum = 0.0

    def _is_finished(self) -> bool:
        return bool(self.config.finish_at) and self.steps >= self.config.finish_at

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        return np.full(len(observations), int(self.sum) % 2)

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        return {
            "weights": lambda: np.array([self.sum], np.float32),
            "visited": lambda: np.array([[self.steps]], np.float32),
        }

    def diagnostics(self) -> dict[str, float]:
        return {"train/q_mean": self.sum}

    def edit(self, config: Config) -> None:
        assert isinstance(config, CounterConfig)
        self.config = config

    def state(self) -> Tree:
        return {"steps": self.steps, "sum": self.sum, "episode_sum": self.episode_sum, "drawn": self.random.counter}

    def load(self, tree: Tree) -> None:
        self.steps, self.sum, self.episode_sum = tree["steps"], tree["sum"], tree["episode_sum"]
        self.random.counter = tree["drawn"]


def _draw(subject: Any, options: Any) -> Frame:
    return Frame({"sum": np.array([subject.agent.sum])}, {"steps": subject.agent.steps})


ALGORITHM = AlgorithmSpec(
    "counter", "Counter", "Counts.", "value_based", 1, CounterConfig, CountingAgent, Smoke("counting", 100),
    ("train/loss", "train/q_mean"), ("weights", "visited"),
)  # fmt: skip
WORLD = EnvironmentSpec(
    "counting", "Counting", "Counts.", 1, "continuous", Config, lambda config: CountingWorld(), ("zero", "one"), "none",
    "1", success=3.0,
)  # fmt: skip
PANEL = PanelSpec("sum", "Sum", "The sum.", "table", 1, Config, lambda a, e: True, _draw)


@dataclass
class Clock:
    """Moves one millisecond whenever it is read."""

    time: float = 0.0

    def __call__(self) -> float:
        self.time += 0.001
        return self.time


@dataclass
class Room:
    """Where a run takes place: everything it recorded, and what it will be told.

    Attributes:
        script: (step, command): sent at the first poll at which the agent got that far; to a paused run at once.
    """

    script: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    records: list[tuple[str, dict[str, Any], dict[str, Array]]] = field(default_factory=list)
    lives: list[tuple[dict[str, Any], dict[str, Array]]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    agent: Any = None
    panels: tuple[PanelSpec, ...] = (PANEL,)
    backlog: list[int] = field(default_factory=list)

    def record(self, kind: str, header: dict[str, Any], arrays: dict[str, Array] | None = None) -> None:
        self.records.append((kind, header, arrays or {}))

    def live(self, header: dict[str, Any], arrays: dict[str, Array] | None = None) -> None:
        self.lives.append((header, arrays or {}))

    def backlog_bytes(self) -> int:
        return self.backlog.pop(0) if self.backlog else 0

    def poll(self, timeout_s: float) -> list[dict[str, Any]]:
        self.waits.append(timeout_s)
        self.clock.time += timeout_s
        if self.script and (timeout_s >= 1 or self.agent.steps >= self.script[0][0]):
            return [self.script.pop(0)[1]]
        assert timeout_s < 1, "a paused run waits for a command that never comes"
        return []

    def build(self, job: Job) -> Built:
        world = CountingWorld()
        config = CounterConfig.parse(job.config)
        self.agent = CountingAgent(config, Problem(world, job.seed, job.total_steps))
        return Built(ALGORITHM, WORLD, world, self.agent, self.panels)

    def train(self, job: Job) -> str:
        return train(job, self, self, self.clock, builder=self.build)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [header for name, header, _arrays in self.records if name == kind]

    def states(self) -> list[str]:
        return [header["state"] for header in self.of("state")]

    def series(self) -> dict[str, dict[int, tuple[int, float, float, float]]]:
        """Return name → number of the point → (step, value, low, high); a number sent twice must repeat its point."""
        found: dict[str, dict[int, tuple[int, float, float, float]]] = {}
        for kind, header, arrays in self.records:
            if kind == "points":
                offset = 0
                for item in header["series"]:
                    points = found.setdefault(item["name"], {})
                    for index in range(item["count"]):
                        at = offset + index
                        values = tuple(arrays[key][at].item() for key in ("steps", "values", "lows", "highs"))
                        points[item["first_seq"] + index] = values  # type: ignore[assignment]
                    offset += item["count"]
        return found

    def reproducible(self) -> dict[str, dict[int, tuple[int, float, float, float]]]:
        return {name: points for name, points in self.series().items() if name not in ("time/fps", "time/run_clock")}


def job(folder: Path, **changes: Any) -> Job:
    """Return a short job for the counting learner."""
    fields: dict[str, Any] = {
        "run": 1, "attempt": 1, "algorithm": "counter", "environment": "counting", "environment_config": {},
        "config": CounterConfig().model_dump(), "seed": 3, "total_steps": 2_000, "folder": str(folder),
    }  # fmt: skip
    config = {**fields["config"], **changes.pop("config", {})}
    return Job(**{**fields, **changes, "config": config})
