"""Planning in a learned model, against sums worked out by hand; with it app/parts/world_learner.py."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from app import catalog
from app.algorithms.policy_based.world_model import (
    WorldModelAgent,
    WorldModelConfig,
    imagine,
    prediction_loss,
    prediction_slope,
    search,
    value_targets,
)
from app.core.contracts import Problem
from app.core.jit import plain
from app.core.randomness import Stream
from app.parts.world_learner import persisted
from tests.algorithms.slide import OneState

SMALL = {
    "net_arch": "6", "n_members": 2, "horizon": 4, "n_candidates": 32, "n_rounds": 3, "learning_starts": 50,
    "batch_size": 16, "buffer_size": 500,
}  # fmt: skip


def agent(environment: str = "CartPole-v1", **config: Any) -> WorldModelAgent:
    spec = catalog.environment(environment)
    return WorldModelAgent(WorldModelConfig.parse({**SMALL, **config}), Problem(spec.make(spec.config()), 3, 2_000))


def flat(made: WorldModelAgent, *, reward: float, logit: float, value: float) -> WorldModelAgent:
    """Make every network say the same everywhere: nothing changes, this reward, this logit of termination, this value."""
    made.networks.weights[:] = 0.0
    for mlp in made.members:
        mlp.parameters[-1][1].detach().numpy()[-2:] = reward, logit
    made.critic.parameters[-1][1].detach().numpy()[:] = value / made.value_scale
    return made


def judged(made: WorldModelAgent, start: np.ndarray, plans: np.ndarray, function: Any = imagine) -> np.ndarray:
    """Return J (C,) of plans (H, A, C) from an observation (D,)."""
    returns, scratch = np.empty(plans.shape[2], np.float32), np.empty((3, made.widest, plans.shape[2]), np.float32)
    value_scale, gamma = np.float32(made.value_scale), np.float32(made.config.gamma)
    function(*made.kernel_arrays(), value_scale, start, plans, gamma, scratch, returns)
    return returns


def plans_of(made: WorldModelAgent, steps: int, count: int) -> np.ndarray:
    """Return random plans (H, A, C)."""
    rows = made.random_rows(steps * count, Stream(8, "plans"))
    return np.ascontiguousarray(rows.reshape(steps, count, -1).swapaxes(1, 2))


def test_a_plan_is_judged_by_what_is_earned_while_the_episode_goes_on() -> None:
    made = flat(agent(gamma=0.9), reward=2.0, logit=math.log(1 / 3), value=5.0)  # terminates with probability 1/4
    goes_on = 0.9 * 0.75
    by_hand = 2 * (1 + goes_on + goes_on**2) + goes_on**3 * 5
    returns = judged(made, np.zeros(4, np.float32), plans_of(made, 3, 2))
    np.testing.assert_allclose(returns, by_hand, rtol=1e-5)
    forgetting_the_end = 2 * (1 + 0.9 + 0.81) + 0.9**3 * 5
    assert abs(returns[0] - forgetting_the_end) > 3


@pytest.mark.parametrize("environment", ["CartPole-v1", "Pendulum-v1"])
def test_the_compiled_judge_sums_what_the_networks_say(environment: str) -> None:
    made = agent(environment, gamma=0.9)
    while made.env_steps < 60:
        made.update(60 - made.env_steps)
    start, plans = made.observations[0], plans_of(made, 4, 5)
    total = np.zeros(5)
    for index in range(2):
        seen, alive = np.tile(start, (5, 1)).astype(np.float64), np.ones(5)
        for k in range(4):
            rewards, ends, seen = made.answer(index, seen, plans[k].T)
            total += 0.9**k * alive * rewards / 2
            alive *= 1 - ends
        total += 0.9**4 * alive * made.values(seen) / 2
    np.testing.assert_allclose(judged(made, start, plans), total, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(judged(made, start, plans, plain(imagine)), total, rtol=1e-4, atol=1e-4)


def test_without_the_value_a_plan_counts_its_own_steps_alone() -> None:
    made = flat(agent("Pendulum-v1", horizon=2, gamma=0.5, use_value=False), reward=1.0, logit=-50.0, value=100.0)
    returns = np.empty(32, np.float32)
    arrays = made.kernel_arrays()
    plans, scratch = plans_of(made, 2, 32), np.empty((3, made.widest, 32), np.float32)
    imagine(*arrays, np.float32(0.0), np.zeros(3, np.float32), plans, np.float32(0.5), scratch, returns)
    np.testing.assert_allclose(returns, 1.5, rtol=1e-5)
    same = made.planned(np.zeros((1, 3), np.float32))
    made.networks.weights[made.split :] = Stream(1, "values").normals(len(made.networks.weights) - made.split)
    np.testing.assert_array_equal(made.planned(np.zeros((1, 3), np.float32)), same)


def rewarding(made: WorldModelAgent, column: int) -> WorldModelAgent:
    """Make every network earn the number in one column of the action, by two units that cut it at 0 from either side."""
    flat(made, reward=0.0, logit=-50.0, value=0.0)
    for mlp in made.members:
        (first, _bias), (last, _other) = ([tensor.detach().numpy() for tensor in layer] for layer in mlp.parameters)
        first[:2, made.size + column] = 1.0, -1.0
        last[made.size, :2] = 1.0, -1.0
    return made


def test_the_search_finds_the_best_number() -> None:
    made = rewarding(agent("Pendulum-v1", n_rounds=6), 0)
    assert made.planned(np.zeros((2, 3), np.float32)).min() > 0.9
    assert made.act(np.zeros((1, 3), np.float32), greedy=True)[0, 0] > 1.8


@pytest.mark.parametrize("best", [0, 1])
def test_the_search_finds_the_best_choice(best: int) -> None:
    made = rewarding(agent(), best)
    rows = made.planned(np.zeros((1, 4), np.float32))
    assert rows[0].argmax() == best
    assert rows.sum() == pytest.approx(1.0)
    assert made.act(np.zeros((3, 4), np.float32), greedy=True).tolist() == [best] * 3


def test_the_compiled_search_is_its_plain_twin() -> None:
    for environment in ("CartPole-v1", "Pendulum-v1"):
        made = agent(environment, n_candidates=6, horizon=2, n_rounds=2)
        found = []
        for function in (search, plain(search)):
            mean, deviation = np.full((2, made.n_actions), 0.5, np.float32), np.ones((2, made.n_actions), np.float32)
            search_args = (
                *made.kernel_arrays(), np.float32(1.0), made.observations[0], made.noise(), made.bounds is None, 2,
                np.float32(0.9), mean, deviation, np.empty((2, made.n_actions, 6), np.float32),
                np.empty((3, made.widest, 6), np.float32), np.empty(6, np.float32),
            )  # fmt: skip
            function(*search_args)
            found.append((mean, deviation))
        np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-6)


def test_the_slope_of_the_prediction_loss_is_that_of_differences() -> None:
    outputs, targets = Stream(1, "o").normals(5, 4), Stream(2, "t").normals(5, 3)
    ends = np.array([0.0, 1.0, 0.0, 0.0, 1.0])
    slope = prediction_slope(outputs, targets, ends)
    for row, column in np.ndindex(5, 4):
        moved = np.zeros((5, 4))
        moved[row, column] = 1e-6
        around = [prediction_loss(outputs + sign * moved, targets, ends) for sign in (1, -1)]
        assert slope[row, column] == pytest.approx((around[0] - around[1]) / 2e-6, abs=1e-6)


def test_the_prediction_loss_by_hand() -> None:
    outputs, targets = np.array([[1.0, 2.0, 0.0]]), np.array([[0.0, 0.0]])
    assert prediction_loss(outputs, targets, np.array([1.0])) == pytest.approx(0.5 * (1 + 4) + math.log(2))


def test_the_value_is_the_best_mean_and_not_the_mean_of_the_best() -> None:
    rewards = np.array([[[4.0, 1.0]], [[0.0, 3.5]]])  # two networks, one state, two actions
    ends, after = np.array([[[0.0, 0.0]], [[1.0, 0.0]]]), np.full((2, 1, 2), 2.0)
    # first action: (4 + .5·2 + 0) / 2 = 2.5; second: (1 + 1 + 3.5 + 1) / 2 = 3.25
    assert value_targets(rewards, ends, after, 0.5)[0] == pytest.approx(3.25)
    mean_of_the_best = (5.0 + 4.5) / 2
    assert value_targets(rewards, ends, after, 0.5)[0] != pytest.approx(mean_of_the_best)


@pytest.mark.parametrize(
    ("end", "value", "source"),
    [("terminated", 4 / 3, "experience"), ("truncated", 2.0, "experience"), ("terminated", 4 / 3, "imagination")],
)
def test_a_terminated_step_is_the_last_one_and_a_truncated_one_is_not(end: str, value: float, source: str) -> None:
    """Every step earns 1, γ = .5; each second one ends the episode, which cannot be seen: d̂ = 1/2 and V = 1 + .5·.5·V, or d̂ = 0 and V = 1 + .5·V."""
    world = OneState(lambda a: np.ones(len(a)), 2, end)
    settings = {**SMALL, "n_envs": 4, "gamma": 0.5, "tau": 0.1, "learning_rate": 3e-3, "gradient_steps": 2, "n_candidates": 4,
                "buffer_size": 4_000, "value_from": source}  # fmt: skip
    made = WorldModelAgent(WorldModelConfig.parse(settings), Problem(world, 0, 1_600))
    while made.env_steps < 1_600:
        made.update(1_600 - made.env_steps)
    learned = float(made.values(np.ones((1, 1), np.float32))[0])
    assert learned == pytest.approx(value, abs=0.1)


def test_draws_resemble_the_ones_before_and_keep_their_spread() -> None:
    normals = persisted(Stream(1, "n").normals(1, 400, 1, 50), 0.6, Stream(2, "n"))
    assert normals.std() == pytest.approx(1.0, abs=0.03)
    assert np.corrcoef(normals[0, 1:, 0].ravel(), normals[0, :-1, 0].ravel())[0, 1] == pytest.approx(0.6, abs=0.03)
    uniforms = persisted(Stream(1, "u").uniforms(1, 400, 1, 50), 0.6, Stream(2, "u"))
    assert (uniforms[0, 1:] == uniforms[0, :-1]).mean() == pytest.approx(0.6, abs=0.03)
    assert uniforms.mean() == pytest.approx(0.5, abs=0.02)


def test_a_course_is_imagined_from_its_first_observation_with_the_real_actions() -> None:
    made = flat(agent(learning_starts=1_000), reward=0.0, logit=0.0, value=0.0)
    while made.env_steps < 120:
        made.update(120 - made.env_steps)
    course = made.course()
    assert course.shape == (3, len(course[0]), 4)
    assert 5 < len(course[0]) <= 31
    held = {row.tobytes() for row in made.replay.next_observations}
    assert all(row.astype(np.float32).tobytes() in held for row in course[0, 1:])
    drift = (
        np.arange(len(course[0]))[:, None] * made.answered.mean[:-1]
    )  # flat networks: the mean change, again and again
    np.testing.assert_allclose(course[1], course[0, :1] + drift, atol=1e-5)
    errors = made.errors()
    assert errors["model/error_1"] < errors["model/error_5"] < errors["model/error_15"]
    assert errors["model/disagreement"] == 0.0


def test_planning_costs_what_is_said() -> None:
    assert agent().diagnostics()["model/evaluations"] == 2 * 32 * 4 * 3


def test_pictures_of_the_past_need_the_weights_alone() -> None:
    made, other = agent(), agent()
    while made.env_steps < 80:
        made.update(80 - made.env_steps)
    other.load_weights(made.signals()["weights"]())
    seen = made.batch.reset().copy()
    for name in ("v_at", "q_at"):
        np.testing.assert_allclose(other.signals()[name](seen), made.signals()[name](seen))


def test_the_members_start_apart_and_torch_agrees_with_them() -> None:
    made = agent()
    assert not np.array_equal(*made.networks.weights[: made.split].reshape(2, -1))
    x = Stream(1, "x").normals(3, 6).astype(np.float32)
    theirs = made.members[1](torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(made.members[1].forward(x), theirs, rtol=1e-5, atol=1e-6)
