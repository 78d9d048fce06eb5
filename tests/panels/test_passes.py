"""The ratios of several passes over a rollout: their spread, their divergence, and what share of them is clipped."""

import numpy as np
import pytest

from app import catalog
from app.core.specs import Frame, Subject
from app.panels.passes import BINS, SPEC, PassesOptions


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
    np.testing.assert_allclose(ratios[:128, 1], 1.0, atol=1e-5)
    assert ratios[:, 0].max() == 3


def test_an_early_stop_leaves_fewer_passes() -> None:
    frame, _subject, scalars = drawn(target_kl=1e-4)
    assert len(frame.arrays["passes"]) == scalars["train/epochs_run"] < 4


def test_there_is_no_figure_before_the_first_update() -> None:
    assert drawn(steps=8)[0].meta == {}
