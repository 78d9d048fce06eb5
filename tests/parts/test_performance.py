"""Discounted visits and the performance difference, against sums over time and random policies."""

import numpy as np
import pytest

from app import catalog
from app.parts.performance import advantage_over, advantages, discounted_visits
from app.parts.tabular import TabularMDP, policy_evaluation, uniform_policy

WORLDS = ["FrozenLake-v1", "CliffWalking-v1", "gridworld"]


def model(environment: str) -> TabularMDP:
    mdp = catalog.build(catalog.resolve("value_iteration", environment, preset=""))[2].mdp
    assert isinstance(mdp, TabularMDP)
    return mdp


def random_policy(mdp: TabularMDP, seed: int) -> np.ndarray:
    weights = np.random.default_rng(seed).random((mdp.n_states, mdp.n_actions)) ** 3 + 1e-3
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("environment", WORLDS)
def test_the_performance_difference_identity_holds(environment: str) -> None:
    mdp = model(environment)
    for seed in range(5):
        policy, other = random_policy(mdp, 2 * seed), random_policy(mdp, 2 * seed + 1)
        v, v_other = policy_evaluation(mdp, policy, 0.9), policy_evaluation(mdp, other, 0.9)
        right = advantage_over(discounted_visits(mdp, other, 0.9), other, advantages(mdp, v, 0.9))
        assert mdp.start @ (v_other - v) == pytest.approx(right, abs=1e-10, rel=1e-10)
        wrong = advantage_over(discounted_visits(mdp, policy, 0.9), other, advantages(mdp, v, 0.9))
        assert abs(wrong - right) > 1e-6  # weighted by the visits of the old policy it is only the first order


@pytest.mark.parametrize("environment", WORLDS)
def test_the_return_is_never_below_the_surrogate_less_its_penalty(environment: str) -> None:
    """J(π′) ≥ L(π′) − C · KL^max with L the first order of J, C = 4εγ / (1 − γ)² and ε = max |A| (Schulman et al. 2015, theorem 1)."""
    mdp, gamma = model(environment), 0.9
    for seed in range(5):
        policy, aim = random_policy(mdp, 2 * seed), random_policy(mdp, 2 * seed + 1)
        v = policy_evaluation(mdp, policy, gamma)
        advantage, visits = advantages(mdp, v, gamma), discounted_visits(mdp, policy, gamma)
        epsilon, start = float(np.abs(advantage[mdp.reachable()]).max()), float(mdp.start @ v)
        for step in (0.003, 0.03, 0.3, 1.0):
            other = policy + step * (aim - policy)
            divergence = float((policy * np.log(policy / other)).sum(axis=1).max())
            surrogate = start + advantage_over(visits, other, advantage)
            penalty = 4 * epsilon * gamma / (1 - gamma) ** 2 * divergence
            assert mdp.start @ policy_evaluation(mdp, other, gamma) >= surrogate - penalty - 1e-12


def test_the_surrogate_alone_is_no_lower_bound() -> None:
    mdp, gamma, is_above = model("FrozenLake-v1"), 0.9, []
    for seed in range(10):
        policy, other = random_policy(mdp, 2 * seed), random_policy(mdp, 2 * seed + 1)
        v = policy_evaluation(mdp, policy, gamma)
        surrogate = mdp.start @ v + advantage_over(
            discounted_visits(mdp, policy, gamma), other, advantages(mdp, v, gamma)
        )
        is_above.append(surrogate > mdp.start @ policy_evaluation(mdp, other, gamma) + 1e-6)
    assert any(is_above)


@pytest.mark.parametrize("environment", WORLDS)
def test_visits_are_the_discounted_sum_over_time(environment: str) -> None:
    mdp, gamma = model(environment), 0.8
    policy = uniform_policy(mdp)
    weights = np.where(mdp.terminated, 0.0, policy[:, :, None] * mdp.probabilities)
    distribution, total = mdp.start.copy(), np.zeros(mdp.n_states)
    for t in range(200):
        total += gamma**t * distribution
        spread = np.zeros(mdp.n_states)
        np.add.at(spread, mdp.next_states, distribution[:, None, None] * weights)
        distribution = spread
    assert discounted_visits(mdp, policy, gamma) == pytest.approx(total, abs=1e-10)


def test_the_return_is_the_reward_where_the_policy_walks() -> None:
    mdp = model("FrozenLake-v1")
    policy = random_policy(mdp, 7)
    reward = (policy[:, :, None] * mdp.probabilities * mdp.rewards).sum(axis=(1, 2))
    assert discounted_visits(mdp, policy, 0.9) @ reward == pytest.approx(
        mdp.start @ policy_evaluation(mdp, policy, 0.9)
    )
    assert (policy * advantages(mdp, policy_evaluation(mdp, policy, 0.9), 0.9)).sum(axis=1) == pytest.approx(
        0, abs=1e-12
    )
