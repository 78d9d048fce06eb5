"""Q-learning: truths, properties of its exploration, and that neither compiling nor cutting changes a bit."""

from typing import Any

import numpy as np
import pytest

from app import catalog
from app.algorithms.tabular import q_learning
from app.algorithms.tabular.q_learning import TRACE, QLearningConfig
from app.core.codecs import trees_equal
from app.core.errors import InvalidInput, TrainingDiverged
from app.core.randomness import Stream
from app.core.report import Episodes
from app.parts import tabular_agent
from app.parts.tabular import Outcome
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular import tables
from tests.algorithms.tabular.tables import run, slots, use_plain_twins

STATIONARY_OPTIMUM = {"FrozenLake-v1": 0.7401648977587045, "CliffWalking-v1": -13.0}


def agent_on(environment: str, seed: int = 0, preset: str = "", **config: Any) -> TabularAgent:
    return tables.agent_on("q_learning", environment, seed, preset=preset, **config)


def agent_in(outcomes: list[list[list[Outcome]]], limit: int, **config: Any) -> TabularAgent:
    return tables.agent_in("q_learning", outcomes, limit, **config)


# Truths


@pytest.mark.parametrize("preset", ["tuned", "ucb"])
@pytest.mark.parametrize("environment", ["FrozenLake-v1", "CliffWalking-v1"])
def test_greedy_policy_of_a_preset_is_optimal_on_five_seeds(environment: str, preset: str) -> None:
    steps = catalog.presets_for("q_learning", environment)[preset].total_steps
    returns = []
    for seed in range(5):
        agent = agent_on(environment, seed, preset)
        run(agent, steps)
        returns.append(agent.diagnostics()["tabular/greedy_return"])
    print(f"{environment}, {preset}: exact greedy returns {[round(value, 5) for value in returns]}")  # noqa: T201
    assert np.abs(np.array(returns) - STATIONARY_OPTIMUM[environment]).max() < 1e-3


def test_online_return_beside_the_cliff_is_the_published_one() -> None:
    """The last 100 of 500 episodes, 60 seeds: −49.2 ± 0.9 (standard errors)."""
    means = []
    for seed in range(60):
        agent = agent_on("CliffWalking-v1", seed, alpha=0.5, epsilon=0.1, gamma=1.0)
        episodes = Episodes.none()
        while len(episodes) < 500:
            episodes = Episodes.join([episodes, agent.update(1000).episodes])
        means.append(episodes.returns[400:500].mean())
    mean, error = np.mean(means), np.std(means, ddof=1) / np.sqrt(60)
    print(f"CliffWalking online return {mean:.1f} ± {error:.1f}")  # noqa: T201
    assert abs(mean + 49.2) < 4 * np.hypot(0.9, error)


def test_one_step_is_the_hand_worked_update() -> None:
    # r = −1, γ = .9, max Q(s′) = 0 at first: δ = −1, Q = −.5. Second visit of the loop: max = −.5, δ = −1 − .45 + .5 = −.95.
    agent = agent_in([[[(1.0, 0, -1.0, False)]]], 100, alpha=0.5, gamma=0.9)
    agent.update(1)
    assert agent.signals()["trace"]().tolist() == [0, 0, -1, 0, 0, -1, 0.5, 0.9, -0.5]
    agent.update(1)
    assert agent.signals()["trace"]() == pytest.approx([0, 0, -1, -0.5, -0.5, -0.95, 0.5, 0.9, -0.975])
    assert agent.signals()["last_transition"]().tolist() == [0, 0, -1, 0, 0, 0]


