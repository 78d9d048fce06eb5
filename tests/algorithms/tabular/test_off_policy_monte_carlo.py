"""Off-policy Monte Carlo: weights, both kinds of importance sampling against the exact values, and the known mistakes."""

import inspect
from typing import Any

import numpy as np
import pytest

from app.algorithms.tabular import off_policy_monte_carlo
from app.core.codecs import trees_equal
from app.parts.batch import TabularEnvironment
from app.parts.tabular import Outcome, mdp_from_outcomes
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular import tables
from tests.algorithms.tabular.tables import run, slots, use_plain_twins

# Two steps: action 0 goes on, then earns 1; action 1 ends with nothing.
TWO_STEPS: list[list[list[Outcome]]] = [
    [[(1.0, 1, 0.0, False)], [(1.0, 0, 0.0, True)]],
    [[(1.0, 1, 1.0, True)], [(1.0, 1, 0.0, True)]],
]
PREDICTION: dict[str, Any] = {"target": "evaluated", "gamma": 1.0}


def agent_on(environment: str, seed: int = 0, **config: Any) -> TabularAgent:
    return tables.agent_on("off_policy_monte_carlo", environment, seed, **config)


def agent_in(seed: int = 0, **config: Any) -> TabularAgent:
    return tables.agent_in("off_policy_monte_carlo", TWO_STEPS, 10, seed=seed, **config)


def until_first_success(agent: TabularAgent) -> None:
    for _step in range(1000):
        if agent.update(1).episodes.returns.sum() == 1:
            return
    raise AssertionError("no success")


def seed_of_immediate_success() -> int:
    """Return a seed whose first episode takes action 0 twice."""
    for seed in range(100):
        agent = agent_in(seed, **PREDICTION, epsilon=0.5)
        agent.update(1)
        if agent.update(1).episodes.returns.sum() == 1:
            return seed
    raise AssertionError("no such seed")


@pytest.mark.parametrize(("kind", "y", "q_new"), [("weighted", 1.0, 1.0), ("ordinary", 2 / 3, 2 / 3)])
def test_an_episode_is_the_hand_worked_update(kind: str, y: float, q_new: float) -> None:
    # Uniform target, b(0) = ½ · 1 + ½ · ½ = ¾. Going on and earning 1: W of the first step is ½ / ¾ = ⅔.
    # Weighted: C = ⅔, κ = 1, Q = 1. Ordinary: N = 1, y = ⅔ · 1, Q = ⅔. The last step's own W is 1 either way.
    agent = agent_in(seed_of_immediate_success(), **PREDICTION, epsilon=0.5, importance_sampling=kind)
    run(agent, 2)
    found = slots(agent)
    assert (found["s"], found["a"], found["g"]) == (0, 0, 1)
    assert [found["w"], found["y"], found["kappa"], found["q new"]] == pytest.approx([2 / 3, y, 1.0, q_new])
    assert agent.signals()["q"]()[1].tolist() == [1.0, 0.0]
    assert agent.diagnostics()["tabular/mean_weight"] == pytest.approx(4 / 9)


def test_weights_have_mean_one() -> None:
    for config in ({"epsilon": 0.6}, {"epsilon": 0.3, "policy": "optimal", "policy_epsilon": 0.5}):
        agent = agent_on("random_walk", **PREDICTION, **config)
        run(agent, 200_000)
        episodes, total, squares = agent.memory.weights[0]
        mean = total / episodes
        error = np.sqrt((squares / episodes - mean**2) / episodes)
        print(f"{config}: mean weight {mean:.4f} ± {error:.4f} over {episodes:.0f} episodes")  # noqa: T201
        assert abs(mean - 1) < 4 * error
        assert agent.diagnostics()["tabular/effective_episodes"] < episodes


def estimates(kind: str, episodes: int, seeds: int = 60) -> np.ndarray:
    """Return estimates of the start's value under the uniform policy, ½ · ½ · 1 = ¼, one for each seed."""
    values = []
    for seed in range(seeds):
        agent = agent_in(seed, **PREDICTION, epsilon=0.8, importance_sampling=kind, visit="first")
        while agent.memory.weights[0, 0] < episodes:
            agent.update(1 if episodes < 100 else 50)
        values.append(agent.signals()["v"]()[0])
    return np.array(values)


def test_ordinary_importance_sampling_agrees_with_the_exact_value() -> None:
    values = estimates("ordinary", 200)
    error = values.std(ddof=1) / np.sqrt(len(values))
    print(f"ordinary: {values.mean():.4f} ± {error:.4f}, exact 0.25")  # noqa: T201
    assert abs(values.mean() - 0.25) < 4 * error


def test_weighted_importance_sampling_agrees_in_the_limit() -> None:
    assert np.abs(estimates("weighted", 5000, seeds=10) - 0.25).max() < 0.03


def test_weighted_sampling_errs_less_where_returns_lie_far_from_zero() -> None:
    """Returns of 10 or 11: the weights' own noise is multiplied by 10, unless it is divided out."""
    errors, place = {}, {"left_reward": 10.0, "right_reward": 11.0}
    for kind in ("weighted", "ordinary"):
        found = []
        for seed in range(20):
            agent = agent_on("random_walk", seed, place=place, **PREDICTION, epsilon=0.6, importance_sampling=kind)
            run(agent, 2000)
            found.append(agent.diagnostics()["tabular/value_error_rms"])
        errors[kind] = float(np.mean(found))
    print(f"random walk, 2,000 steps, RMS errors {errors}")  # noqa: T201
    assert errors["weighted"] < 0.5 * errors["ordinary"]


