"""What every algorithm promises, tested over the registry: a new file is tested before its author writes a test."""

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app import catalog
from app.core import scalars, signals
from app.core.codecs import flatten, trees_equal
from app.core.config import Config, hyper_of
from app.core.contracts import Agent, Environment, Problem, Tree
from app.core.randomness import Stream
from app.core.report import Episodes
from app.core.specs import AlgorithmSpec
from app.training.checkpoints import read_checkpoint, write_checkpoint
from app.training.job import Job
from app.training.local import LocalControl, run_here

STEPS = 1_000
MARKS = (1, 333, 700)
AFTER_EDIT = 100
ALGORITHMS = sorted(catalog.algorithms())
SHORT = {
    name: 20 for name, spec in catalog.algorithms().items() if spec.step_unit == "update"
}  # a step is an update there
every_algorithm = pytest.mark.parametrize("name", ALGORITHMS)


@dataclass
class Course:
    """An agent on its smoke task, and everything it reported on the way."""

    spec: AlgorithmSpec
    agent: Agent
    environment: Environment
    steps: int = 0
    updates: int = 0
    is_finished: bool = False
    episodes: list[Episodes] = field(default_factory=list)
    scalars: list[tuple[int, dict[str, float]]] = field(default_factory=list)

    def go(self, until: int, cut: Callable[[int], int] = lambda left: left) -> "Course":
        """Update until step `until` of `STEPS`; `cut` says how many of the steps left a call may take."""
        return self.go_on(scaled(self.spec.id, until) - self.steps, cut)

    def go_on(self, steps: int, cut: Callable[[int], int] = lambda left: left) -> "Course":
        """Update for as many steps more."""
        until = self.steps + steps
        while self.steps < until and not self.is_finished:
            report = self.agent.update(max(1, min(cut(until - self.steps), until - self.steps)))
            self.steps += report.steps
            self.updates += report.updates
            self.is_finished = report.finished
            self.episodes.append(report.episodes)
            if report.scalars:
                self.scalars.append((self.steps, report.scalars))
        return self

    def reported(self, since: int = 0) -> list[Any]:
        """Return what the calls reported, without the first `since` calls' episodes."""
        joined = Episodes.join(self.episodes[since:])
        return [*(getattr(joined, name).tolist() for name in Episodes.__dataclass_fields__), self.scalars]


