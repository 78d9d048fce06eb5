"""The inspector shows the numbers that were used: every displayed equation is computed again and must give its result."""

import math
import re
from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.specs import AlgorithmSpec, Subject
from app.panels.inspector import SPEC, InspectorOptions, source_line, values_of, with_numbers
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular.tables import agent_in

INSPECTED = sorted(name for name, spec in catalog.algorithms().items() if spec.inspector is not None)
STEPS = 400
MOST_STEPS = 6_000
VALUES_ALONG_AN_ACTION = ("value_iteration", "modified_policy_iteration")
ONE_UPDATE: dict[str, dict[str, Any]] = {
    "dyna_q": {"planning_steps": 0}, "prioritized_sweeping": {"planning_steps": 1},
    "td_lambda": {"lambda_": 0.0}, "sarsa_lambda": {"lambda_": 0.0},
}  # fmt: skip


def value_of(right: str) -> float:
    """Return the number that the right-hand side of an equation stands for, once every symbol is a number in brackets."""
    text = re.sub(r"\\(?:[bB]ig[glrGLR]*|left|right|[,;!:]|quad)", "", right).replace("[", "(").replace("]", ")")
    while r"\frac" in text:
        text, count = re.subn(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", text)
        assert count, text
    text = re.sub(r"\^\{([^{}]*)\}", r"**(\1)", text).replace(r"\exp", "exp").replace(r"\max", "max")
    text = re.sub(r"\\cdot|\\times", "*", text).replace("{", "(").replace("}", ")").replace(" ", "")
    text = re.sub(r"\)\(", ")*(", re.sub(r"(\d)\(", r"\1*(", re.sub(r"\)(\d)", r")*\1", text)))
    assert re.fullmatch(r"[\d.e+\-*/(),]*(?:(?:exp|max|inf)[\d.e+\-*/(),]*)*", text), text
    return float(eval(text, {"__builtins__": {}}, {"exp": math.exp, "max": max}))


def subject_of(name: str, seed: int = 3, **changes: Any) -> Subject:
    smoke = catalog.algorithm(name).smoke
    recipe = catalog.resolve(
        name, smoke.environment, config={**smoke.config, **changes}, environment_config=smoke.environment_config, preset="", seed=seed
    )  # fmt: skip
    algorithm, environment_spec, environment, agent = catalog.build(recipe)
    return Subject(agent, algorithm, environment_spec, environment)


@pytest.mark.parametrize("name", INSPECTED)
def test_every_displayed_equation_gives_its_result(name: str) -> None:
    subject = subject_of(name)
    inspector = subject.algorithm.inspector
    assert inspector is not None
    seen = 0
    for _step in range(STEPS):
        report = subject.agent.update(1)
        trace = [float(number) for number in subject.agent.signals()["trace"]()]
        if math.isfinite(trace[inspector.result]):
            seen += 1
            numbers = with_numbers(inspector.equation, values_of(inspector, trace), lambda value: f"({value!r})")
            shown = value_of(numbers.partition(r"\leftarrow")[2])
            assert shown == pytest.approx(trace[inspector.result], rel=1e-12, abs=1e-12), numbers
        if report.finished:
            break
    assert seen, "no update within the steps"


def tables_of(subject: Subject) -> dict[str, Any]:
    """Return copies of the arrays of numbers that learning changes, without their axis of lanes."""
    memory = subject.agent.memory._asdict()  # type: ignore[attr-defined]
    return {name: array[0].copy() for name, array in memory.items() if array.dtype.kind == "f" and array[0].ndim}


@pytest.mark.parametrize("name", INSPECTED)
def test_old_and_new_are_the_entry_of_the_learned_table_before_and_after(name: str) -> None:
    """An update that moves a number moves it from `old` to `result` in the entry that is named; always, where it is the only one."""
    subject = subject_of(name, **ONE_UPDATE.get(name, {}))
    inspector, mdp = subject.algorithm.inspector, subject.environment.mdp
    assert inspector is not None
    assert mdp is not None
    is_of_states = inspector.action is None or name in VALUES_ALONG_AN_ACTION
    shape = (mdp.n_states,) if is_of_states else (mdp.n_states, mdp.n_actions)
    learns_each_step = isinstance(subject.agent, TabularAgent) and subject.agent.method.updates == "step"
    seen = 0
    for _step in range(MOST_STEPS):
        before = tables_of(subject)
        is_finished = subject.agent.update(1).finished
        after, trace = tables_of(subject), subject.agent.signals()["trace"]()
        old, new = trace[inspector.old], trace[inspector.result]
        if not math.isfinite(new) or old == new:
            continue
        tables = [name for name in before if before[name].shape[-len(shape) :] == shape]
        entry = tuple(int(trace[slot]) for slot in (inspector.state, inspector.action) if slot is not None)[
            : len(shape)
        ]
        moved = [(before[name][(..., *entry)], after[name][(..., *entry)]) for name in tables]
        is_shown = any(((was == old) & (is_now == new)).any() for was, is_now in moved)
        if learns_each_step and any((before[name] != after[name]).sum() == 1 for name in tables):
            assert is_shown, (tables, entry, old, new)
        seen += is_shown
        if seen >= 5 or is_finished:
            break
    assert seen, "no update within the steps that moved the entry it names"


def test_double_q_learning_says_which_table_it_changed() -> None:
    subject, seen = subject_of("double_q_learning"), set()
    for _step in range(50):
        before = subject.agent.state()["pair"]
        subject.agent.update(1)
        changed = {int(place[1]) for place in np.argwhere(subject.agent.state()["pair"] != before)}
        note = SPEC.compute(subject, InspectorOptions()).meta["note"]
        if changed:
            (table,) = changed
            assert f"Q₁ was table {'AB'[table]} " in note
            seen.add(table)
    assert seen == {0, 1}


@pytest.mark.parametrize("name", INSPECTED)
def test_the_frame_names_the_entry_the_change_and_the_line(name: str) -> None:
    subject = subject_of(name)
    meta = SPEC.compute(subject, InspectorOptions()).meta
    for _step in range(STEPS):
        report = subject.agent.update(1)
        meta = SPEC.compute(subject, InspectorOptions()).meta
        if meta["has_update"] or report.finished:
            break
    assert meta["has_update"]
    assert meta["numbers"] != meta["equation"]
    assert 0 <= meta["state"] < subject.environment.mdp.n_states
    assert meta["entry"]
    assert "{" not in meta["about"]
    last = subject.agent.signals().get("last_transition")
    if subject.algorithm.inspector is not None and not subject.algorithm.inspector.about:
        assert last is not None, "a planner says which value it shows"
        assert int(last()[0]) == meta["state"], "the sentence and the numbers speak of one pair"
        assert meta["action"] in {None, int(last()[1])}
    assert meta["source"].endswith(f"# ({meta['number']})")
    assert meta["line"] > 0


def spec_of(name: str) -> AlgorithmSpec:
    return catalog.algorithm(name)


def test_symbols_are_replaced_whole_and_only_on_the_right() -> None:
    numbers = with_numbers(
        r"Q(s,a) \leftarrow Q(s,a) + \alpha\,(r + \gamma \max_{a'} Q(s',a'))",
        {"Q(s,a)": 1.0, r"\alpha": 2.0, "r": 3.0, r"\gamma": 4.0, r"\max_{a'} Q(s',a')": 5.0, "a": 7.0},
        lambda value: f"({value:g})",
    )
    assert numbers == r"Q(s,a) \leftarrow (1) + (2)\,((3) + (4) \cdot (5))"
    assert value_of(numbers.partition(r"\leftarrow")[2]) == 1 + 2 * (3 + 4 * 5)


def test_negative_and_tiny_numbers_are_written_so_that_signs_do_not_meet() -> None:
    agent = agent_in("q_learning", [[[(1.0, 0, -1e-9, False)]]], 100, alpha=0.5, gamma=0.9)
    agent.update(1)
    subject = subject_of("q_learning")
    meta = SPEC.compute(
        Subject(agent, spec_of("q_learning"), subject.environment_spec, subject.environment), InspectorOptions()
    ).meta
    assert r"(-1 \cdot 10^{-9})" in meta["numbers"]
    assert meta["old"] == 0.0
    assert meta["new"] == -5e-10


def test_the_line_is_the_one_that_ends_in_the_equations_number() -> None:
    line, source = source_line("app.algorithms.tabular.q_learning", 3)
    assert source == "q_new = q_old + alpha * delta  # (3)"
    assert line > 100


def test_before_the_first_step_no_transition_is_made_up() -> None:
    """The signal of the last step holds zeros then, which would read as a step from state 0 to state 0."""
    subject = subject_of("q_learning")
    assert "transition" not in SPEC.compute(subject, InspectorOptions()).meta
    subject.agent.update(1)
    assert "transition" in SPEC.compute(subject, InspectorOptions()).meta


def test_the_last_improvement_of_policy_iteration_says_that_nothing_was_better() -> None:
    subject = subject_of("policy_iteration")
    notes = []
    while not subject.agent.update(1).finished:
        notes.append(SPEC.compute(subject, InspectorOptions()).meta["note"])
    last = SPEC.compute(subject, InspectorOptions()).meta["note"]
    assert "found none: the policy is optimal" in last
    improved = [note for note in notes if note]
    assert improved
    assert all("improved the policy in" in note for note in improved)