def test_truncation_bootstraps_the_value() -> None:
    """Reward 1 for ever, cut after every step: Q = 1/(1 − γ) = 10. Treating the cut as an end gives exactly 1."""
    config = {"alpha": 0.5, "gamma": 0.9}
    right = agent_in([[[(1.0, 0, 1.0, False)]]], 1, **config)
    wrong = agent_in([[[(1.0, 0, 1.0, True)]]], 1, **config)
    episodes = run(right, 1000)
    run(wrong, 1000)
    assert right.signals()["q"]()[0, 0] == pytest.approx(10.0, abs=1e-9)
    assert wrong.signals()["q"]()[0, 0] == pytest.approx(1.0, abs=1e-9)
    assert len(episodes) == 1000
    assert not episodes.terminated.any()
    assert right.signals()["last_transition"]()[4:].tolist() == [0, 1]
    assert wrong.signals()["last_transition"]()[4:].tolist() == [1, 0]


def test_an_end_at_the_time_limit_terminates() -> None:
    agent = agent_in([[[(1.0, 0, 1.0, True)]]], 1, gamma=0.9)
    assert agent.update(1).episodes.terminated.tolist() == [True]


def test_episodes_carry_their_returns_and_lengths() -> None:
    # 0 → 1 → end, rewards −1 and +5: every episode takes 2 steps and returns 4.
    agent = agent_in([[[(1.0, 1, -1.0, False)]], [[(1.0, 1, 5.0, True)]]], 100, gamma=0.9)
    episodes = run(agent, 10, call=3)
    assert episodes.ends.tolist() == [2, 4, 6, 8, 10]
    assert episodes.returns.tolist() == [4.0] * 5
    assert episodes.lengths.tolist() == [2] * 5
    assert episodes.terminated.all()


def test_step_size_shrinks_with_the_visits() -> None:
    # With ω = 1 and α = 1, Q of a one-armed bandit is the plain mean of its rewards.
    coin: list[Outcome] = [(0.5, 0, 0.0, True), (0.5, 0, 1.0, True)]
    agent = agent_in([[coin]], 10, alpha=1.0, alpha_schedule="visits", alpha_exponent=1.0, gamma=0.9)
    episodes = run(agent, 1000)
    assert agent.signals()["q"]()[0, 0] == pytest.approx(episodes.returns.mean(), abs=1e-12)
    assert slots(agent)["alpha"] == 1 / 1000
    assert agent.diagnostics()["tabular/alpha"] == 1 / 1000


def test_optimistic_start_tries_everything_and_spares_the_ends() -> None:
    agent = agent_on("FrozenLake-v1", initial_q=2.0, epsilon=0.0)
    q = agent.signals()["q"]()
    assert q[0].tolist() == [2.0] * 4
    assert q[15].tolist() == [0.0] * 4  # the goal: nobody acts there
    run(agent, 50_000)
    assert agent.diagnostics()["tabular/states_visited"] == 11  # 16 cells without 4 holes and the goal


# Exploration


def actions_taken(epsilon: float, q: list[float], steps: int = 40_000) -> np.ndarray:
    """Count the actions of an agent that cannot learn (α = 0) in a single state with action values q."""
    k = len(q)
    agent = agent_in([[[(1.0, 0, 0.0, False)]] * k], 10, alpha=0.0, gamma=0.9, epsilon=epsilon)
    agent.memory.q[0, 0] = q
    run(agent, steps)
    counts: np.ndarray = agent.course.visits[0, 0]
    assert counts.sum() == steps
    return counts / steps


def test_epsilon_one_is_uniform_and_epsilon_zero_greedy() -> None:
    assert actions_taken(1.0, [0.0, 1.0, 2.0, -1.0]) == pytest.approx([0.25] * 4, abs=0.01)
    assert actions_taken(0.0, [0.0, 1.0, 2.0, -1.0]).tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("epsilon", [0.1, 0.5])
def test_greedy_share_is_one_minus_epsilon_plus_its_share(epsilon: float) -> None:
    shares = actions_taken(epsilon, [0.0, 1.0, 2.0, -1.0])
    assert shares[2] == pytest.approx(1 - epsilon + epsilon / 4, abs=0.01)
    assert shares[[0, 1, 3]] == pytest.approx([epsilon / 4] * 3, abs=0.01)


