"""The ratios of several passes over a rollout: their spread, their divergence, and what share of them is clipped."""

import numpy as np
import pytest

from app import catalog
from app.core.specs import Frame, Subject
from app.panels.passes import BINS, SPEC, PassesOptions
from tests.panels.test_cliff import learnt


def drawn(steps: int = 512, **config: float) -> tuple[Frame, Subject, dict[str, float]]:
    small = {"n_envs": 8, "n_steps": 64, "batch_size": 128, "n_epochs": 4, "learning_rate": 3e-3, **config}
    algorithm, spec, environment, agent = catalog.build(
        catalog.resolve("ppo", "CartPole-v1", config=small, preset="", total_steps=50_000, seed=1)
    )
    scalars = agent.update(steps).scalars
    subject = Subject(agent, algorithm, spec, environment)
    return SPEC.compute(subject, PassesOptions()), subject, scalars


def test_the_passes_add_up_to_what_the_update_reported() -> None:
    frame, _subject, scalars = drawn()
    assert frame.arrays["passes"].tolist() == [1, 2, 3, 4]
    assert frame.arrays["kl"].mean() == pytest.approx(scalars["train/approx_kl"], rel=1e-4)
    assert frame.arrays["clipped"].mean() == pytest.approx(scalars["train/clip_fraction"], abs=1e-6)
    assert (frame.arrays["inert"] <= frame.arrays["clipped"] + 1e-6).all()


def test_every_sample_is_in_the_histogram_once() -> None:
    frame, _subject, _scalars = drawn()
    for name in ("first", "last"):
        assert frame.arrays[name].shape == (BINS,)
        assert frame.arrays[name].sum() == pytest.approx(1.0, abs=1e-5)


def test_the_first_minibatch_of_the_first_pass_has_ratio_one() -> None:
    _frame, subject, _scalars = drawn()
    ratios = subject.agent.signals()["ratios"]()
    np.testing.assert_allclose(ratios[:128, 1], 0.0, atol=1e-5)
    assert ratios[:, 0].max() == 3


def test_a_ratio_too_small_for_a_float_still_says_how_far_the_policy_went() -> None:
    _frame, subject, _scalars = drawn()
    noted = subject.agent.noted  # type: ignore[attr-defined]
    noted.begin_pass(0)
    noted.ratios(np.array([-200.0, 0.0], np.float32), np.zeros(2, np.float32))
    frame = SPEC.compute(subject, PassesOptions())
    assert frame.arrays["kl"].tolist() == pytest.approx([99.5])
    assert frame.arrays["clipped"].tolist() == [0.5]


def test_an_early_stop_leaves_fewer_passes() -> None:
    frame, _subject, scalars = drawn(target_kl=1e-4)
    assert len(frame.arrays["passes"]) == scalars["train/epochs_run"] < 4


def test_there_is_no_figure_before_the_first_update() -> None:
    assert drawn(steps=8)[0].meta == {}


@pytest.mark.parametrize(
    ("name", "changes"), [("ppo", {}), ("grpo", {}), ("ppo_preferences", {"schedule": "constant"})]
)
def test_an_edit_after_the_update_leaves_its_passes_as_they_were(name: str, changes: dict[str, str]) -> None:
    subject = learnt(name, **changes)[0]
    before = SPEC.compute(subject, PassesOptions())
    edited = {"clip_range": 0.01} | ({"target_kl": 0.5, "clip": False} if name == "ppo" else {})
    subject.agent.edit(subject.agent.config.edited(edited))
    after = SPEC.compute(subject, PassesOptions())
    assert after.meta == before.meta
    for column, array in before.arrays.items():
        np.testing.assert_array_equal(after.arrays[column], array)
    assert [rule["x"] for rule in after.meta["figures"][0]["rules"]] == [0.8, 1.2]


def test_a_clip_range_that_a_schedule_narrows_is_that_of_the_update() -> None:
    _frame, subject, scalars = drawn(clip_range_schedule="linear")  # type: ignore[arg-type]
    subject.agent.update(256)
    frame = SPEC.compute(subject, PassesOptions())
    assert frame.meta["figures"][0]["rules"][1]["x"] == pytest.approx(1 + scalars["train/clip_range"], rel=1e-12)
