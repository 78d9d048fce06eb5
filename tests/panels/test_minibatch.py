"""The inspector of a minibatch shows the numbers that were used: every line of every sample is computed again.

Covers app/panels/minibatch.py, app/parts/noted.py, app/parts/td_minibatch.py, app/parts/surrogate_minibatch.py,
app/parts/critic_minibatch.py and app/parts/quantile_minibatch.py.
"""

import inspect
import math
import re
import sys
from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.specs import Frame, Line, Minibatch, Subject
from app.panels.inspector import source_line
from app.panels.minibatch import SPEC, MinibatchOptions, template
from app.parts.noted import Noted
from app.parts.td_minibatch import COLUMNS, td_minibatch, td_numbers

INSPECTED = sorted(name for name, spec in catalog.algorithms().items() if spec.minibatch is not None)
STEPS = 900
FUNCTIONS: dict[str, Any] = {
    "exp": math.exp, "min": min, "clip": lambda x, low, high: min(max(x, low), high),
    "h": lambda x: 0.5 * x * x if abs(x) < 1 else abs(x) - 0.5,
}  # fmt: skip


def value_of(right: str) -> float:
    """Return the number that the right-hand side of a line stands for, once every symbol is a number in brackets."""
    text = re.sub(r"\\(?:[bB]ig[glr]?|left|right|[,;!:]|quad)", "", right)
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", text)
    text = re.sub(r"\^\{([^{}]*)\}|\^(\d)", r"**(\1\2)", text).replace(r"\mathrm{clip}", "clip")
    text = re.sub(r"\\cdot", "*", text).replace("\\", "").replace(" ", "")
    text = re.sub(r"\)\(", ")*(", re.sub(r"(\d)\(", r"\1*(", re.sub(r"\)(clip|\d)", r")*\1", text)))
    assert re.fullmatch(r"(?:exp|min|clip|inf|h|[\d.e+\-*/(),])*", text), text
    return float(eval(text, {"__builtins__": {}}, {**FUNCTIONS, "inf": math.inf}))


def subject_of(name: str, **changes: Any) -> Subject:
    smoke = catalog.algorithm(name).smoke
    recipe = catalog.resolve(
        name, smoke.environment, config={**smoke.config, **changes}, environment_config=smoke.environment_config, preset="", seed=3
    )  # fmt: skip
    algorithm, environment_spec, environment, agent = catalog.build(recipe)
    return Subject(agent, algorithm, environment_spec, environment)


def learnt(name: str, **changes: Any) -> Subject:
    """Return a subject that has just made an update."""
    subject, steps = subject_of(name, **changes), 0
    while True:
        report = subject.agent.update(STEPS)
        steps += report.steps
        if report.updates and steps >= STEPS:
            return subject


def drawn(subject: Subject) -> tuple[Frame, Minibatch]:
    assert subject.algorithm.minibatch is not None
    return SPEC.compute(subject, MinibatchOptions()), subject.algorithm.minibatch


@pytest.mark.parametrize("name", INSPECTED)
def test_every_line_of_every_sample_gives_its_result(name: str) -> None:
    subject = learnt(name)
    declared = subject.algorithm.minibatch
    assert declared is not None
    table = subject.agent.signals()["minibatch"]()
    assert table.shape[1] == len(declared.columns)
    assert len(table)
    for line in declared.lines:
        right = template(line, declared.columns).partition("=")[2]
        for row in table.tolist():
            numbers = re.sub(r"⟦(\d+)⟧", lambda found, row=row: f"({row[int(found[1])]!r})", right)  # type: ignore[misc]
            result = row[declared.columns.index(line.result)]
            assert value_of(numbers) == pytest.approx(result, rel=2e-4, abs=2e-6), (line, row)


@pytest.mark.parametrize("name", INSPECTED)
def test_the_frame_holds_the_largest_parts_first_and_their_mean(name: str) -> None:
    subject = learnt(name)
    frame, declared = drawn(subject)
    part = declared.columns.index(declared.contribution)
    whole = subject.agent.signals()["minibatch"]()[:, part]
    sizes = np.abs(frame.arrays["rows"][:, part])
    assert (np.diff(sizes) <= 0).all()
    assert sizes[0] == pytest.approx(np.abs(whole).max(), rel=1e-6)
    assert frame.meta["mean"] == pytest.approx(whole.mean(), rel=1e-6)
    assert frame.meta["count"] == len(whole)
    assert len(frame.arrays["observations"]) == len(frame.arrays["actions"]) == len(frame.arrays["notes"]) == len(sizes)
    assert all(frame.meta["notes"])
    assert {shown["column"] for shown in frame.meta["shown"]} <= set(declared.columns)