def test_ties_are_broken_at_random() -> None:
    assert actions_taken(0.0, [1.0, 0.0, 1.0, 1.0]) == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3], abs=0.01)
    assert actions_taken(0.0, [0.0, 0.0]) == pytest.approx([0.5, 0.5], abs=0.01)


def test_acting_explores_only_when_asked() -> None:
    agent = agent_in([[[(1.0, 0, 0.0, False)]] * 4], 10, gamma=0.9, epsilon=0.5)
    agent.memory.q[0, 0] = [0.0, 3.0, 1.0, 2.0]
    states = np.zeros(40_000, np.int64)
    assert (agent.act(states, greedy=True) == 1).all()
    explored = np.bincount(agent.act(states, greedy=False, random=Stream(0, "test")), minlength=4) / len(states)
    assert explored == pytest.approx([0.125, 0.625, 0.125, 0.125], abs=0.01)


# Not a bit changes


CONFIGS = (
    {"alpha": 0.5, "epsilon": 0.1, "gamma": 0.99},
    {"alpha_schedule": "visits", "epsilon": 1.0, "epsilon_schedule": "linear", "epsilon_decay_steps": 500},
    {"alpha_schedule": "visits", "epsilon": 1.0, "epsilon_schedule": "exponential", "epsilon_decay_steps": 500},
)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("environment", ["FrozenLake-v1", "CliffWalking-v1"])
def test_a_thousand_steps_are_a_thousand_times_one(environment: str, config: dict[str, Any]) -> None:
    whole, cut = agent_on(environment, **config), agent_on(environment, **config)
    one, many = run(whole, 1000), run(cut, 1000, call=1)
    assert trees_equal(whole.state(), cut.state()) == []
    assert trees_equal(vars(one), vars(many)) == []


