"""A live edit acts: an edited agent that learns from replayed steps soon differs from its unedited twin."""

import pytest

from app import catalog
from app.core.codecs import trees_equal
from app.parts.off_policy import OffPolicyConfig
from app.parts.q_learner import ReplayLearning
from tests.test_generic_agents import Course, an_edit_of, course, marked

AT, STEPS_AFTER = 700, 60
REPLAYING = sorted(
    name for name, spec in catalog.algorithms().items() if issubclass(spec.config, (OffPolicyConfig, ReplayLearning))
)
LATER = {
    "max_grad_norm": "acts only where a gradient is longer",
    "exploration_fraction": "acts only while ε falls",
    "exploration_initial_eps": "acts only while ε falls",
    "priority_floor": "is below the rounding of an error that is not near 0",
}


def from_mark(name: str) -> Course:
    mark, made = marked(name)[1][AT], course(name)
    made.agent.load(mark.state)
    made.steps, made.is_finished = mark.steps, mark.is_finished
    return made


@pytest.mark.parametrize("name", REPLAYING)
def test_each_live_edit_changes_what_is_learned_or_measured(name: str) -> None:
    twin = from_mark(name).go_on(STEPS_AFTER)
    assert twin.updates > 1
    idle = []
    for key in type(twin.agent.config).live_names():
        edited = from_mark(name)
        edited.agent.edit(edited.agent.config.edited(an_edit_of(edited.spec, edited.agent.config, key)))
        edited.go_on(STEPS_AFTER)
        states = [{**one.agent.state(), "ent_coef": 0.0} for one in (edited, twin)]  # SAC's copy of its configuration
        if not trees_equal(*states) and edited.scalars == twin.scalars and key not in LATER:
            idle.append(key)
    assert not idle