def test_the_mean_of_a_minibatch_is_the_loss_that_was_reported() -> None:
    subject = subject_of("ppo", n_envs=1, n_steps=64, batch_size=64, n_epochs=1)
    report = subject.agent.update(64)
    frame, _declared = drawn(subject)
    assert frame.meta["mean"] == pytest.approx(report.scalars["train/loss"], rel=1e-5)


def test_a_clipped_sample_has_no_gradient_and_says_so() -> None:
    frame, declared = drawn(learnt("ppo", learning_rate=3e-2, n_epochs=10))
    rows = {name: frame.arrays["rows"][:, i] for i, name in enumerate(declared.columns)}
    far = np.where(
        rows["advantage"] > 0, rows["ratio"] > 1 + rows["clip_range"], rows["ratio"] < 1 - rows["clip_range"]
    )
    assert far.any(), "steps this long push some ratios out"
    np.testing.assert_array_equal(rows["slope"][far], 0.0)
    assert all(frame.meta["notes"][int(i)].startswith("clipped") for i in frame.arrays["notes"][far])
    assert not any(frame.meta["notes"][int(i)].startswith("clipped") for i in frame.arrays["notes"][~far])


def test_nothing_is_drawn_before_the_first_update() -> None:
    frame, declared = drawn(subject_of("dqn"))
    assert frame.meta["count"] == 0
    assert frame.arrays["rows"].shape == (0, len(declared.columns))


def test_td_numbers_by_hand() -> None:
    """r = 1, γ = ½: y = 1 + ½·4 = 3 and, where it terminated, 1; Q = 5 and 1.5: errors 2 (linear) and ½ (quadratic)."""
    two = np.array([4.0, 4.0])
    numbers = td_numbers(
        np.ones(2), 0.5, terminated=np.array([0.0, 1.0]), next_values=two, targets=np.array([3.0, 1.0]), q=np.array([5.0, 1.5])
    )  # fmt: skip
    assert list(numbers) == list(COLUMNS) == list(td_minibatch().columns)
    np.testing.assert_allclose(numbers["loss"], [1.5, 0.125])
    np.testing.assert_allclose(numbers["slope"], [0.5, 0.25])


def test_passes_are_counted_with_their_ratios() -> None:
    noted = Noted()
    noted.begin_pass(0)
    noted.ratios(np.array([1.0, 1.1]), np.array([0.5, 0.0]))
    noted.begin_pass(1)
    noted.ratios(np.array([0.9]), np.array([0.5]))
    np.testing.assert_array_equal(noted.passes(), [[0, 1.0, 0.5], [0, 1.1, 0.0], [1, 0.9, 0.5]])
    noted.begin_pass(0)
    assert noted.passes().shape == (0, 3)


def cited(name: str) -> list[tuple[Line, str]]:
    """Return the lines of an algorithm's minibatch, each with the line of code that is shown beside it."""
    spec = catalog.algorithm(name)
    assert spec.minibatch is not None
    module = spec.config.__module__
    return [(line, source_line(module, line.number, line.where)[1]) for line in spec.minibatch.lines]


@pytest.mark.parametrize("name", INSPECTED)
def test_of_several_lines_of_an_equation_it_is_said_which_one_is_meant(name: str) -> None:
    code = inspect.getsource(sys.modules[catalog.algorithm(name).config.__module__]).splitlines()
    for line, source in cited(name):
        tagged = [text.strip() for text in code if text.endswith(f"# ({line.number})")]
        meant = [text for text in tagged if line.where in text]
        assert meant == [source], f"{line.equation}: {meant or tagged}"


@pytest.mark.parametrize("name", INSPECTED)
def test_a_slope_is_shown_beside_the_code_of_a_slope_and_a_loss_beside_that_of_a_loss(name: str) -> None:
    """Two equations share a line only where it computes both: a ratio in its surrogate, both critics' slopes in a loop."""
    sources: dict[str, list[str]] = {}
    for line, source in cited(name):
        is_slope = r"\partial" in line.equation
        kind = (
            "slope" if is_slope else "surrogate" if "np.exp(log_probs - old_log_probs) * advantages" in source else ""
        )
        sources.setdefault(source, []).append(kind)
        assert is_slope == bool(re.search(r"backward\(|slope|gradient|ratio \* advantages\) / -len|on_log_std", source))
    for source, kinds in sources.items():
        assert len(kinds) == 1 or set(kinds) in ({"slope"}, {"surrogate"}), source


def said_of(name: str, **row: float) -> str:
    declared = catalog.algorithm(name).minibatch
    assert declared is not None
    return declared.note(dict.fromkeys(declared.columns, 0.0) | row)


