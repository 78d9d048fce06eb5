"""Natural policy gradient on a table: with the exact gradient the step is the advantage, and the Fisher matrix is what it says."""

from typing import Any

import numpy as np
import pytest

from app.algorithms.tabular.natural_gradient_tabular import natural_step
from app.core.codecs import trees_equal
from app.parts.performance import advantages, discounted_visits
from app.parts.softmax import divergences, fisher, policy_gradient, softmax_policy
from app.parts.tabular import policy_evaluation
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular.tables import agent_in, agent_on, run, slots, use_plain_twins

NAME = "natural_gradient_tabular"
STRAIGHT = {"is_slippery": False}
GRID = {"layout": "S.../.X../..../...G"}


def update_of(agent: TabularAgent, steps: int) -> np.ndarray:
    """Return Δθ (S, A) of the update at the end of the running batch."""
    before = agent.memory.theta[0].copy()
    run(agent, steps)
    return np.asarray(agent.memory.theta[0] - before)


def test_the_exact_natural_step_is_the_advantage_up_to_a_constant() -> None:
    agent = agent_on(NAME, "FrozenLake-v1", gradient="exact", damping=0.0, alpha=0.5, n_steps=16, gamma=0.9)
    agent.memory.theta[0] = np.random.default_rng(0).normal(size=(16, 4))
    mdp, policy = agent.exact.mdp, softmax_policy(agent.memory.theta[0])
    change = update_of(agent, 16) / 0.5
    advantage = advantages(mdp, policy_evaluation(mdp, policy, 0.9), 0.9)
    expected = np.where(agent.exact.reachable[:, None], advantage - advantage.mean(axis=1, keepdims=True), 0.0)
    assert change == pytest.approx(expected, abs=1e-10)


def test_the_natural_step_solves_the_fisher_system() -> None:
    agent = agent_on(NAME, "FrozenLake-v1", gamma=0.9)
    mdp, policy = agent.exact.mdp, softmax_policy(np.random.default_rng(0).normal(size=(16, 4)))
    gradient, visits = policy_gradient(mdp, policy, 0.9), discounted_visits(mdp, policy, 0.9)
    step = natural_step(gradient, visits, policy, 0.0)
    assert np.einsum("sab,sb->sa", visits[:, None, None] * fisher(policy), step) == pytest.approx(gradient, abs=1e-12)
    damped = natural_step(gradient, visits, policy, 0.1)
    blocks = visits[:, None, None] * (fisher(policy) + 0.1 * np.eye(4))
    assert np.einsum("sab,sb->sa", blocks, damped) == pytest.approx(gradient, abs=1e-12)
    assert np.abs(damped).max() < np.abs(step).max()


def test_a_small_exact_step_multiplies_the_policy_and_raises_the_return() -> None:
    agent = agent_on(NAME, "FrozenLake-v1", gradient="exact", damping=0.0, alpha=0.5, n_steps=16, gamma=0.9)
    mdp = agent.exact.mdp
    returns = []
    for _ in range(15):
        returns.append(float(mdp.start @ policy_evaluation(mdp, softmax_policy(agent.memory.theta[0]), 0.9)))
        run(agent, 16)
    assert (np.diff(returns) > 0).all()


def test_the_sampled_step_is_the_hand_worked_one() -> None:
    """One state, two actions that end with 1 and 0, V = 0 kept (α_V = 0), θ = 0: π = ½ each, F = [[¼, −¼], [−¼, ¼]].

    With n₀ of 16 steps by action 0: g = (½ n₀, −½ n₀), d = 16, so F⁺ g / d = (n₀ / 16)(1, −1), as F⁺ = [[1, −1], [−1, 1]].
    """
    agent = agent_in(
        NAME, [[[(1.0, 0, 1.0, True)], [(1.0, 0, 0.0, True)]]], 10, n_steps=16, alpha_v=0.0, alpha=0.5, damping=0.0
    )  # fmt: skip
    change = update_of(agent, 16)
    share = agent.course.visits[0, 0, 0] / 16
    assert 0 < share < 1
    assert change[0] == pytest.approx([0.5 * share, -0.5 * share], rel=1e-12)
    numbers = slots(agent)
    assert abs(numbers["natural"]) == pytest.approx(share)
    assert abs(numbers["gradient"]) == pytest.approx(share * 16 / 2)


