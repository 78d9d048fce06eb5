"""UCB1: its bounds, every arm first, and a regret that grows like a logarithm."""

import math
from typing import Any

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular import tables
from tests.algorithms.tabular.tables import run, slots, use_plain_twins

COINS = {"kind": "bernoulli", "n_arms": 2, "means": "0.6, 0.4"}


def agent_on(seed: int = 0, place: dict[str, Any] | None = None, **config: Any) -> TabularAgent:
    return tables.agent_on("ucb_bandit", "bandit", seed, place=place or COINS, **config)


def test_every_arm_is_pulled_first() -> None:
    agent = agent_on(place={"n_arms": 10})
    run(agent, 10)
    assert agent.course.visits[0, 0].tolist() == [1] * 10


def test_the_bound_is_the_mean_plus_the_bonus() -> None:
    agent = agent_on()
    run(agent, 1000)
    visits, bonus = agent.course.visits[0, 0], agent.signals()["bonus"]()[0]
    assert bonus == pytest.approx([math.sqrt(2 * math.log(1000) / n) for n in visits])
    bounds = agent.signals()["q"]()[0] + bonus
    agent.update(1)
    assert slots(agent)["a"] == bounds.argmax()
    assert slots(agent)["bonus"] == pytest.approx(bonus[bounds.argmax()])


def test_estimates_are_plain_means() -> None:
    agent = agent_on()
    sums = np.zeros(2)
    for _pull in range(300):
        agent.update(1)
        sums[int(slots(agent)["a"])] += slots(agent)["r"]
    assert agent.signals()["q"]()[0] == pytest.approx(sums / agent.course.visits[0, 0], abs=1e-12)


def test_regret_grows_like_a_logarithm() -> None:
    """Between 1,000, 10,000 and 100,000 pulls a logarithm grows by equal amounts, a line by ten times as much."""
    marks = (1_000, 10_000, 100_000)
    regrets = np.zeros((10, 3))
    for seed in range(10):
        agent = agent_on(seed)
        for index, mark in enumerate(marks):
            run(agent, mark - agent.step)
            regrets[seed, index] = agent.diagnostics()["bandit/regret"]
    mean, gap = regrets.mean(axis=0), 0.2
    print(f"UCB1 regret after {marks} pulls: {mean.round(1).tolist()}")  # noqa: T201
    bounds = [8 * math.log(mark) / gap + (1 + math.pi**2 / 3) * gap for mark in marks]
    assert (mean < bounds).all()
    assert mean[2] - mean[1] < 2 * (mean[1] - mean[0])


def test_without_bonus_it_may_stay_with_a_bad_arm() -> None:
    shares = [0.0, 0.0]
    for index, c in enumerate((0.0, math.sqrt(2))):
        for seed in range(30):
            agent = agent_on(seed, c=c)
            run(agent, 2000)
            shares[index] += agent.diagnostics()["bandit/optimal_share"] / 30
    print(f"share of the best arm without and with bonus {shares}")  # noqa: T201
    assert shares[0] + 0.1 < shares[1]


def test_the_kernel_equals_its_plain_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted, cut = agent_on(), agent_on(), agent_on()
    run(compiled, 1000)
    run(cut, 1000, call=1)
    assert trees_equal(compiled.state(), cut.state()) == []
    use_plain_twins(monkeypatch, interpreted)
    run(interpreted, 1000)
    assert np.array_equal(compiled.course.visits, interpreted.course.visits)
    assert compiled.memory.q == pytest.approx(interpreted.memory.q, rel=1e-12)
