"""What a learner carries beside its values: traces, a learned model, the Fisher matrix, beliefs about arms.

Covers app/panels/eligibility.py, app/panels/learned_model.py, app/panels/fisher.py and app/panels/arms.py.
"""

import numpy as np
import pytest

from app import catalog
from app.core.specs import Frame, Subject
from app.panels import arms, eligibility, fisher, learned_model


def subject_of(name: str, environment: str, steps: int) -> Subject:
    algorithm, environment_spec, place, agent = catalog.build(
        catalog.resolve(name, environment, total_steps=100_000, seed=3)
    )
    taken = 0
    while taken < steps:
        taken += agent.update(steps - taken).steps
    return Subject(agent, algorithm, environment_spec, place)


def test_traces_are_summed_over_the_actions_of_a_cell() -> None:
    subject = subject_of("sarsa_lambda", "CliffWalking-v1", 7)
    frame = eligibility.SPEC.compute(subject, eligibility.EligibilityOptions())
    z = subject.agent.signals()["eligibility"]()
    assert z.any(), "an episode is under way"
    np.testing.assert_allclose(frame.arrays["eligibility"], z.sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(frame.arrays["pairs"], z, rtol=1e-6)


def test_traces_of_states_have_no_layer_of_actions() -> None:
    frame = eligibility.SPEC.compute(subject_of("td_lambda", "random_walk", 3), eligibility.EligibilityOptions())
    assert "pairs" not in frame.arrays
    assert frame.arrays["eligibility"].shape == (7,)


def test_the_learned_model_stands_beside_the_true_one() -> None:
    subject = subject_of("dyna_q", "FrozenLake-v1", 4_000)
    frame = learned_model.SPEC.compute(subject, learned_model.ModelOptions())
    values = frame.arrays["values"]
    assert len(frame.meta["rows"]) == len(values) == 8
    taken = values[0::2].sum(axis=1) > 0
    np.testing.assert_allclose(values[0::2][taken].sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(values[1::2].sum(axis=1), 1.0, atol=1e-6)
    state = int(subject.agent.signals()["last_transition"]()[0])
    mdp = subject.environment.mdp
    assert mdp is not None
    assert frame.meta["title"].endswith(mdp.name_of(state))
    true = np.zeros((4, mdp.n_states))
    for action in range(4):
        np.add.at(true[action], mdp.next_states[state, action], mdp.probabilities[state, action])
    shown = np.flatnonzero(true.any(axis=0))
    np.testing.assert_allclose(values[1::2], true[:, shown], atol=1e-6)


def test_the_fisher_matrix_is_that_of_the_policy_it_names() -> None:
    subject = subject_of("natural_gradient_tabular", "gridworld", 2_000)
    frame = fisher.SPEC.compute(subject, fisher.FisherOptions())
    trace = subject.agent.signals()["trace"]()
    pi = subject.agent.signals()["policy"]()[int(trace[0])]
    np.testing.assert_allclose(frame.arrays["values"], np.diag(pi) - np.outer(pi, pi), atol=1e-6)
    assert frame.meta["cols"] == ["Up", "Right", "Down", "Left"]


def arms_of(name: str) -> Frame:
    return arms.SPEC.compute(subject_of(name, "bandit", 300), arms.ArmsOptions())


def test_the_true_means_stand_beside_what_is_believed() -> None:
    frame = arms_of("thompson_bandit")
    means = catalog.environment("bandit").references(catalog.environment("bandit").config())
    assert frame.arrays["truth"].max() == pytest.approx(means[0].value, rel=1e-6)
    assert (frame.arrays["low"] < frame.arrays["estimate"]).all()
    assert (frame.arrays["estimate"] < frame.arrays["high"]).all()


def test_a_bonus_reaches_up_from_the_estimate_and_preferences_are_shown() -> None:
    bound = arms_of("ucb_bandit").arrays
    assert (bound["high"] > bound["estimate"]).all()
    np.testing.assert_array_equal(bound["low"], bound["estimate"])
    liked = arms_of("gradient_bandit").arrays
    weights = np.exp(liked["preferences"] - liked["preferences"].max())
    np.testing.assert_allclose(liked["chance"], weights / weights.sum(), rtol=1e-4)