def test_the_reported_divergence_is_that_of_the_last_update() -> None:
    agent = agent_on(NAME, "FrozenLake-v1", n_steps=50, gradient="exact")
    run(agent, 450)
    before = softmax_policy(agent.memory.theta[0])
    run(agent, 50)
    visits = discounted_visits(agent.exact.mdp, before, 0.99)
    expected = divergences(before, softmax_policy(agent.memory.theta[0])) @ visits / visits.sum()
    assert agent.diagnostics()["tabular/policy_kl"] == pytest.approx(expected, rel=1e-9, abs=1e-18)


def test_the_fisher_matrices_are_those_of_the_policy() -> None:
    agent = agent_on(NAME, "FrozenLake-v1")
    run(agent, 1000)
    policy = agent.signals()["policy"]()
    matrices = agent.signals()["fisher"]()
    assert matrices.shape == (16, 4, 4)
    assert matrices[3] == pytest.approx(np.diag(policy[3]) - np.outer(policy[3], policy[3]), abs=1e-15)


def test_the_policy_changes_only_where_a_batch_is_full() -> None:
    agent = agent_on(NAME, "FrozenLake-v1", place=STRAIGHT, n_steps=16, alpha_v=0.5)
    run(agent, 3200)
    for step in range(1, 33):
        before = agent.memory.theta.copy()
        agent.update(1)
        assert np.isfinite(agent.signals()["trace"]()).all() == (step % 16 == 0)
        assert step % 16 == 0 or np.array_equal(before, agent.memory.theta)


def test_a_cut_episode_bootstraps_and_an_end_does_not() -> None:
    right, wrong = (agent_in(NAME, [[[(1.0, 0, 1.0, ends)]]], 1, gamma=0.9, alpha_v=0.5) for ends in (False, True))
    run(right, 2000)
    run(wrong, 2000)
    assert right.memory.v[0, 0] == pytest.approx(10, abs=1e-9)
    assert wrong.memory.v[0, 0] == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("gradient", ["sampled", "exact"])
def test_a_thousand_steps_are_a_thousand_times_one(gradient: str) -> None:
    whole, cut = (agent_on(NAME, "CliffWalking-v1", n_steps=100, gradient=gradient) for _ in range(2))
    one, many = run(whole, 1000), run(cut, 1000, call=1)
    assert trees_equal(whole.state(), cut.state()) == []
    assert trees_equal(vars(one), vars(many)) == []


def test_the_kernel_equals_its_plain_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted = (agent_on(NAME, "FrozenLake-v1") for _ in range(2))
    one = run(compiled, 2000)
    use_plain_twins(monkeypatch, interpreted)
    two = run(interpreted, 2000)
    assert trees_equal(vars(one), vars(two)) == []
    for name in ("theta", "v"):
        assert compiled.state()[name] == pytest.approx(interpreted.state()[name], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("gradient", ["sampled", "exact"])
@pytest.mark.parametrize(("environment", "place", "bar"), [("FrozenLake-v1", STRAIGHT, 1.0), ("gridworld", GRID, 0.76)])
def test_it_reaches_its_bar_on_small_grids(environment: str, place: dict[str, Any], bar: float, gradient: str) -> None:
    config = {"n_steps": 200} if gradient == "sampled" else {"n_steps": 500, "damping": 0.0}
    for seed in range(2):
        agent = agent_on(NAME, environment, seed, place=place, alpha=0.5, alpha_v=0.2, gradient=gradient, **config)
        run(agent, 40_000)
        scalars = agent.diagnostics()
        assert scalars["tabular/greedy_return"] >= bar - 1e-3
        assert scalars["tabular/behaviour_return"] >= bar - 0.05
