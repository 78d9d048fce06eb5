"""The inspector shows the numbers that were used: every displayed equation is computed again and must give its result."""

import math
import re

import pytest

from app import catalog
from app.core.specs import AlgorithmSpec, Subject
from app.panels.inspector import SPEC, InspectorOptions, source_line, values_of, with_numbers
from tests.algorithms.tabular.tables import agent_in

INSPECTED = sorted(name for name, spec in catalog.algorithms().items() if spec.inspector is not None)
STEPS = 400


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


def subject_of(name: str, seed: int = 3) -> Subject:
    smoke = catalog.algorithm(name).smoke
    recipe = catalog.resolve(
        name, smoke.environment, config=smoke.config, environment_config=smoke.environment_config, preset="", seed=seed
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
    assert str(meta["state"]) in meta["state_name"]
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
