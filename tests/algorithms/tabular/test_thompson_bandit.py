"""Thompson sampling: its beliefs are the closed forms, and it pulls each arm as often as it is believed to be the best."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from app import catalog
from app.algorithms.tabular.thompson_bandit import choose
from app.core.codecs import trees_equal
from app.core.errors import InvalidInput
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular import tables
from tests.algorithms.tabular.tables import run, slots, use_plain_twins

COINS = {"kind": "bernoulli", "n_arms": 3, "means": "0.6, 0.4, 0.5"}
BERNOULLI: dict[str, Any] = {"likelihood": "bernoulli"}


def agent_on(seed: int = 0, place: dict[str, Any] | None = None, **config: Any) -> TabularAgent:
    return tables.agent_on("thompson_bandit", "bandit", seed, place=place or COINS, **config)


def payments(agent: TabularAgent, pulls: int) -> list[list[float]]:
    """Pull one by one and return what each arm paid."""
    paid: list[list[float]] = [[] for _arm in range(agent.memory.q.shape[2])]
    for _pull in range(pulls):
        agent.update(1)
        paid[int(slots(agent)["a"])].append(slots(agent)["r"])
    return paid


def test_a_bernoulli_belief_is_the_beta_posterior() -> None:
    agent = agent_on(**BERNOULLI, prior_ones=2.0, prior_zeros=0.5)
    for arm, paid in enumerate(payments(agent, 300)):
        a, b = 2.0 + sum(paid), 0.5 + len(paid) - sum(paid)
        assert agent.memory.q[0, 0, arm] == pytest.approx(a / (a + b), rel=1e-12)
        assert agent.memory.weight[0, 0, arm] == pytest.approx(a + b, rel=1e-12)
        low, high = agent.signals()["belief_low"]()[0, arm], agent.signals()["belief_high"]()[0, arm]
        assert [low, high] == pytest.approx(stats.beta(a, b).ppf([0.05, 0.95]), rel=1e-9)


def test_a_gaussian_belief_is_the_normal_posterior() -> None:
    agent = agent_on(place={"n_arms": 4}, reward_spread=2.0, prior_mean=0.5, prior_spread=1.5)
    for arm, paid in enumerate(payments(agent, 300)):
        precision = 1 / 1.5**2 + len(paid) / 2.0**2
        mean = (0.5 / 1.5**2 + sum(paid) / 2.0**2) / precision
        assert agent.memory.q[0, 0, arm] == pytest.approx(mean, rel=1e-11)
        high = agent.signals()["belief_high"]()[0, arm]
        assert high == pytest.approx(stats.norm(mean, precision**-0.5).ppf(0.95), rel=1e-9)


@pytest.mark.parametrize("config", [BERNOULLI, {"likelihood": "gaussian", "reward_spread": 0.5}])
def test_an_arm_is_pulled_as_often_as_it_is_believed_to_be_the_best(config: dict[str, Any]) -> None:
    agent = agent_on(**config)
    run(agent, 40)
    memory, n = agent.memory, 20_000
    chosen = [choose(memory.q[0], memory.weight[0], agent.knobs, 1000 + number, agent.key)[0] for number in range(n)]
    shares = np.bincount(chosen, minlength=3) / n
    chances = agent.signals()["behaviour"]()[0]
    print(f"{config}: drawn {shares}, integrated {chances.round(4)}")  # noqa: T201
    assert np.abs(shares - chances).max() < 4 * 0.5 / np.sqrt(n)


def test_draws_from_a_belief_follow_it() -> None:
    agent = agent_on(**BERNOULLI)
    run(agent, 30)
    q, weight = agent.memory.q[0, :, :1].copy(), agent.memory.weight[0, :, :1].copy()
    drawn = [choose(q, weight, agent.knobs, number, agent.key)[1] for number in range(10_000)]
    a = float(q[0, 0] * weight[0, 0])
    assert stats.kstest(drawn, stats.beta(a, float(weight[0, 0]) - a).cdf).pvalue > 0.01


def test_regret_is_below_that_of_epsilon_greedy() -> None:
    regrets = {}
    for name, config in (("thompson_bandit", BERNOULLI), ("epsilon_greedy_bandit", {})):
        found = []
        for seed in range(20):
            agent = tables.agent_on(name, "bandit", seed, place=COINS, **config)
            run(agent, 10_000)
            found.append(agent.diagnostics()["bandit/regret"])
        regrets[name] = float(np.mean(found))
    print(f"regret after 10,000 pulls {regrets}")  # noqa: T201
    assert regrets["thompson_bandit"] < 0.5 * regrets["epsilon_greedy_bandit"]


def test_a_bernoulli_belief_refuses_other_payments() -> None:
    with pytest.raises(InvalidInput, match="pays 0 or 1") as caught:
        catalog.resolve("thompson_bandit", "bandit", config=BERNOULLI, preset="")
    assert caught.value.violations[0].where == "config.likelihood"


@pytest.mark.parametrize("config", [BERNOULLI, {}])
def test_the_kernel_equals_its_plain_twin(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted, cut = (agent_on(**config) for _number in range(3))
    run(compiled, 300)
    run(cut, 300, call=1)
    assert trees_equal(compiled.state(), cut.state()) == []
    use_plain_twins(monkeypatch, interpreted)
    run(interpreted, 300)
    assert np.array_equal(compiled.course.visits, interpreted.course.visits)
    assert compiled.memory.q == pytest.approx(interpreted.memory.q, rel=1e-12)
