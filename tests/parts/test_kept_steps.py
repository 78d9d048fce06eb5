"""Steps that are kept: what a replay and a rollout may hold, refused with the setting, the bound and a way out that works."""

import time
from typing import Any

import pytest

from app import catalog
from app.core.config import Config
from app.core.errors import InvalidInput, Violation
from app.core.text import grouped
from app.parts.kept_steps import MAX_NUMBERS, TOO_LARGE, check_kept, divisor_near

PICTURE = 27_648
KEEPERS = [spec.id for spec in catalog.algorithms().values() if {"buffer_size", "n_steps"} & spec.config.model_fields.keys()
           and spec.family != "tabular"]  # fmt: skip


def refused(algorithm: str, size: int = PICTURE, total_steps: int = 100_000, **config: Any) -> Violation:
    with pytest.raises(InvalidInput) as caught:
        check_kept(parsed(algorithm, **config), size, total_steps)
    return caught.value.violations[0]


def parsed(algorithm: str, **config: Any) -> Config:
    return catalog.algorithm(algorithm).config.parse(config)


def largest(algorithm: str) -> dict[str, int]:
    """Return settings that keep as many steps as an algorithm may."""
    if "buffer_size" in catalog.algorithm(algorithm).config.model_fields:
        return {"buffer_size": 1_000_000}
    return {"n_envs": 16, "n_steps": 16_384}


@pytest.mark.parametrize("algorithm", KEEPERS)
def test_every_algorithm_that_keeps_steps_refuses_too_many_pictures(algorithm: str) -> None:
    violation = refused(algorithm, total_steps=1_000_000, **largest(algorithm))
    assert violation.where in ("config.buffer_size", "config.n_steps")
    assert f"more than {grouped(MAX_NUMBERS)}" in violation.rule


def test_the_way_out_of_a_replay_is_the_largest_that_fits() -> None:
    """150,000,000 / (2 · 27,648) = 2,712.6."""
    violation = refused("dqn")
    assert (violation.where, violation.value) == ("config.buffer_size", "1000000")
    assert violation.rule == (
        "100\u202f001 steps with two observations of 27\u202f648 numbers each are 5\u202f529\u202f655\u202f296 numbers,"
        " more than 150\u202f000\u202f000"
    )
    assert violation.way_out == "Use at most 2\u202f712, or at most 2\u202f711 total_steps."
    check_kept(parsed("dqn", buffer_size=2712), PICTURE, 100_000)
    check_kept(parsed("dqn"), PICTURE, 2711)
    refused("dqn", buffer_size=2713)


def test_a_replay_is_no_larger_than_its_run() -> None:
    check_kept(parsed("sac"), PICTURE, 2000)


def test_the_way_out_of_a_rollout_keeps_its_environments_where_it_can() -> None:
    violation = refused("ppo", n_envs=8)
    assert (violation.where, violation.way_out) == ("config.n_steps", "Use at most 339, or lower n_envs.")
    check_kept(parsed("ppo", n_envs=8, n_steps=339, batch_size=339), PICTURE, 100_000)
    violation = refused("a2c", size=2_000_000, n_envs=64, n_steps=5)
    assert (violation.where, violation.way_out) == ("config.n_envs", "Use at most 37, and lower n_steps.")
    check_kept(parsed("a2c", n_envs=37, n_steps=1), 2_000_000, 100_000)


@pytest.mark.parametrize("algorithm", ["dqn", "a2c"])
def test_where_nothing_fits_the_observations_are_too_large(algorithm: str) -> None:
    assert refused(algorithm, size=100_000_000).way_out == TOO_LARGE


def test_what_keeps_no_steps_is_not_asked() -> None:
    check_kept(parsed("q_learning"), 10**12, 10**9)


def test_a_request_is_refused_before_anything_is_allocated() -> None:
    began = time.perf_counter()
    with pytest.raises(
        InvalidInput,
        match=r"config\.buffer_size=1000000: .*more than 150\u202f000\u202f000\. Use at most 106\u202f534, or at most 106\u202f533 total_steps\.",
    ):
        catalog.resolve("dqn", "Blackjack-v1", total_steps=1_000_000)
    assert time.perf_counter() - began < 5
    catalog.resolve("dqn", "Blackjack-v1", total_steps=1_000_000, config={"buffer_size": 106_534})


def test_a_divisor_near_is_the_largest_below_or_the_smallest_above() -> None:
    assert [divisor_near(32, value) for value in (7, 32, 64)] == [4, 32, 32]
    assert (divisor_near(35, 4), divisor_near(7, 2), divisor_near(1, 5)) == (5, 7, 1)