def test_ordinary_sampling_counts_returns_of_weight_zero() -> None:
    """Target: action 0 always. Half of the returns weigh 2, half 0: their mean is 1. Stopping at weight 0 would find 2."""
    config = {**PREDICTION, "policy": "optimal", "policy_epsilon": 0.0, "epsilon": 1.0}
    agent = agent_in(**config, importance_sampling="ordinary")
    run(agent, 20_000)
    q, visits, counted = agent.signals()["q"]()[0, 0], agent.course.visits[0, 0, 0], agent.memory.divisor[0, 0, 0]
    assert abs(visits - counted) <= 1  # the running episode is not counted yet
    assert q == pytest.approx(1.0, abs=4 / np.sqrt(visits))


def test_ordinary_sampling_that_stops_at_weight_zero_finds_the_known_wrong_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = {**PREDICTION, "policy": "optimal", "policy_epsilon": 0.0, "epsilon": 1.0}
    agent = agent_in(**config, importance_sampling="ordinary")
    use_plain_twins(monkeypatch, agent)
    right = "weight == 0 and knobs.is_weighted"
    source = inspect.getsource(off_policy_monte_carlo.learn_from_episode).replace("@kernel\n", "")
    assert source.count(right) == 1
    exec(source.replace(right, "weight == 0"), vars(off_policy_monte_carlo))
    run(agent, 5_000)
    q, visits = agent.signals()["q"]()[0, 0], agent.course.visits[0, 0, 0]
    assert q == pytest.approx(2.0, abs=4 / np.sqrt(visits))


def test_a_target_that_follows_all_of_its_best_actions_learns_before_each_of_them() -> None:
    """Staying (action 0) looks as good as ending (1), both −1: only ends by action 1 are seen, and say that staying earns −2.

    A target that takes the first of the two gives each of these episodes the weight 0, and believes in staying for ever.
    """
    world: list[list[list[Outcome]]] = [[[(1.0, 0, -1.0, False)], [(1.0, 0, -1.0, True)]]]
    agent = tables.agent_in("off_policy_monte_carlo", world, 10_000, gamma=1.0, epsilon=0.1)
    agent.memory.q[0, 0] = -1.0
    run(agent, 500)
    assert agent.signals()["q"]()[0].tolist() == [-2.0, -1.0]
    assert agent.signals()["policy"]()[0].tolist() == [0.0, 1.0]


def test_forgetting_follows_the_latest_returns() -> None:
    """A bandit's payment goes from 0 to 1: after n more returns an average is n / (n + 100), with η = ½ it is 1 − about ½ⁿ."""
    found = {}
    for eta in (0.0, 0.5):
        richer = TabularEnvironment("richer", mdp_from_outcomes([[[(1.0, 0, 1.0, True)]]], np.ones(1)), 10)
        agent = tables.agent_in("off_policy_monte_carlo", [[[(1.0, 0, 0.0, True)]]], 10, gamma=0.9, forgetting=eta)
        run(agent, 100)
        agent.enter(richer)
        run(agent, 10)
        found[eta] = float(agent.signals()["q"]()[0, 0])
    assert found[0.0] == pytest.approx(10 / 110)
    assert found[0.5] == pytest.approx(1 - 0.5**10, abs=1e-9)


def test_prediction_is_compared_with_the_target_and_control_with_the_optimum() -> None:
    prediction = agent_on("random_walk", **PREDICTION)
    assert prediction.truth()[1:6] == pytest.approx(np.arange(1, 6) / 6)
    control = agent_on("random_walk", gamma=1.0)
    assert control.truth()[1:6] == pytest.approx(np.ones(5))
    for agent in (prediction, control):
        run(agent, 1000)
    assert set(prediction.diagnostics()) == set(control.diagnostics())


def test_control_learns_blackjack_from_random_play() -> None:
    agent = agent_on("Blackjack-v1", gamma=1.0, epsilon=1.0)
    run(agent, 500_000)
    value = agent.diagnostics()["tabular/greedy_return"]
    print(f"Blackjack after 500,000 random steps: {value:.4f}")  # noqa: T201
    assert -0.0431 - 0.01 < value < -0.0430


def test_truncation_bootstraps_the_value() -> None:
    """Reward 1 for ever, cut after every step: Q → 1/(1 − γ) = 2, as averages of 1 + γ Q; a cut taken for an end gives 1."""
    loop: list[list[list[Outcome]]] = [[[(1.0, 0, 1.0, False)]]]
    agent = tables.agent_in("off_policy_monte_carlo", loop, 1, gamma=0.5, epsilon=0.5)
    episodes = run(agent, 20_000)
    assert agent.signals()["q"]()[0, 0] == pytest.approx(2.0, abs=0.02)
    assert not episodes.terminated.any()


CONFIGS: tuple[dict[str, Any], ...] = (
    {"epsilon": 0.5},
    {**PREDICTION, "gamma": 0.9, "importance_sampling": "ordinary", "visit": "first"},
)


@pytest.mark.parametrize("config", CONFIGS)
def test_the_kernel_equals_its_plain_twin(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted, cut = (agent_on("FrozenLake-v1", **config) for _number in range(3))
    run(compiled, 1500)
    run(cut, 1500, call=1)
    assert trees_equal(compiled.state(), cut.state()) == []
    use_plain_twins(monkeypatch, interpreted)
    run(interpreted, 1500)
    one, other = compiled.state(), interpreted.state()
    assert one.keys() == other.keys()
    for name in one:
        assert one[name] == pytest.approx(other[name], rel=1e-12, nan_ok=True), name
