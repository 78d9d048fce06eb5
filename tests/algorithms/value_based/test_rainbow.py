"""Rainbow: its targets by hand, its gradient against differences, and resumption with noise and priorities bit for bit."""

from typing import Any

import numpy as np
import pytest

from app.algorithms.value_based.qr_dqn import quantile_huber as unweighted
from app.algorithms.value_based.rainbow import (
    RainbowAgent,
    RainbowConfig,
    combine,
    distribution_targets,
    quantile_huber,
)
from app.core.codecs import trees_equal
from app.core.contracts import Step
from app.core.jit import plain
from app.core.randomness import Stream
from tests.algorithms.doubles import ours_in_doubles
from tests.algorithms.value_based.family import (
    check_an_edited_exponent,
    check_resumed_after_an_edited_exponent,
    gradient_by_differences,
    run,
    small,
    values_of_the_endless_walk,
)


def agent(seed: int = 0, **changes: Any) -> RainbowAgent:
    built: RainbowAgent = small(RainbowAgent, RainbowConfig, seed, **{"n_quantiles": 5, **changes})
    return built


@pytest.mark.parametrize("steps_before", [16, 61, 150])
def test_resumed_equals_uninterrupted(steps_before: int) -> None:
    one, other = agent(), agent()
    run(one, steps_before)
    other.load(one.state())
    assert run(one, 100) == run(other, 100)
    assert not trees_equal(one.state(), other.state())


def test_the_streams_meet_quantile_by_quantile() -> None:
    """v = (1, 2), A = ((0, 4), (2, 0)) with means (1, 2): z = ((0, 4), (2, 0))."""
    v, advantages = np.array([[[1.0, 2.0]]]), np.array([[[0.0, 4.0], [2.0, 0.0]]])
    np.testing.assert_allclose(combine(v, advantages), [[[0.0, 4.0], [2.0, 0.0]]])
    np.testing.assert_allclose(combine(v, advantages + 9.0), combine(v, advantages))


@pytest.mark.parametrize(("end", "expected"), [("truncated", [4.25, 6.5, 9.0]), ("terminated", [3.0, 4.0, 4.0])])
def test_targets_by_hand_at_both_ends(end: str, expected: list[float]) -> None:
    """Rewards 1, 2, 4, γ = .5, n = 3 and every quantile of the target network 10: as in the n-step file.

    The wrong handling, bootstrapping the termination, gives the numbers of the truncation.
    """
    built = agent(n_envs=1, gamma=0.5, sigma=0.0)
    for time, reward in enumerate([1.0, 2.0, 4.0, 100.0]):
        seen = np.full((1, 2), time, np.float32)
        built.replay.add(
            seen, np.zeros(1, np.int64),
            Step(seen, np.array([reward]), np.array([time == 2 and end == "terminated"]),
                 np.array([time == 2 and end == "truncated"]), seen),
        )  # fmt: skip
    built.target.weights[:] = 0.0
    built.target._drawn.weights[:] = 0.0
    built.target.mlps[1].parameters[-1][1].data[:] = 10.0
    built.target.means[:] = built.target._drawn.weights
    np.testing.assert_allclose(built.targets(np.arange(3))[0], np.repeat(np.array(expected)[:, None], 5, axis=1))


def test_the_network_chooses_and_the_target_network_judges() -> None:
    built = agent(n_envs=1, gamma=1.0, sigma=0.0, n_steps=1)
    built.replay.add(np.zeros((1, 2)), np.zeros(1, np.int64), Step(np.zeros((1, 2)), np.zeros(1), np.zeros(1, bool), np.zeros(1, bool), np.zeros((1, 2))))  # fmt: skip
    for network, liked in ((built.online, 1), (built.target, 0)):
        network.weights[:] = 0.0
        network._drawn.weights[:] = 0.0
        network.mlps[2].parameters[-1][1].data[5 * liked : 5 * liked + 5] = 2.0
        network.means[:] = network._drawn.weights
    np.testing.assert_allclose(built.targets(np.array([0]))[0], -np.ones((1, 5)))


