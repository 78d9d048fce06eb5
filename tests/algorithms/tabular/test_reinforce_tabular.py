"""REINFORCE on a table: its mean is the gradient, a baseline only lowers the noise, and a cut episode bootstraps."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.parts.softmax import policy_gradient, softmax_policy
from app.parts.tabular import Outcome
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular.tables import agent_in, agent_on, run, slots, use_plain_twins

NAME = "reinforce_tabular"
STRAIGHT = {"is_slippery": False}
# Two states, two actions: state 0 leads to an end or to state 1, which always ends.
TWO: list[list[list[Outcome]]] = [
    [[(1.0, 1, 1.0, False)], [(1.0, 0, 0.5, True)]],
    [[(1.0, 0, 2.0, True)], [(1.0, 0, -1.0, True)]],
]
THETA = np.array([[0.3, -0.2], [0.1, 0.6]])


def prepared(outcomes: list[list[list[Outcome]]] = TWO, limit: int = 10, **config: Any) -> TabularAgent:
    """Return an agent with preferences and values that are not zero."""
    agent = agent_in(NAME, outcomes, limit, **{"gamma": 0.9, "alpha": 0.5, "alpha_v": 0.0, **config})
    agent.memory.theta[0] = THETA
    agent.memory.v[0] = [0.7, 0.4]
    return agent


def update_after(actions: tuple[int, ...], **config: Any) -> np.ndarray:
    """Return Δθ / α (S, A) of the episode that these actions make, forced by the draws that the record holds."""
    from app.algorithms.tabular.reinforce_tabular import learn_from_episode

    agent = prepared(**config)
    memory, policy, state = agent.memory, softmax_policy(THETA), 0
    for t, action in enumerate(actions):
        _p, next_state, reward, _end = TWO[state][action][0]
        memory.states[0, t], memory.actions[0, t], memory.rewards[0, t] = state, action, reward
        memory.policies[0, t], memory.values[0, t] = policy[state], memory.v[0, state]
        state = next_state
    assert learn_from_episode(memory, agent.knobs, len(actions), 0.0, agent.course.trace[0])
    return np.asarray((memory.theta[0] - THETA) / 0.5)


def mean_update(**config: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance (S, A) of the update over all episodes of TWO, by enumeration."""
    policy = softmax_policy(THETA)
    episodes = [((1,), policy[0, 1]), *(((0, b), policy[0, 0] * policy[1, b]) for b in range(2))]
    updates = [(update_after(actions, **config), p) for actions, p in episodes]
    mean = sum(p * update for update, p in updates)
    return np.asarray(mean), np.asarray(sum(p * (update - mean) ** 2 for update, p in updates))


@pytest.mark.parametrize("baseline", [True, False])
def test_the_mean_update_is_the_exact_gradient(baseline: bool) -> None:
    mdp = prepared().exact.mdp
    mean, _variance = mean_update(baseline=baseline, discounts_states=True)
    assert mean == pytest.approx(policy_gradient(mdp, softmax_policy(THETA), 0.9), abs=1e-12)


def test_without_the_discount_of_states_the_mean_is_not_the_gradient() -> None:
    mdp = prepared().exact.mdp
    mean, _variance = mean_update(discounts_states=False)
    gradient = policy_gradient(mdp, softmax_policy(THETA), 0.9)
    assert mean[0] == pytest.approx(gradient[0], abs=1e-12)
    assert mean[1] == pytest.approx(gradient[1] / 0.9, abs=1e-12)  # one step from the start


def test_a_baseline_leaves_the_mean_and_lowers_the_variance() -> None:
    with_baseline, without = mean_update(baseline=True), mean_update(baseline=False)
    assert with_baseline[0] == pytest.approx(without[0], abs=1e-12)
    assert with_baseline[1].sum() < without[1].sum()


def test_sampled_updates_agree_with_the_enumerated_ones() -> None:
    """A thousand episodes from the same preferences: the mean lies within 4 standard errors, and the spread is smaller with the baseline."""
    spreads = {}
    for baseline in (True, False):
        updates: list[np.ndarray] = []
        agent = prepared(baseline=baseline)
        while len(updates) < 1000:
            if len(agent.update(1).episodes):
                updates.append((agent.memory.theta[0] - THETA) / 0.5)
                agent.memory.theta[0] = THETA
        mean, error = np.mean(updates, axis=0), np.std(updates, axis=0, ddof=1) / np.sqrt(1000)
        assert (np.abs(mean - mean_update(baseline=baseline)[0]) < 4 * error).all()
        spreads[baseline] = float(np.var(updates, axis=0).sum())
    assert spreads[True] < spreads[False]