@pytest.mark.parametrize(("bound", "start"), [(1.0, "linear"), (1e9, "quadratic"), (5.0, "linear"), (5.1, "quadratic")])
def test_which_part_of_the_huber_loss_an_error_is_in_depends_on_the_bound_of_the_run(bound: float, start: str) -> None:
    for name in ("dqn", "double_dqn"):
        assert said_of(name, error=-5.0, bound=bound, slope=-1.0).startswith(start)


@pytest.mark.parametrize("name", ["reinforce", "a2c", "ppo"])
def test_a_sample_without_a_slope_is_said_to_be_pushed_neither_way(name: str) -> None:
    given = {"ratio": 1.0, "clip_range": 0.2}
    assert said_of(name, **given) == "no gradient: its action is pushed neither way"
    assert said_of(name, advantage=1.0, slope=-0.1, **given) == "its action becomes likelier"
    assert said_of(name, advantage=-1.0, slope=0.1, **given) == "its action becomes less likely"


def test_a_surrogate_without_a_slope_pulled_neither_way() -> None:
    assert said_of("trpo", ratio=1.1) == "as good as expected: it pulled neither way"
    assert said_of("trpo", ratio=1.1, advantage=1.0, slope=0.1) == "better than expected: likelier now"


@pytest.mark.parametrize("name", ["ddpg", "td3", "sac"])
def test_as_many_critics_are_spoken_of_as_there_are(name: str) -> None:
    declared = catalog.algorithm(name).minibatch
    assert declared is not None
    is_twin = "q2" in declared.columns
    words = " ".join(help for _column, _symbol, help in declared.shown)
    assert ("critics' loss" in words, "critic's loss" in words) == (is_twin, not is_twin)
    assert ("a critic said" in words, "the critic said" in words) == (is_twin, not is_twin)


def test_critics_disagree_only_where_there_are_two_and_the_target_lies_between_them() -> None:
    assert said_of("ddpg", q1=1.0, target=1.0) == "Q is where its target is, and stays", (
        "1 critic has none to disagree with"
    )
    assert said_of("ddpg", q1=2.0, target=1.0) == "Q is lowered"
    assert said_of("td3", q1=0.0, q2=0.5, target=1.0) == "Q is raised"
    assert said_of("td3", q1=0.0, q2=2.0, target=1.0) == "the critics disagree, the target lies between them"
    assert said_of("td3", q1=1.0, q2=2.0, target=1.0) == "one critic meets the target, the other moves"
    assert said_of("td3", q1=1.0, q2=1.0, target=1.0) == "Q is where its target is, and stays"


def test_ppo_says_clipped_only_of_a_sample_that_left_its_side_of_the_interval() -> None:
    assert said_of("ppo", advantage=1.0, ratio=1.3, clip_range=0.2).startswith("clipped: its action is likelier")
    assert said_of("ppo", advantage=-1.0, ratio=0.7, clip_range=0.2).startswith("clipped: its action is less likely")
    assert said_of("ppo", advantage=0.0, ratio=1.3, clip_range=0.2).startswith("no gradient")


@pytest.mark.parametrize(
    ("name", "setting", "on", "off"),
    [
        ("dqn", "use_target_network", r"\max_{a'} Q_{\theta^-}(s', a')", r"\max_{a'} Q_{\theta}(s', a')"),
        ("td3", "use_twin", r"\min_i Q_{\phi_i^-}(s', \tilde a)", r"Q_{\phi_1^-}(s', \tilde a)"),
    ],
)
def test_the_target_is_written_as_the_last_update_had_it(name: str, setting: str, on: str, off: str) -> None:
    lines = r"y = r + \gamma\,(1 - \text{terminated})\,"
    for is_on, value in ((True, on), (False, off)):
        unlearnt, subject = subject_of(name, **{setting: is_on}), learnt(name, **{setting: is_on})
        assert drawn(unlearnt)[0].meta["lines"][0]["equation"] == lines + value
        subject.agent.edit(subject.agent.config.edited({setting: not is_on}))
        target = drawn(subject)[0].meta["lines"][0]
        assert target["equation"] == lines + value
        assert "Q" not in target["template"]
        assert target["template"].count("⟦") == 4


def test_values_in_normalised_reward_are_named_so() -> None:
    assert drawn(learnt("ppo"))[0].meta["unit"] == ""
    assert drawn(learnt("ppo", normalize=True))[0].meta["unit"] == "normalised reward"
    assert drawn(learnt("reinforce", normalize=True))[0].meta["unit"] == "normalised reward"
    assert drawn(learnt("grpo", normalize=True))[0].meta["unit"] == "", (
        "it has no values, and compares returns as earned"
    )
