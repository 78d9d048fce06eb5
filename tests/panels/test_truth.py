"""The truth panel: exact values, gaps, residuals and state distributions, against simulation and closed forms."""

from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.specs import Subject
from app.panels.truth import SPEC, TruthOptions
from app.parts.tabular import occupancy, q_from_v, uniform_policy


def subject_of(name: str, environment: str, steps: int, **config: Any) -> Subject:
    recipe = catalog.resolve(name, environment, config=config, preset="", seed=3)
    algorithm, environment_spec, place, agent = catalog.build(recipe)
    taken = 0
    while taken < steps:
        taken += agent.update(steps - taken).steps
    return Subject(agent, algorithm, environment_spec, place)


def test_a_solved_lake_has_no_gap_and_a_fresh_agent_has_one() -> None:
    solved = subject_of("value_iteration", "FrozenLake-v1", 600)
    frame = SPEC.compute(solved, TruthOptions())
    assert frame.meta["gap_max"] < 1e-6
    assert frame.meta["residual_max"] < 1e-6
    fresh = SPEC.compute(subject_of("q_learning", "FrozenLake-v1", 1), TruthOptions())
    assert fresh.meta["gap_max"] > 0.1
    np.testing.assert_allclose(fresh.arrays["optimal"], frame.arrays["optimal"])


@pytest.mark.parametrize(
    ("name", "config"), [("off_policy_monte_carlo", {"target": "evaluated"}), ("reinforce_tabular", {}), ("td0", {})]
)
def test_the_residual_of_values_of_the_policy_is_that_of_its_own_backup(name: str, config: dict[str, Any]) -> None:
    subject = subject_of(name, "FrozenLake-v1", 500, **config)
    frame, signals = SPEC.compute(subject, TruthOptions()), subject.agent.signals()
    v, policy, mdp = signals["v"](), signals["policy"](), subject.environment.mdp
    assert mdp is not None
    q = q_from_v(mdp, v, subject.agent.config.gamma)  # type: ignore[attr-defined]
    expected = np.where(mdp.reachable(), (policy * q).sum(axis=1) - v, 0.0)
    assert frame.arrays["residual"] == pytest.approx(expected, abs=1e-6)
    best = np.where(mdp.reachable(), q.max(axis=1) - v, 0.0)
    assert np.abs(best - expected).max() > 1e-4, "the known mistake: the residual of V*"


def test_a_policy_that_never_ends_is_named_without_a_discount() -> None:
    subject = subject_of("q_learning", "CliffWalking-v1", 10, gamma=1.0)
    subject.agent.memory.q[0] = 0.0  # type: ignore[attr-defined]
    subject.agent.memory.q[0][:, 0] = 1.0  # type: ignore[attr-defined]  # always up: into the wall, for ever
    meta = SPEC.compute(subject, TruthOptions()).meta
    assert meta["endless"] == 37
    assert "state 0" in meta["endless_names"][0]


def test_the_state_distribution_is_what_episodes_visit() -> None:
    subject = subject_of("q_learning", "FrozenLake-v1", 1)
    mdp = subject.environment.mdp
    exact = occupancy(mdp, uniform_policy(mdp), 100)
    batch = subject.environment.batch(500, 7, "test", False)
    counts, states = np.zeros(16), batch.reset()
    random = np.random.default_rng(0)
    for _step in range(400):
        counts += np.bincount(states, minlength=16)
        states = batch.step(random.integers(0, 4, 500)).observations.copy()
    assert exact.sum() == pytest.approx(1.0)
    assert counts / counts.sum() == pytest.approx(exact, abs=0.01)