def test_an_episode_is_the_hand_worked_update() -> None:
    """Two steps: 0 –a0→ 1 –a1→ end, rewards 1 and −1, γ = 0.9: G₁ = −1, G₀ = 1 − 0.9 = 0.1. Baselines 0.7 and 0.4, α = 0.5.

    Δθ(1, 1) = 0.5 · (−1 − 0.4)(1 − π(1|1)); Δθ(0, 0) = 0.5 · (0.1 − 0.7)(1 − π(0|0)); the other actions the negative.
    """
    policy = softmax_policy(THETA)
    update = update_after((0, 1))
    assert update[1, 1] == pytest.approx(-1.4 * (1 - policy[1, 1]), rel=1e-12)
    assert update[0, 0] == pytest.approx(-0.6 * (1 - policy[0, 0]), rel=1e-12)
    assert update.sum(axis=1) == pytest.approx([0, 0], abs=1e-15)


def test_values_follow_the_returns() -> None:
    """V(1) ← 0.4 + 0.5 · (2 − 0.4) = 1.2 where state 1 is left by action 0, and V(0) ← 0.7 + 0.5 · (1 + 1.8 − 0.7)."""
    for seed in range(50):
        agent = prepared(alpha_v=0.5, seed=seed)
        run(agent, 2)
        if agent.course.visits[0].tolist() == [[1, 0], [1, 0]]:
            assert agent.memory.v[0].tolist() == pytest.approx([0.7 + 0.5 * 2.1, 1.2])
            return
    raise AssertionError("no seed took both first actions")


def test_a_cut_episode_bootstraps_and_an_end_does_not() -> None:
    """Reward 1 for ever, cut after every step, α_V = 1/2: V → 1 + 0.9 V = 10. Taken for an end it is exactly 1."""
    right, wrong = (agent_in(NAME, [[[(1.0, 0, 1.0, ends)]]], 1, gamma=0.9, alpha_v=0.5) for ends in (False, True))
    run(right, 2000)
    run(wrong, 2000)
    assert right.memory.v[0, 0] == pytest.approx(10, abs=1e-9)
    assert wrong.memory.v[0, 0] == pytest.approx(1, abs=1e-9)


def test_nothing_is_learned_inside_an_episode() -> None:
    agent = agent_in(NAME, [[[(1.0, 0, 1.0, False)]] * 2], 5, gamma=0.9)
    for step in range(1, 11):
        before = agent.memory.theta.copy()
        agent.update(1)
        has_ended = step % 5 == 0
        assert np.isfinite(agent.signals()["trace"]()).all() == has_ended
        assert np.array_equal(before, agent.memory.theta) != has_ended
        assert (agent.signals()["eligibility"]().sum() > 0) != has_ended
    assert slots(agent)["s"] == 0


@pytest.mark.parametrize(("baseline", "discounts"), list(product([True, False], repeat=2)))
def test_the_kernel_equals_its_plain_twin(baseline: bool, discounts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    config: dict[str, Any] = {"baseline": baseline, "discounts_states": discounts, "alpha": 0.5}
    compiled, interpreted = (agent_on(NAME, "FrozenLake-v1", place=STRAIGHT, **config) for _ in range(2))
    one = compiled.update(2000)
    use_plain_twins(monkeypatch, interpreted)
    two = interpreted.update(2000)
    assert trees_equal(vars(one.episodes), vars(two.episodes)) == []
    for name in ("theta", "v"):
        assert compiled.state()[name] == pytest.approx(interpreted.state()[name], rel=1e-12, abs=1e-15)
    assert np.array_equal(compiled.state()["visits"], interpreted.state()["visits"])


def test_a_thousand_steps_are_a_thousand_times_one() -> None:
    whole, cut = (agent_on(NAME, "CliffWalking-v1", alpha=0.01) for _ in range(2))
    one, many = run(whole, 1000), run(cut, 1000, call=1)
    assert trees_equal(whole.state(), cut.state()) == []
    assert trees_equal(vars(one), vars(many)) == []


GRID = {"layout": "S.../.X../..../...G"}


@pytest.mark.parametrize(
    ("environment", "place", "optimum"), [("FrozenLake-v1", STRAIGHT, 1.0), ("gridworld", GRID, 0.76)]
)
def test_it_learns_the_shortest_way_on_small_grids(environment: str, place: dict[str, Any], optimum: float) -> None:
    for seed in range(3):
        agent = agent_on(NAME, environment, seed, place=place, alpha=0.1)
        run(agent, 100_000)
        scalars = agent.diagnostics()
        assert scalars["tabular/greedy_return"] == pytest.approx(optimum, abs=1e-3)
        assert scalars["tabular/behaviour_return"] == pytest.approx(optimum, abs=0.02)