@pytest.mark.parametrize("config", CONFIGS)
def test_the_kernel_equals_its_plain_twin(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted = agent_on("FrozenLake-v1", **config), agent_on("FrozenLake-v1", **config)
    one = compiled.update(2000)
    use_plain_twins(monkeypatch, interpreted)
    two = interpreted.update(2000)
    assert two.steps == 2000
    assert trees_equal(compiled.state(), interpreted.state()) == []
    assert trees_equal(vars(one.episodes), vars(two.episodes)) == []


def test_a_call_ends_early_when_its_episode_records_are_full(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = agent_on("FrozenLake-v1")
    monkeypatch.setattr(tabular_agent, "CALL_EPISODES", 3)
    short = agent_on("FrozenLake-v1")
    report = short.update(1000)
    assert len(report.episodes) == 3
    assert report.steps == report.episodes.ends[-1] < 1000
    assert (
        trees_equal(vars(run(whole, 1000)), vars(Episodes.join([report.episodes, run(short, 1000 - report.steps)])))
        == []
    )
    assert trees_equal(whole.state(), short.state()) == []


def test_resumed_equals_uninterrupted() -> None:
    whole, first, second = (agent_on("FrozenLake-v1", epsilon=0.5) for _ in range(3))
    run(whole, 500)
    whole.diagnostics()
    run(whole, 500)
    run(first, 500)
    first.diagnostics()
    second.load(first.state())
    run(second, 500)
    assert whole.diagnostics() == second.diagnostics()
    assert trees_equal(whole.state(), second.state()) == []


def test_state_is_a_copy() -> None:
    agent = agent_on("FrozenLake-v1", epsilon=1.0)
    before = agent.state()
    run(agent, 1000)
    assert before["visits"].sum() == 0


def test_seeds_differ_and_repeat() -> None:
    one, again, other = agent_on("FrozenLake-v1", 1), agent_on("FrozenLake-v1", 1), agent_on("FrozenLake-v1", 2)
    for agent in (one, again, other):
        run(agent, 1000)
    assert trees_equal(one.state(), again.state()) == []
    assert "visits" in trees_equal(one.state(), other.state())


def test_outcomes_are_drawn_by_their_probabilities() -> None:
    # Three outcomes that all end: rewards 0, 1, 2 with probability 1/4, 1/2, 1/4; a second action has one outcome only.
    three: list[Outcome] = [(0.25, 0, 0.0, True), (0.5, 0, 1.0, True), (0.25, 0, 2.0, True)]
    agent = agent_in([[three, [(1.0, 0, 7.0, True)]]], 10, epsilon=1.0)
    returns, counts = np.unique(run(agent, 40_000).returns, return_counts=True)
    assert returns.tolist() == [0.0, 1.0, 2.0, 7.0]
    assert counts / 40_000 == pytest.approx([0.125, 0.25, 0.125, 0.5], abs=0.01)


# What a run shows


def test_visits_count_every_step() -> None:
    agent = agent_on("FrozenLake-v1", epsilon=1.0)
    run(agent, 5000)
    signals = agent.signals()
    assert signals["visits"]().sum() == 5000
    assert signals["visits"]().shape == (16,)
    assert signals["q"]().shape == signals["policy"]().shape == (16, 4)
    assert np.array_equal(signals["v"](), signals["q"]().max(axis=1))


def test_emits_and_signals_are_those_declared() -> None:
    agent = agent_on("FrozenLake-v1")
    agent.update(100)
    assert set(agent.diagnostics()) == set(q_learning.SPEC.emits)
    assert set(agent.signals()) == set(q_learning.SPEC.signals)


def test_inspector_slots_hold_the_numbers_of_the_equation() -> None:
    agent = agent_on("FrozenLake-v1", epsilon=1.0, alpha_schedule="visits")
    run(agent, 5000)
    trace = agent.signals()["trace"]()
    r, best, old, delta, alpha, gamma, new = trace[2:9]
    assert delta == r + gamma * best - old
    assert new == old + alpha * delta
    inspector = q_learning.SPEC.inspector
    assert inspector is not None
    assert agent.signals()["q"]()[int(trace[0]), int(trace[1])] == trace[inspector.result]
    assert max(term.slot for term in inspector.terms) < len(TRACE)


def test_policy_changes_count_from_the_last_record() -> None:
    agent = agent_on("CliffWalking-v1", gamma=1.0)
    run(agent, 5000)
    assert agent.diagnostics()["tabular/policy_changes"] > 0
    assert agent.diagnostics()["tabular/policy_changes"] == 0


def test_an_edit_takes_effect_at_the_next_step() -> None:
    agent = agent_on("FrozenLake-v1", alpha=0.5, epsilon=0.1)
    assert set(agent.config.live_names()) == set(type(agent.config).model_fields) - {"gamma", "initial_q"}
    run(agent, 10)
    agent.edit(agent.config.edited({"alpha": 0.25, "epsilon": 0.75}))
    run(agent, 1)
    assert slots(agent)["alpha"] == 0.25
    assert agent.diagnostics()["tabular/epsilon"] == 0.75


# Refusals


def test_an_infinite_value_stops_the_run_at_its_step() -> None:
    agent = agent_in([[[(1.0, 0, 1e308, False)]]], 10, alpha=1.0, gamma=0.9)
    with pytest.raises(TrainingDiverged, match="step 2: "):
        run(agent, 100)
    cut = agent_in([[[(1.0, 0, 1e308, False)]]], 10, alpha=1.0, gamma=0.9)
    with pytest.raises(TrainingDiverged, match="step 2: "):
        run(cut, 100, call=1)


def test_no_discount_is_refused_where_nothing_ends() -> None:
    with pytest.raises(InvalidInput, match="gamma"):
        agent_in([[[(1.0, 0, -1.0, False)]]], 10, gamma=1.0)


def test_bounds_are_checked() -> None:
    with pytest.raises(InvalidInput, match=r"config\.alpha=1\.5: must be ≤ 1"):
        QLearningConfig.parse({"alpha": 1.5})
