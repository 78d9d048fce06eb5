"""The errors that a picture hands over add up, for the run's λ, to the advantages that the update used."""

from typing import Any

import numpy as np

from app import catalog
from app.core.specs import Frame, Subject
from app.panels.advantages import SHOWN, SPEC, AdvantageOptions
from app.parts.returns import backward_sum


def drawn(env: int = 0, *, edited: dict[str, float] | None = None, **config: Any) -> Frame:
    small = {"n_envs": 2, "n_steps": 128, "batch_size": 64, "n_epochs": 1, **config}
    algorithm, spec, environment, agent = catalog.build(
        catalog.resolve("ppo", "CartPole-v1", config=small, preset="", total_steps=5_000, seed=1)
    )
    agent.update(256)
    agent.edit(agent.config.edited(edited or {}))
    return SPEC.compute(Subject(agent, algorithm, spec, environment), AdvantageOptions(env=env))


def test_the_errors_add_up_to_the_advantages_of_the_update() -> None:
    for env, lambda_ in ((0, 0.95), (1, 0.95), (0, 0.0), (0, 1.0)):
        frame = drawn(env, gae_lambda=lambda_)
        deltas, ended = (np.asarray(frame.arrays[name], np.float64)[:, None] for name in ("deltas", "ended"))
        sums = backward_sum(deltas, ended > 0, frame.meta["gamma"] * frame.meta["lambda"])
        np.testing.assert_allclose(sums[:, 0], frame.arrays["advantages"], rtol=1e-4, atol=1e-4)
        assert frame.meta["lambda"] == lambda_


def test_the_last_steps_are_shown_and_their_errors_are_rewards_and_values() -> None:
    frame = drawn()
    arrays, gamma = frame.arrays, frame.meta["gamma"]
    assert len(arrays["deltas"]) == SHOWN
    assert frame.meta["first"] == 128 - SHOWN
    assert (arrays["ended"] == 1).any()
    np.testing.assert_allclose(
        arrays["deltas"], arrays["rewards"] + gamma * arrays["following"] - arrays["values"], atol=1e-5
    )
    assert (arrays["following"][arrays["ended"] == 1] == 0).all()


def test_an_edit_after_the_update_leaves_its_errors_as_they_were() -> None:
    before, after = drawn(), drawn(edited={"gamma": 0.5, "gae_lambda": 0.1})
    assert after.meta == before.meta
    assert after.meta["gamma"] == 0.99
    for name, array in before.arrays.items():
        np.testing.assert_array_equal(after.arrays[name], array)


def test_the_errors_are_in_the_reward_that_the_learner_counts() -> None:
    assert drawn().meta["unit"] == "reward"
    assert drawn(normalize=True).meta["unit"] == "normalised reward"