def test_the_target_is_the_discounted_distribution() -> None:
    found = distribution_targets(np.array([1.0, 1.0]), np.array([0.5, 0.0]), np.array([[2.0, 4.0]] * 2))
    np.testing.assert_allclose(found, [[2.0, 3.0], [1.0, 1.0]])


def test_with_equal_weights_the_loss_is_that_of_qr_dqn() -> None:
    draws = np.random.default_rng(0)
    z, y = draws.normal(size=(6, 4)), draws.normal(size=(6, 4)) * 2
    losses, gradient, other = np.empty(6), np.empty((6, 4)), np.empty((6, 4))
    quantile_huber(z, y, np.ones(6), losses, gradient)
    assert losses.mean() == pytest.approx(unweighted(z, y, other))
    np.testing.assert_allclose(gradient, other)
    quantile_huber(z, y, np.full(6, 0.25), losses, gradient)
    np.testing.assert_allclose(gradient, other / 4)


def test_the_compiled_loss_equals_its_plain_twin() -> None:
    draws = np.random.default_rng(1)
    z, y = draws.normal(size=(3, 4)).astype(np.float32), draws.normal(size=(3, 4)).astype(np.float32)
    results = []
    for function in (quantile_huber, plain(quantile_huber)):
        losses, gradient = np.empty(3), np.empty((3, 4), np.float32)
        function(z, y, np.array([1.0, 0.5, 0.25]), losses, gradient)
        results.append((losses, gradient))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-12)
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_the_gradient_equals_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    ours_in_doubles(monkeypatch)
    built = agent()
    run(built, 60)
    rows, weights, counter = np.arange(32), np.linspace(0.2, 1.0, 32), built.noise_random.counter
    targets = built.targets(rows)
    built.targets = lambda _rows: targets

    def loss() -> float:
        built.noise_random.counter = counter
        return built.differentiate(rows, weights)[0]["train/loss"]

    loss()
    held, found = gradient_by_differences(built, loss, count=30)
    np.testing.assert_allclose(held, found, rtol=1e-6, atol=1e-9)


def test_drawn_transitions_get_the_priority_of_their_loss() -> None:
    built = agent(gradient_steps=1, train_freq=10_000, sigma=0.0, learning_rate=1e-12)
    run(built, 60)
    built.learn()
    rows = np.flatnonzero(built.tree.priorities[:60] != 1.0)
    assert 4 <= len(rows) <= 8
    _numbers, losses = built.differentiate(rows, np.ones(len(rows)))
    np.testing.assert_allclose(built.tree.priorities[rows], (losses + 1e-6) ** 0.5, rtol=1e-4)


def test_the_result_does_not_depend_on_looking_at_it() -> None:
    still, watched, seen = agent(), agent(), np.zeros((4, 2), np.float32)
    for _step in range(60):
        still.update(2)
        watched.update(2)
        watched.signals()["quantiles_at"](seen)
        watched.act(seen, False, Stream(9, "evaluation"))
        watched.diagnostics()
    assert not trees_equal(still.state(), watched.state())


def test_values_of_an_endless_task_are_found_in_spite_of_its_time_limit() -> None:
    """With n = 1, since random first steps bend the rewards that longer targets count."""
    built = agent(gamma=0.5, buffer_size=400, gradient_steps=10, learning_starts=300, learning_rate=0.01, n_steps=1)
    assert values_of_the_endless_walk(built) == pytest.approx(1.75, abs=0.3)


def test_an_edited_exponent_holds_for_every_row_and_zero_can_be_undone() -> None:
    check_an_edited_exponent(agent(priority_exponent=0.5))


@pytest.mark.parametrize("exponent", [0.0, 0.9])
def test_resumed_equals_uninterrupted_after_an_edit_of_the_exponent(exponent: float) -> None:
    check_resumed_after_an_edited_exponent(agent(), agent(priority_exponent=exponent))
