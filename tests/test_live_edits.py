"""A live edit acts: an edited agent soon has learned something else than its unedited twin, in every algorithm and for every key.

And it acts when its declaration says: what waits for the next update leaves the steps before it alone.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from app import catalog
from app.algorithms.tabular.q_learning import QLearningConfig
from app.core.codecs import trees_equal
from app.parts.off_policy import OffPolicyConfig
from app.parts.q_learner import ReplayLearning
from app.parts.tabular_agent import TabularAgent
from tests.test_generic_agents import STEPS, Course, an_edit_of, course, scaled

EDITED = sorted(name for name, spec in catalog.algorithms().items() if spec.config.live_names())
AT, AT_PLANNING = 333, 20  # a planner has not arrived yet
AT_REPLAYING = 700  # after learning has started, before ε has fallen
STRETCH, STRETCH_OF_KERNELS, UPDATES = 100, 1000, 3  # the second is long enough to meet a reward

QUICK: Mapping[str, dict[str, Any]] = {
    "ppo_preferences": {
        "n_steps": 32,
        "n_envs": 4,
        "batch_size": 32,
        "n_labels": 5_000,
        "clip_steps": 5,
        "reward_steps": 5,
    },
    # with its smoke configuration one action is best everywhere after so few steps, however it is searched for
    "world_model": {"learning_rate": 0.01, "gradient_steps": 4, "train_freq": 8, "gamma": 0.9, "horizon": 8},
}


@dataclass(frozen=True)
class Case:
    """An edit of a key that does not act always, or not by a small change, and what has to hold so that it does.

    Attributes:
        where: when the key acts, in words.
        to: the value it is set to; None is the change that the tests of every algorithm make.
        under: what the run begins with beside its smoke configuration.
        is_of_pictures: whether learning never sees the key, and diagnostics do.
    """

    where: str
    to: float | None = None
    under: Mapping[str, Any] = field(default_factory=dict)
    is_of_pictures: bool = False


ALWAYS = Case("")
FALLING = {"epsilon_schedule": "linear", "epsilon_decay_steps": 1000}
CASES = {
    "alpha_exponent": Case("where visits divide the step size", 0.1, {"alpha_schedule": "visits"}),
    "c": Case("where upper confidence bounds explore", 0.0, {"exploration": "ucb"}),
    "ucb_bandit.c": ALWAYS,
    "cg_max_steps": Case("where conjugate gradients have not arrived yet", 1),
    "epsilon_decay_steps": Case("where ε falls", 1, FALLING),
    "epsilon_final": Case("where ε falls", 1.0, FALLING),
    "epsilon_schedule": Case("where ε has left its start", under={"epsilon_decay_steps": 1000}),
    "exploration_final_eps": Case("where the dice fall below it", 1.0),
    "exploration_fraction": Case("where ε falls, and the dice fall between", 1.0),
    "exploration_initial_eps": Case("where ε falls, and the dice fall between", 0.0),
    "grpo.batch_size": Case("where an update has more samples", 64),
    "grpo_language.clip_range": Case("where a second pass finds ratios other than 1", 1e-3, {"n_epochs": 3}),
    "label_noise": Case("where the dice fall below it", 1.0),
    "line_search_max_iter": Case("where the first length is not the one", 1),
    "max_grad_norm": Case("where a gradient is longer", 1e-3),
    "ppo_language.clip_range": Case("where ratios are that far from 1", 1e-3),
    "priority_floor": Case("where it is not below the rounding of an error", 1.0),
    "reinforce.batch_size": Case("where an update has more samples", 16),
    "target_kl": Case("where a step goes further", 1e-6),
    "theta": Case("where a sweep changes less", 1e6),
    "value_error": Case("where values move further than they may", under={"clip_range_vf": 1e-3}),
    "vae.gamma": Case("in the returns that are laid over the map", is_of_pictures=True),
    "warmup_steps": Case("where it is not over", 1000),
    "world_model.elite_share": Case("where it is another number of plans", 0.5),
}


def case_of(name: str, key: str) -> Case:
    return CASES.get(f"{name}.{key}", CASES.get(key, ALWAYS))


class Start:
    """A course that has gone on for a while and, unless it plans, has just made an update; any number of twins go on from it."""

    def __init__(self, name: str, under: Mapping[str, Any]) -> None:
        self.name, self.changes = name, {**QUICK.get(name, {}), **under}
        self.course = course(name, **self.changes)
        spec = self.course.spec
        is_replaying = issubclass(spec.config, (OffPolicyConfig, ReplayLearning))
        self.course.go_on(AT_PLANNING if spec.needs_model else scaled(name, AT_REPLAYING if is_replaying else AT))
        made = self.course.updates
        while self.course.updates == made and not spec.needs_model:
            self.course.go_on(1)
        self.state = copy.deepcopy(self.course.agent.state())
        self.unedited = self.twin()
        stretch = STRETCH_OF_KERNELS if spec.tabular and not spec.needs_model else STRETCH
        until = self.course.steps + 2 * STEPS
        while not self.is_enough(self.unedited) and self.unedited.steps < until:
            self.unedited.go_on(scaled(name, stretch))
        assert self.is_enough(self.unedited)

    def is_enough(self, course_: Course) -> bool:
        """Return whether a course made enough updates for an edit to show, or has arrived."""
        return course_.updates >= UPDATES or course_.is_finished

    def twin(self) -> Course:
        made = course(self.name, **self.changes)
        made.agent.load(self.state)
        made.steps = self.course.steps
        return made

    def before_the_next_update(self) -> Course:
        """Return a twin that has gone on as far as it could without an update."""
        ahead, steps = self.twin(), 0
        while not ahead.updates and not ahead.is_finished:
            steps = ahead.steps - self.course.steps
            ahead.go_on(1)
        return self.twin().go_on(steps) if steps else self.twin()

    def differing(self, key: str, case: Case, unedited: Course) -> set[str]:
        """Return what differs from an unedited twin once the edited one has gone as far, beside what the edit itself changed."""
        edited = self.twin()
        config = edited.agent.config
        edited.agent.edit(config.edited(an_edit_of(edited.spec, config, key) if case.to is None else {key: case.to}))
        at_once = trees_equal(edited.agent.state(), self.state)
        edited.go_on(unedited.steps - self.course.steps)
        if case.is_of_pictures:
            return set(trees_equal(edited.agent.diagnostics(), unedited.agent.diagnostics()))
        return set(trees_equal(edited.agent.state(), unedited.agent.state())) - set(at_once)


def idle_keys(name: str) -> list[str]:
    """Return the live keys whose edit changes nothing."""
    starts, idle = dict[str, Start](), []
    for key in catalog.algorithm(name).config.live_names():
        case = case_of(name, key)
        under = str(case.under)
        if under not in starts:
            starts[under] = Start(name, case.under)
        if not starts[under].differing(key, case, starts[under].unedited):
            idle.append(key)
    return idle


@pytest.mark.parametrize("name", EDITED)
def test_each_live_edit_changes_what_is_learned(name: str) -> None:
    assert not idle_keys(name)


def test_a_kernel_that_goes_on_with_what_it_was_begun_with_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TabularAgent, "edit", lambda agent, config: setattr(agent, "config", config))
    assert idle_keys("q_learning") == list(QLearningConfig.live_names())


@pytest.mark.parametrize("name", EDITED)
def test_an_edit_that_waits_for_the_next_update_leaves_the_steps_before_it_alone(name: str) -> None:
    start = Start(name, {})
    unedited = start.before_the_next_update()
    waiting = [key for key, when in catalog.algorithm(name).config.live_names().items() if when == "update"]
    early = [key for key in waiting if start.differing(key, case_of(name, key), unedited)]
    assert not early


def test_the_cases_are_of_keys_that_are_live() -> None:
    known = {f"{name}.{key}" for name in EDITED for key in catalog.algorithm(name).config.live_names()}
    assert {case for case in CASES if "." in case} <= known
    assert {case for case in CASES if "." not in case} <= {key.split(".")[1] for key in known}
