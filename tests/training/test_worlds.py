"""Worlds that change while a run goes: by an edit, or by themselves; a cut run repeats it exactly."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.codecs import trees_equal
from app.core.errors import InvalidInput, Refused
from app.core.specs import Subject
from app.panels import truth as truth_panel
from app.parts.tabular import endless_states, finite_horizon_values
from app.training import worlds
from app.training.build import Built, build
from app.training.job import Job
from app.training.local import job_here
from app.training.loop import train
from tests.training.fakes import Clock, Room
from tests.training.test_session import assert_same, checkpoint_of

OPEN = "S.../..../...G"
WALLED = "S.../###./...G"
EDIT: dict[str, Any] = {
    "name": "edit",
    "id": 1,
    "kind": "environment",
    "config": {"layout": WALLED, "step_reward": -0.5},
}
PLANNERS = (
    "value_iteration", "policy_iteration", "modified_policy_iteration", "policy_evaluation", "conservative_policy_iteration",
)  # fmt: skip
LEARNERS = ("q_learning", "sarsa", "dyna_q", "dqn", "ppo", *PLANNERS)
NEVER_RANDOM = {"policy": "optimal", "policy_epsilon": 0.0, "gamma": 1.0}


class Maze(Room):
    """A room for real learners; their world may change by itself at a step."""

    def __init__(self, *script: Any, changes_at: int = 0) -> None:
        super().__init__(list(script), clock=Clock())
        self.changes_at = changes_at

    def poll(self, timeout_s: float) -> list[dict[str, Any]]:
        if self.script and self.reached() >= self.script[0][0]:
            return [self.script.pop(0)[1]]
        return []

    def reached(self) -> int:
        return max((header["step"] for kind, header, _arrays in self.records if "step" in header), default=0)

    def run(self, job: Job) -> str:
        def builder(job: Job) -> Built:
            built = build(job)
            if self.changes_at:
                changed = built.environment_spec.make(built.environment_spec.config.parse({"layout": WALLED}))
                built.environment = replace(built.environment, changes=((self.changes_at, changed),))  # type: ignore[type-var]
            self.agent = built.agent
            return built

        return train(job, self, self, self.clock, builder=builder)


def job(folder: Path, algorithm: str = "q_learning", **changes: Any) -> Job:
    is_planner = algorithm in PLANNERS
    recipe = catalog.resolve(
        algorithm, "gridworld", config={"gamma": 0.9}, environment_config={"layout": OPEN, "slip": 0.2},
        total_steps=40 if is_planner else 4_000, seed=3,
    )  # fmt: skip
    return job_here(recipe, folder, **({"speed": 30.0} if is_planner else {}), **changes)


def optimum(layout: str, step_reward: float = -0.04) -> Any:
    spec = catalog.environment("gridworld")
    from app.parts.tabular import optimal_values

    mdp = spec.make(spec.config.parse({"layout": layout, "step_reward": step_reward, "slip": 0.2})).mdp
    assert mdp is not None
    return optimal_values(mdp, 0.9)[0]


def test_an_edit_of_the_world_moves_the_truth_and_is_told(tmp_path: Path) -> None:
    room = Maze((1_000, EDIT))
    assert room.run(job(tmp_path)) == "finished"
    (answer,) = room.of("edit")
    assert (answer["id"], answer["kind"], answer["config"]) == (1, "environment", EDIT["config"])
    (event,) = [header for header in room.of("event") if header["event"] == "edit"]
    assert event["data"] == {"id": 1, "environment_config": EDIT["config"]}
    assert "step reward −0.04 → −0.5" in event["text"]
    pictures = {header["step"]: header["meta"]["cells"] for header in room.of("frame") if "cells" in header["meta"]}
    assert pictures[0] == OPEN.replace("/", "")
    assert pictures[answer["step"]] == pictures[4_000] == WALLED.replace("/", "")
    assert room.agent.exact.optimum[0] == pytest.approx(optimum(WALLED, -0.5))
    assert checkpoint_of(room, "before_edit").startswith(f"{answer['step']}-")


@pytest.mark.parametrize("algorithm", LEARNERS)
def test_a_run_cut_anywhere_around_an_edit_of_its_world_is_the_same(tmp_path: Path, algorithm: str) -> None:
    at = 8 if algorithm in PLANNERS else 1_000
    for where in (at // 2, at * 2):
        first, folder = Maze((at, EDIT), (where, {"name": "checkpoint"})), tmp_path / str(where)
        if where < at:
            first = Maze((where, {"name": "checkpoint"}), (at, EDIT))
        assert first.run(job(folder, algorithm)) == "finished"
        edits = [{"id": 1, "step": first.of("edit")[0]["step"], "config": EDIT["config"], "kind": "environment"}]
        for kind in ("requested", "before_edit"):
            second, copy = Maze(), tmp_path / f"{where}-{kind}"
            shutil.copytree(folder, copy)
            resumed = job(copy, algorithm, attempt=2, checkpoint=checkpoint_of(first, kind), edits=edits)
            assert second.run(resumed) == "finished"
            assert_same(first, first, second)


@pytest.mark.parametrize("cut", [300, 999, 1_500, 2_600])
def test_a_world_that_changes_by_itself_does_so_at_its_step(tmp_path: Path, cut: int) -> None:
    whole, first = Maze(changes_at=1_234), Maze((cut, {"name": "checkpoint"}), changes_at=1_234)
    whole.run(job(tmp_path / "whole"))
    first.run(job(tmp_path / "parts"))
    (event,) = [header for header in whole.of("event") if header["event"] == "world"]
    assert (event["step"], event["key"]) == (1_234, "world:1234")
    best = [header["id"] for header in first.of("checkpoint") if header["kind"] == "best"][-1]
    for name in (checkpoint_of(first, "requested"), best):
        second, folder = Maze(changes_at=1_234), tmp_path / name
        shutil.copytree(tmp_path / "parts", folder)
        second.run(job(folder, attempt=2, checkpoint=name))
        assert_same(whole, first, second)
    at_change = [header["meta"] for header in whole.of("frame") if header["step"] == 1_234]
    cells = [meta["cells"] for meta in at_change if "cells" in meta]
    assert cells[-1] == WALLED.replace("/", "")


@pytest.mark.parametrize("algorithm", ["dqn", "n_step_dqn", "ppo", "reinforce"])
def test_a_network_goes_on_in_a_world_that_changes_by_itself(tmp_path: Path, algorithm: str) -> None:
    whole, first = Maze(changes_at=1_234), Maze((2_600, {"name": "checkpoint"}), changes_at=1_234)
    assert whole.run(job(tmp_path / "whole", algorithm)) == "finished"
    assert first.run(job(tmp_path / "parts", algorithm)) == "finished"
    (event,) = [header for header in whole.of("event") if header["event"] == "world"]
    assert 1_234 <= event["step"] < 2_500
    walls = [cell for cell, letter in enumerate(WALLED.replace("/", "")) if letter == "#"]
    assert not set(walls) & set(whole.agent.batch.states()[:, 0].astype(int))
    second = Maze(changes_at=1_234)
    second.run(job(tmp_path / "parts", algorithm, attempt=2, checkpoint=checkpoint_of(first, "requested")))
    assert_same(whole, first, second)


def test_without_its_change_the_curve_is_another(tmp_path: Path) -> None:
    with_change, without = Maze(changes_at=1_234), Maze()
    with_change.run(job(tmp_path / "a"))
    without.run(job(tmp_path / "b"))
    assert with_change.reproducible() != without.reproducible()


def test_a_fork_from_after_an_edit_lives_in_the_edited_world(tmp_path: Path) -> None:
    first, fork = Maze((1_000, EDIT), (2_000, {"name": "checkpoint"})), Maze()
    first.run(job(tmp_path / "a"))
    kept = str(tmp_path / "a" / "checkpoints" / checkpoint_of(first, "requested"))
    options = {**job(tmp_path).environment_config, **EDIT["config"]}
    assert fork.run(job(tmp_path / "b", run=2, checkpoint=kept, environment_config=options)) == "finished"
    assert not trees_equal(first.agent.state(), fork.agent.state())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layout": "S.../####/...G"}, "no goal can be reached"),
        ({"layout": "S.../....S/...G"}, "make all rows equally long"),
        ({"layout": "S..../...../....G"}, "Keep rows and columns, or start a new run"),
        ({"max_episode_steps": 3}, "cannot change while the run lives"),
        ({"nonsense": 3}, "unknown name"),
        ({"slip": 1.5}, "must be ≤ 1"),
        ({}, "names nothing to change"),
    ],
)
def test_a_world_that_cannot_be_is_refused_and_the_run_goes_on_unchanged(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    room, plain = Maze((1_000, {**EDIT, "config": changes})), Maze()
    assert room.run(job(tmp_path / "a")) == plain.run(job(tmp_path / "b")) == "finished"
    (answer,) = room.of("edit")
    assert said in answer["refused"]
    assert room.reproducible() == plain.reproducible()


def test_at_gamma_one_a_world_without_an_end_is_refused() -> None:
    now = catalog.resolve("q_learning", "gridworld", environment_config={"layout": "S.../..../...G"}).environment_config
    change: Callable[[str, float], Any] = lambda layout, gamma: worlds.edited(  # noqa: E731
        catalog.algorithm("q_learning"),
        catalog.algorithm("q_learning").config.parse({"gamma": gamma}),
        catalog.environment("gridworld"),
        now=now,
        changes={"layout": layout, "step_reward": 1.0},
    )
    assert change("S.../..../...G", 0.9)[0]["step_reward"] == 1.0
    with pytest.raises(InvalidInput, match="The run goes on unchanged"):
        change("S.../..../...G", 1.0)


@pytest.mark.parametrize(
    ("algorithm", "config"), [("td0", {}), ("off_policy_monte_carlo", {"target": "evaluated"}), ("n_step_td", {})]
)
def test_a_policy_that_no_longer_ends_is_worth_what_it_earns_within_the_limit(
    algorithm: str, config: dict[str, Any]
) -> None:
    """The wall moves before the path of the policy that is evaluated: without a discount it would be worth minus infinity."""
    recipe = catalog.resolve(algorithm, "blocking_maze", config={**NEVER_RANDOM, **config}, preset="")
    spec, environment_spec, environment, agent = catalog.build(recipe)
    assert np.isfinite(list(agent.diagnostics().values())).all()
    changed = environment.changes[0][1]
    assert isinstance(agent, worlds.EntersWorlds)
    agent.enter(changed)
    agent.update(3_000)
    assert np.isfinite(list(agent.diagnostics().values())).all()
    truth, policy = agent.signals()["truth"](), agent.signals()["policy"]()
    mdp = changed.mdp
    assert mdp is not None
    assert endless_states(mdp, policy).any()
    assert truth == pytest.approx(finite_horizon_values(mdp, policy, changed.max_episode_steps))
    frame = truth_panel.SPEC.compute(Subject(agent, spec, environment_spec, changed), truth_panel.TruthOptions())
    assert frame.meta["endless"] > 0


def test_a_fixed_world_takes_no_edit() -> None:
    q_learning = catalog.algorithm("q_learning")
    with pytest.raises(Refused, match="does not change while a run goes"):
        worlds.edited(q_learning, q_learning.config(), catalog.environment("FrozenLake-v1"), now={}, changes={"a": 1})


def test_an_agent_whose_ground_became_a_wall_starts_anew(tmp_path: Path) -> None:
    room = Maze((1_000, EDIT))
    room.run(job(tmp_path))
    visited = {int(state) for header, _arrays in room.lives for state in header.get("states", [])}
    walls = {cell for cell, letter in enumerate(WALLED.replace("/", "")) if letter == "#"}
    assert not visited & walls
    assert int(room.agent.course.position[0, 0]) not in walls
    assert np.isfinite(room.agent.memory.q).all()
