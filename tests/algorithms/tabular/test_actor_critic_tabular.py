"""Actor-critic on a table: the hand-worked step, its mean under the true values, and a cut that bootstraps."""

from typing import Any

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.parts.softmax import policy_gradient, softmax_policy
from app.parts.tabular import Outcome, policy_evaluation
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular.tables import agent_in, agent_on, run, slots, use_plain_twins

NAME = "actor_critic_tabular"
STRAIGHT = {"is_slippery": False}
GRID = {"layout": "S.../.X../..../...G"}
TWO: list[list[list[Outcome]]] = [
    [[(1.0, 1, 1.0, False)], [(1.0, 0, 0.5, True)]],
    [[(1.0, 0, 2.0, True)], [(1.0, 0, -1.0, True)]],
]
THETA = np.array([[0.3, -0.2], [0.1, 0.6]])


def prepared(seed: int = 0, **config: Any) -> TabularAgent:
    agent = agent_in(NAME, TWO, 10, seed=seed, **{"gamma": 0.9, "alpha": 0.5, "alpha_v": 0.0, **config})
    agent.memory.theta[0] = THETA
    agent.memory.v[0] = [0.7, 0.4]
    return agent


def test_a_step_is_the_hand_worked_update() -> None:
    """From state 0, V = 0.7. Action 0: r = 1, V(1) = 0.4: δ = 1 + 0.36 − 0.7 = 0.66; action 1 ends with 0.5: δ = −0.2.

    θ(0, a) rises by 0.5 · δ · (1 − π(a)), the other falls by as much; V rises by 0.25 · δ.
    """
    seen = set()
    for seed in range(20):
        agent = prepared(seed, alpha_v=0.25)
        agent.update(1)
        action = int(agent.course.visits[0, 0].argmax())
        delta = (0.66, -0.2)[action]
        change = 0.5 * delta * (1 - softmax_policy(THETA)[0, action])
        assert agent.memory.theta[0, 0, action] == pytest.approx(THETA[0, action] + change, rel=1e-12)
        assert agent.memory.theta[0, 0].sum() == pytest.approx(THETA[0].sum(), rel=1e-12)
        assert agent.memory.v[0, 0] == pytest.approx(0.7 + 0.25 * delta, rel=1e-12)
        assert slots(agent)["delta"] == pytest.approx(delta, rel=1e-12)
        seen.add(action)
    assert seen == {0, 1}


def test_the_mean_step_under_the_true_values_is_the_gradient() -> None:
    """With V = V^π, Σ_t of the mean steps of an episode is the gradient, by enumeration of TWO's three episodes."""
    agent = prepared()
    mdp, policy = agent.exact.mdp, softmax_policy(THETA)
    v = policy_evaluation(mdp, policy, 0.9)
    total = np.zeros((2, 2))
    for state, reach in ((0, 1.0), (1, policy[0, 0])):
        for action in range(2):
            _p, next_state, reward, terminated = TWO[state][action][0]
            delta = reward + 0.9 * (0.0 if terminated else v[next_state]) - v[state]
            weight = 0.9**state  # state 1 is reached at step 1 only
            total[state] += reach * policy[state, action] * weight * delta * (np.eye(2)[action] - policy[state])
    assert total == pytest.approx(policy_gradient(mdp, policy, 0.9), abs=1e-12)


def test_sampled_steps_agree_with_the_enumerated_mean() -> None:
    """The mean of two thousand first steps from the same preferences, wrong values and all, lies within 4 standard errors of its mean."""
    updates: list[np.ndarray] = []
    policy, agent = softmax_policy(THETA)[0], prepared()
    while len(updates) < 2000:
        agent.update(1)
        if slots(agent)["s"] == 0:
            updates.append((agent.memory.theta[0, 0] - THETA[0]) / 0.5)
        agent.memory.theta[0] = THETA
    expected = policy[0] * 0.66 * (np.eye(2)[0] - policy) + policy[1] * -0.2 * (np.eye(2)[1] - policy)
    error = np.std(updates, axis=0, ddof=1) / np.sqrt(2000)
    assert (np.abs(np.mean(updates, axis=0) - expected) < 4 * error).all()


def test_the_state_weight_is_the_discount_to_the_power_of_the_step() -> None:
    agent = agent_in(NAME, [[[(1.0, 0, 1.0, False)]] * 2], 3, gamma=0.5, discounts_states=True)
    weights = []
    for _ in range(6):
        agent.update(1)
        weights.append(slots(agent)["weight"])
    assert weights == [1, 0.5, 0.25] * 2


def test_a_cut_episode_bootstraps_and_an_end_does_not() -> None:
    """Reward 1 for ever, cut after every step: V → 1/(1 − γ) = 10. Taken for an end it is exactly 1."""
    right, wrong = (agent_in(NAME, [[[(1.0, 0, 1.0, ends)]]], 1, gamma=0.9, alpha_v=0.5) for ends in (False, True))
    run(right, 2000)
    run(wrong, 2000)
    assert right.memory.v[0, 0] == pytest.approx(10, abs=1e-9)
    assert wrong.memory.v[0, 0] == pytest.approx(1, abs=1e-9)


def test_the_kernel_equals_its_plain_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted = (agent_on(NAME, "FrozenLake-v1", alpha=0.5) for _ in range(2))
    one = compiled.update(2000)
    use_plain_twins(monkeypatch, interpreted)
    two = interpreted.update(2000)
    assert trees_equal(vars(one.episodes), vars(two.episodes)) == []
    for name in ("theta", "v"):
        assert compiled.state()[name] == pytest.approx(interpreted.state()[name], rel=1e-12, abs=1e-15)


def test_a_thousand_steps_are_a_thousand_times_one() -> None:
    whole, cut = (agent_on(NAME, "CliffWalking-v1", alpha=0.01) for _ in range(2))
    one, many = run(whole, 1000), run(cut, 1000, call=1)
    assert trees_equal(whole.state(), cut.state()) == []
    assert trees_equal(vars(one), vars(many)) == []


@pytest.mark.parametrize(
    ("environment", "place", "bar"),
    [("FrozenLake-v1", STRAIGHT, 1.0), ("gridworld", GRID, 0.76), ("CliffWalking-v1", {}, -17.2)],
)
def test_it_reaches_its_bar_on_small_grids(environment: str, place: dict[str, Any], bar: float) -> None:
    """The shortest way on the lake and the grid; on the cliff a way at most four steps longer than the shortest."""
    for seed in range(3):
        agent = agent_on(NAME, environment, seed, place=place, alpha=0.1, alpha_v=0.1)
        run(agent, 100_000)
        scalars = agent.diagnostics()
        assert scalars["tabular/greedy_return"] >= bar - 1e-3
        assert scalars["tabular/behaviour_return"] >= bar - 0.02
