"""Runs in gymnasium's simulators: a run cut anywhere records the same numbers, or says that it cannot be replayed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import catalog
from app.training.build import Built, build
from app.training.job import Job
from tests.training.fakes import Room
from tests.training.test_session import assert_same, checkpoint_of

SMALL = {"n_envs": 2, "n_steps": 64, "batch_size": 64, "n_epochs": 1, "net_arch": "8"}


class Place(Room):
    """A room with a real learner; commands are due by the steps it has taken."""

    def build(self, job: Job) -> Built:
        built = build(job)
        self.agent = _Counted(built.agent)
        built.agent = self.agent
        return built


class _Counted:
    """An agent that counts its steps where the room looks for them."""

    def __init__(self, agent: Any) -> None:
        self._agent, self.steps = agent, 0

    def update(self, max_steps: int) -> Any:
        report = self._agent.update(max_steps)
        self.steps += report.steps
        return report

    def __getattr__(self, name: str) -> Any:
        return getattr(self._agent, name)


def job(folder: Path, environment: str, **changes: Any) -> Job:
    recipe = catalog.resolve("ppo", environment, config=SMALL, preset="", total_steps=1_280, seed=2)
    fields: dict[str, Any] = {
        "run": 1, "attempt": 1, "algorithm": "ppo", "environment": environment, "environment_config": {},
        "config": recipe.config, "seed": 2, "total_steps": 1_280, "folder": str(folder), "eval_episodes": 1,
        "eval_every_steps": 640,
    }  # fmt: skip
    return Job(**{**fields, **changes})


@pytest.mark.parametrize("environment", ["LunarLander-v3", "BipedalWalker-v3", "Pendulum-v1", "Acrobot-v1"])
def test_a_run_killed_and_resumed_equals_one_that_never_stopped(tmp_path: Path, environment: str) -> None:
    first, second = Place([(512, {"name": "checkpoint"})]), Place()
    assert first.train(job(tmp_path / "run", environment)) == "finished"
    resumed = job(tmp_path / "run", environment, attempt=2, checkpoint=checkpoint_of(first, "requested"))
    assert second.train(resumed) == "finished"
    assert_same(first, first, second)
    assert not [event for event in first.of("event") if event["event"] == "warning"]
    episode = next(arrays for kind, _header, arrays in first.records if kind == "episode")
    world = catalog.environment(environment)
    made = world.make(world.config())
    assert episode["states"].shape[1] == made.observation_size
    assert episode["actions"].ndim == (1 if made.action_bounds is None else 2)


def test_a_world_that_cannot_be_replayed_marks_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """BipedalWalker in one simulator for all episodes is such a world."""
    from app.environments import bipedal_walker
    from app.parts.gym_batch import GymEnvironment

    monkeypatch.setattr(GymEnvironment, "needs_renewal", False)
    made = bipedal_walker.make(bipedal_walker.BipedalWalkerConfig())
    assert not made.is_replayable
    room = Place()
    assert room.train(job(tmp_path, "BipedalWalker-v3")) == "finished"
    warnings = [event for event in room.of("event") if event["event"] == "warning"]
    assert [event["data"] for event in warnings] == [{"replayable": False}]
    assert "BipedalWalker cannot be replayed bit for bit" in warnings[0]["text"]
    assert np.isfinite(room.agent.signals()["weights"]()).all()