def scaled(name: str, steps: int) -> int:
    """Return the same share of a shorter course where each step is a whole update."""
    return max(1, steps * SHORT.get(name, STEPS) // STEPS)


def course(name: str, seed: int = 5, **changes: Any) -> Course:
    spec = catalog.algorithm(name)
    smoke = spec.smoke
    place = catalog.environment(smoke.environment)
    world = place.make(place.config.parse(dict(smoke.environment_config), "environment_config"))
    config = spec.config.parse({**smoke.config, **changes})
    return Course(spec, spec.agent(config, Problem(world, seed, 4 * scaled(name, STEPS))), world)


@dataclass(frozen=True)
class Whole:
    """A course of STEPS steps in one go, made once: tests look at it and compare with the state it had at its end."""

    course: Course
    state: Tree


@cache
def whole(name: str) -> Whole:
    done = course(name).go(STEPS)
    return Whole(done, copy.deepcopy(done.agent.state()))


@dataclass(frozen=True)
class Mark:
    """Where a course stood on its way: its state, and how much it had reported."""

    state: Tree
    steps: int
    is_finished: bool
    calls: int
    measured: int


@cache
def marked(name: str) -> tuple[Course, dict[int, Mark]]:
    """Return a course of STEPS steps, made once, and where it stood at each mark."""
    done, found = course(name), {}
    for at in MARKS:
        done.go(at)
        state = copy.deepcopy(done.agent.state())
        found[at] = Mark(state, done.steps, done.is_finished, len(done.episodes), len(done.scalars))
    return done.go(STEPS), found


def job(name: str, folder: Path, **changes: Any) -> Job:
    smoke = catalog.algorithm(name).smoke
    recipe = catalog.resolve(
        name, smoke.environment, config=smoke.config, environment_config=smoke.environment_config, preset="", seed=5
    )
    fields: dict[str, Any] = {
        "run": 1, "attempt": 1, "algorithm": name, "environment": smoke.environment, "config": recipe.config,
        "environment_config": recipe.environment_config, "seed": 5, "total_steps": scaled(name, 1_200), "folder": str(folder),
    }  # fmt: skip
    return Job(**{**fields, **changes})


def an_edit_of(spec: AlgorithmSpec, config: Config, name: str) -> dict[str, Any]:
    """Return an allowed change of a hyperparameter that may change while the agent runs."""
    before = getattr(config, name)
    candidates = [choice for choice in hyper_of(type(config).model_fields[name])["choices"] if choice != before]
    if isinstance(before, bool):
        candidates = [not before]
    elif isinstance(before, int):
        candidates = [before + 1, before - 1, 2 * before, before // 2]
    elif isinstance(before, float):
        candidates = [before * 0.5, before * 0.5 + 0.1, 0.5]
    allowed = [value for value in candidates if value != before and _is_allowed(config, name, value)]
    assert allowed, f"{spec.id}.{name}: no other value is allowed"
    return {name: allowed[0]}


def _is_allowed(config: Config, name: str, value: Any) -> bool:
    try:
        config.edited({name: value})
    except ValueError:
        return False
    except Exception as error:
        assert type(error).__name__ == "InvalidInput"  # noqa: PT017 - any other error is the test's failure
        return False
    return True


def irregular(left: int) -> int:
    return left * 7 % 23 + 1


@every_algorithm
@pytest.mark.parametrize("cut", [lambda left: 1, irregular], ids=["ones", "irregular"])
def test_no_result_depends_on_how_the_steps_are_cut(name: str, cut: Callable[[int], int]) -> None:
    parts = course(name).go(STEPS, cut)
    one = whole(name).course
    assert one.steps == parts.steps
    assert not trees_equal(whole(name).state, parts.agent.state())
    assert one.reported()[:4] == parts.reported()[:4]
    measured = [item for item in one.scalars if item in parts.scalars]
    assert measured == one.scalars


@every_algorithm
def test_a_call_takes_no_more_steps_than_allowed(name: str) -> None:
    course_ = course(name)
    n_envs = getattr(course_.agent.config, "n_envs", 1)
    for allowed in (1, 2, 3, 17, 64, 100):
        report = course_.agent.update(allowed)
        assert 0 <= report.steps <= max(allowed, n_envs)
        assert report.steps % n_envs == 0
        assert report.steps or report.finished


@every_algorithm
def test_the_same_seed_gives_the_same_course_and_another_seed_another(name: str) -> None:
    one, same = whole(name).course, course(name).go(STEPS)
    assert not trees_equal(whole(name).state, same.agent.state())
    assert one.reported() == same.reported()
    if one.spec.emits_episodes:
        other = course(name, seed=6).go(STEPS)
        assert trees_equal(whole(name).state, other.agent.state())
        assert one.reported() != other.reported()


@every_algorithm
@pytest.mark.parametrize("at", MARKS)
def test_a_loaded_agent_goes_on_bit_for_bit(name: str, at: int, tmp_path: Path) -> None:
    (first, marks), second = marked(name), course(name)
    live = marks[at].state
    write_checkpoint(tmp_path / "checkpoint", {"agent": live}, {})
    read = read_checkpoint(tmp_path / "checkpoint")[0]["agent"]
    assert not trees_equal(live, read)
    assert {key: type(value) for key, value in flatten(live).items()} == {
        key: type(value) for key, value in flatten(read).items()
    }
    second.agent.load(read)
    second.steps, second.is_finished = marks[at].steps, marks[at].is_finished
    assert not trees_equal(live, second.agent.state())
    for until in (*MARKS, STEPS):
        second.go(until)
    assert not trees_equal(first.agent.state(), second.agent.state())
    assert first.reported(marks[at].calls)[:4] == second.reported()[:4]
    assert first.scalars[marks[at].measured :] == second.scalars


@every_algorithm
def test_no_global_randomness_is_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_arguments: Any, **_named: Any) -> None:
        raise AssertionError("a global generator was used")

    states = (random.getstate(), np.random.get_state(), torch.random.get_rng_state())
    for module, names in (
        (random, ("random", "randint", "choice", "shuffle", "gauss", "uniform", "sample")),
        (np.random, ("rand", "randn", "randint", "random", "choice", "shuffle", "permutation", "normal", "uniform",
                     "default_rng", "seed")),
        (torch, ("rand", "randn", "randint", "randperm", "multinomial", "bernoulli", "normal", "manual_seed")),
        (torch.Tensor, ("uniform_", "normal_", "random_", "bernoulli_", "multinomial")),
    ):  # fmt: skip
        for item in names:
            monkeypatch.setattr(module, item, forbidden)
    poisoned = course(name).go(STEPS)
    observations = _observations(poisoned)
    poisoned.agent.act(observations, True)
    poisoned.agent.act(observations, False, Stream(1, "test"))
    monkeypatch.undo()
    assert random.getstate() == states[0]
    after: Any = np.random.get_state()
    assert all(np.array_equal(one, other) for one, other in zip(states[1], after, strict=True))
    assert torch.equal(torch.random.get_rng_state(), states[2])
    assert not trees_equal(poisoned.agent.state(), whole(name).state)


@every_algorithm
def test_every_emitted_scalar_is_declared_finite_and_in_the_dictionary(name: str) -> None:
    done = whole(name).course
    emitted = {scalar: value for _step, values in done.scalars for scalar, value in values.items()}
    emitted |= done.agent.diagnostics()
    assert emitted.keys() <= catalog.scalars().keys()
    assert emitted.keys() <= set(done.spec.emits)
    kind = catalog.environment(done.spec.smoke.environment).action_kind
    expected = {scalar for scalar in done.spec.emits if catalog.scalars()[scalar].action_kind in ("", kind)}
    assert expected <= emitted.keys()
    assert all(np.isfinite(value) for _step, values in done.scalars for value in values.values())
    assert not set(done.spec.emits) & {"rollout/episode_return", "rollout/ep_rew_mean", "time/fps"}


@every_algorithm
def test_every_signal_is_declared_and_an_array(name: str) -> None:
    done = whole(name).course
    known = signals.DICTIONARY.keys() | {signal.name for signal in done.spec.own_signals}
    kinds = [{"policy_at", "q_at"}, {"action_at", "action_std_at"}]  # one of them goes with the kind of action
    other = [kind for kind in kinds if not kind & done.agent.signals().keys() and done.spec.actions == "any"]
    assert done.agent.signals().keys() == set(done.spec.signals) - set().union(*other)
    assert set(done.spec.signals) <= known
    observations = _observations(done)
    before = done.agent.state()
    for signal, compute in done.agent.signals().items():
        array = np.asarray(compute(observations) if signal.endswith("_at") else compute())
        assert array.dtype.kind in "fiub", signal
        made_no_update = signal == "trace" and np.isnan(array[1:]).all()  # the first slot counts what was changed
        assert np.isfinite(array).all() or made_no_update, signal
        if signal.endswith("_at"):
            assert len(array) == len(observations), signal
    assert not trees_equal(before, done.agent.state())


@every_algorithm
@pytest.mark.parametrize("is_greedy", [True, False])
def test_actions_are_numbers_of_actions(name: str, is_greedy: bool) -> None:
    done = whole(name).course
    observations = _observations(done)
    before = done.agent.state()
    actions = done.agent.act(observations, is_greedy, Stream(1, "test"))
    bounds = done.environment.action_bounds
    if bounds is None:
        assert actions.shape == (len(observations),)
        assert actions.dtype == np.int64
        assert ((actions >= 0) & (actions < done.environment.n_actions)).all()
    else:
        assert actions.shape == (len(observations), done.environment.n_actions)
        assert ((actions >= bounds[:, 0]) & (actions <= bounds[:, 1])).all()
    assert not trees_equal(before, done.agent.state())
    if is_greedy:
        actions = done.agent.act(observations, True)
        one_by_one = [done.agent.act(observations[i : i + 1], True)[0] for i in range(len(observations))]
        tolerance = 0 if bounds is None else 1e-5  # a product of one row may round otherwise than that of many
        np.testing.assert_allclose(np.stack(one_by_one), actions, rtol=0, atol=tolerance)


@every_algorithm
def test_each_live_hyperparameter_can_be_edited(name: str) -> None:
    """One after another, at least an update after each: the result is the same however the steps are cut."""
    edited, cut = course(name).go(200), course(name).go(200, irregular)
    for key in type(edited.agent.config).live_names():
        changes = an_edit_of(edited.spec, edited.agent.config, key)
        updates, steps = edited.updates, edited.steps
        for course_ in (edited, cut):
            course_.agent.edit(course_.agent.config.edited(changes))
            assert getattr(course_.agent.config, key) == changes[key]
        while edited.updates == updates and not edited.is_finished and edited.steps < steps + STEPS:
            edited.go_on(scaled(name, AFTER_EDIT))
            cut.go_on(edited.steps - cut.steps, irregular)
        assert not trees_equal(edited.agent.state(), cut.agent.state()), changes


@every_algorithm
def test_an_edit_that_changes_nothing_changes_nothing(name: str) -> None:
    edited = course(name).go(200)
    edited.agent.edit(edited.agent.config.edited({}))
    assert not trees_equal(whole(name).state, edited.go(STEPS).agent.state())


@every_algorithm
def test_a_run_killed_and_resumed_records_what_an_uninterrupted_one_does(name: str, tmp_path: Path) -> None:
    at = scaled(name, 700) if catalog.algorithm(name).emits_episodes or name in SHORT else 20
    control = LocalControl([{"name": "step", "count": at}])
    first = Book(control)
    assert run_here(job(name, tmp_path / "first", paused=True), first, control) == "finished"
    kept = tmp_path / "first" / "checkpoints"
    for kind in ("requested", "best"):
        second, path = Book(), str(kept / first.checkpoints[kind])
        assert run_here(job(name, tmp_path / kind, attempt=2, checkpoint=path), second) == "finished"
        for series, points in second.points.items():
            if catalog.scalars()[series].reproducible:
                assert points == {number: first.points[series][number] for number in points}, series
                assert max(points) == max(first.points[series])
        ends = (kept / first.checkpoints["final"], tmp_path / kind / "checkpoints" / second.checkpoints["final"])
        one, other = (read_checkpoint(end)[0]["agent"] for end in ends)
        assert not trees_equal(one, other)


class Book:
    """Keeps the points and the checkpoints of a run; asks a paused one for a checkpoint and lets it go on."""

    def __init__(self, control: LocalControl | None = None) -> None:
        self.points: dict[str, dict[int, tuple[float, ...]]] = {}
        self.checkpoints: dict[str, str] = {}
        self._control, self._has_asked = control, False

    def __call__(self, kind: str, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        if kind == "checkpoint":
            self.checkpoints[header["kind"]] = header["id"]
        elif kind == "points":
            self._keep(header, arrays)
        elif kind == "progress" and self._control and not self._has_asked:
            self._has_asked = True
            self._control.send({"name": "checkpoint"})
            self._control.send({"name": "resume"})
        elif kind == "state" and header["state"] == "failed":
            pytest.fail(header["reason"])

    def _keep(self, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        columns = [arrays[key].tolist() for key in ("steps", "values", "lows", "highs")]
        rows = list(zip(*columns, strict=True))
        for item in header["series"]:
            known = self.points.setdefault(item["name"], {})
            for index in range(item["count"]):
                known[item["first_seq"] + index] = rows.pop(0)


def _observations(course_: Course) -> np.ndarray:
    """Return what the agent acts on: states (16,) or feature rows (16, D)."""
    has_table = course_.spec.tabular or course_.spec.needs_model
    batch = course_.environment.batch(16, 9, "test", not has_table)
    return batch.reset()


def test_the_shared_scalars_are_nobodys_own() -> None:
    shared = {scalar.name for scalar in scalars.SHARED}
    for spec in catalog.algorithms().values():
        assert not {scalar.name for scalar in spec.scalars} & shared
