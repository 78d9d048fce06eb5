"""What every tabular environment promises, tested over the registry: a proper table, and a place on a map for every state."""

import numpy as np
import pytest

from app import catalog
from app.parts.tabular import TabularMDP

TABLES = sorted(name for name, spec in catalog.environments().items() if spec.kind == "tabular")
every_table = pytest.mark.parametrize("name", TABLES)


def table(name: str) -> TabularMDP:
    spec = catalog.environment(name)
    mdp = spec.make(spec.config()).mdp
    assert isinstance(mdp, TabularMDP)
    return mdp


@every_table
def test_outcomes_and_starts_are_probabilities(name: str) -> None:
    mdp = table(name)
    np.testing.assert_allclose(mdp.probabilities.sum(axis=2), 1.0)
    assert mdp.start.sum() == pytest.approx(1.0)
    assert (mdp.probabilities >= 0).all()
    assert ((mdp.next_states >= 0) & (mdp.next_states < mdp.n_states)).all()


@every_table
def test_every_state_in_which_one_acts_lies_on_a_map(name: str) -> None:
    mdp = table(name)
    layout = mdp.layout
    assert layout is not None
    room = layout.rows * layout.cols
    states = np.arange(room)[None] if layout.cell_states is None else layout.cell_states
    assert states.shape == (max(1, len(layout.planes)), room)
    assert len(layout.cells) == room
    assert len(layout.labels) in {0, room}
    assert len(layout.row_names) in {0, layout.rows}
    assert len(layout.col_names) in {0, layout.cols}
    on_maps = states[states >= 0]
    assert len(np.unique(on_maps)) == len(on_maps), "no state lies in two places"
    assert set(np.flatnonzero(mdp.reachable())) <= set(on_maps)


@every_table
def test_every_action_has_a_name(name: str) -> None:
    assert len(catalog.environment(name).actions) >= table(name).n_actions


@every_table
def test_no_return_is_better_than_the_first_reference(name: str) -> None:
    spec = catalog.environment(name)
    references = spec.references(spec.config())
    assert all(reference.value <= references[0].value for reference in references)
    assert spec.threshold is None or spec.threshold <= references[0].value + 1e-9


@every_table
def test_a_world_that_changes_keeps_its_states_and_actions(name: str) -> None:
    spec = catalog.environment(name)
    environment = spec.make(spec.config())
    steps = [step for step, _later in environment.changes]
    assert steps == sorted(steps)
    for _step, later in environment.changes:
        assert (later.n_actions, later.observation_size) == (environment.n_actions, environment.observation_size)
