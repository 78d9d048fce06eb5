"""What every loop of the temporal-difference family promises: neither cutting nor compiling changes a bit; ends are told apart."""

from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.codecs import trees_equal
from app.parts.batch import TabularEnvironment
from app.parts.tabular import mdp_from_outcomes
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular.tables import agent_in, agent_on, run, use_plain_twins

CONTROL = ("sarsa", "expected_sarsa", "double_q_learning", "n_step_sarsa", "sarsa_lambda")
PREDICTION = ("td0", "n_step_td", "td_lambda")
SHRINKING: dict[str, Any] = {"alpha_schedule": "visits", "alpha": 1.0}
UCB: dict[str, Any] = {"exploration": "ucb", "c": 0.3, "epsilon": 0.5}
FALLING = {"epsilon": 1.0, "epsilon_schedule": "linear", "epsilon_decay_steps": 500}
CONFIGS: tuple[tuple[str, dict[str, Any]], ...] = (
    *((name, {"epsilon": 0.3, "alpha": 0.2}) for name in CONTROL),
    *((name, {**FALLING, **SHRINKING}) for name in CONTROL),
    *((name, {**UCB, **SHRINKING}) for name in CONTROL),
    *((name, {"alpha": 0.2}) for name in PREDICTION),
    *((name, {**SHRINKING, "policy": "optimal", "policy_epsilon": 0.3}) for name in PREDICTION),
    ("n_step_sarsa", {"n_steps": 30, "epsilon": 0.5}),
    ("n_step_td", {"n_steps": 30}),
    *(
        (name, {"traces": kind, "alpha": 0.1})
        for name in ("sarsa_lambda", "td_lambda")
        for kind in ("dutch", "accumulating")
    ),
)
LOOP = [[[(1.0, 0, 1.0, False)]]]
END = [[[(1.0, 0, 1.0, True)]]]


def value_of(agent: TabularAgent) -> float:
    return float(agent.signals()["v"]()[0])


@pytest.mark.parametrize(("name", "config"), CONFIGS)
def test_a_thousand_steps_are_a_thousand_times_one(name: str, config: dict[str, Any]) -> None:
    whole, cut = agent_on(name, "FrozenLake-v1", **config), agent_on(name, "FrozenLake-v1", **config)
    one, many = run(whole, 1000), run(cut, 1000, call=1)
    assert trees_equal(whole.state(), cut.state()) == []
    assert trees_equal(vars(one), vars(many)) == []


@pytest.mark.parametrize(("name", "config"), CONFIGS)
def test_the_kernel_equals_its_plain_twin(name: str, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted = agent_on(name, "FrozenLake-v1", **config), agent_on(name, "FrozenLake-v1", **config)
    one = compiled.update(400)
    use_plain_twins(monkeypatch, interpreted)
    two = interpreted.update(400)
    assert two.steps == 400
    assert trees_equal(compiled.state(), interpreted.state()) == []
    assert trees_equal(vars(one.episodes), vars(two.episodes)) == []


@pytest.mark.parametrize("name", [*CONTROL, *PREDICTION])
def test_truncation_bootstraps_the_value(name: str) -> None:
    """Reward 1 for ever, cut after every step: 1/(1 − γ) = 10. Treating the cut as an end gives exactly 1."""
    right, wrong = (agent_in(name, world, 1, alpha=0.5, gamma=0.9) for world in (LOOP, END))
    assert not run(right, 2000).terminated.any()
    assert run(wrong, 2000).terminated.all()
    assert value_of(right) == pytest.approx(10.0, abs=1e-9)
    assert value_of(wrong) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("name", [*CONTROL, *PREDICTION])
def test_a_cut_episode_of_several_steps_bootstraps_too(name: str) -> None:
    agent = agent_in(name, LOOP, 3, alpha=0.1, gamma=0.9)
    assert run(agent, 6000).lengths.tolist() == [3] * 2000
    assert value_of(agent) == pytest.approx(10.0, abs=1e-9)


@pytest.mark.parametrize("name", [*CONTROL, *PREDICTION])
def test_a_changed_world_cuts_and_repeats_like_any_other_moment(name: str) -> None:
    """Entering a world in the middle of an episode, ground gone or not, leaves nothing that depends on how calls are cut."""
    far = [[[(1.0, 1, -1.0, False)]], [[(1.0, 2, -1.0, False)]], [[(1.0, 2, 5.0, True)]]]
    near = [[[(1.0, 1, -1.0, False)]], [[(1.0, 1, 2.0, True)]], [[(1.0, 2, 5.0, True)]]]  # state 2 is gone
    one, two = (agent_in(name, far, 100, gamma=0.9, alpha=0.3) for _ in range(2))
    for agent, call in ((one, 10**9), (two, 1)):
        run(agent, 5, call)
        assert agent.course.position[0].tolist() == [2, 2, 1, 5]
        agent.enter(TabularEnvironment("near", mdp_from_outcomes(near, np.eye(3)[0]), 100))
        assert agent.course.position[0].tolist() == [0, 0, 2, 5]
        assert run(agent, 400, call).returns.tolist() == [1.0] * 200
    assert trees_equal(one.state(), two.state()) == []
    assert one.signals()["v"]()[:2] == pytest.approx([-1 + 0.9 * 2, 2.0])


@pytest.mark.parametrize("name", CONTROL)
@pytest.mark.parametrize("epsilon", [0.0, 0.4, 1.0])
def test_greedy_share_is_one_minus_epsilon_plus_its_share(name: str, epsilon: float) -> None:
    agent = agent_in(name, [[[(1.0, 0, 0.0, False)]] * 4], 3, alpha=0.0, gamma=0.9, epsilon=epsilon)
    agent.memory.q[0, 0] = [0.0, 1.0, 2.0, 2.0]
    if name == "double_q_learning":
        agent.memory.pair[0, :, 0] = agent.memory.q[0, 0]
    run(agent, 40_000)
    shares = agent.course.visits[0, 0] / 40_000
    best = (1 - epsilon) / 2 + epsilon / 4  # two actions tie
    assert shares == pytest.approx([epsilon / 4, epsilon / 4, best, best], abs=0.01)


@pytest.mark.parametrize("name", CONTROL)
def test_upper_confidence_bounds_take_what_the_shown_behaviour_says(name: str) -> None:
    """One state, four actions, nothing learned: with the values 0, 1, 2, 2 and c = 1 worse actions are taken rarely, but for ever.

    An action that is worse by Δ is taken about ln N / Δ² times: after N = 40,000 steps 10.6 / 4 → 3 and 10.6 / 1 → 11 times.
    """
    agent = agent_in(name, [[[(1.0, 0, 0.0, False)]] * 4], 1000, alpha=0.0, gamma=0.9, **{**UCB, "c": 1.0})
    agent.memory.q[0, 0] = [0.0, 1.0, 2.0, 2.0]
    if name == "double_q_learning":
        agent.memory.pair[0, :, 0] = agent.memory.q[0, 0]
    run(agent, 4)
    assert agent.course.visits[0, 0].tolist() == [1, 1, 1, 1]
    for _ in range(300):
        likely = agent.tables().behaviour[0]
        before = agent.course.visits[0, 0].copy()
        agent.update(1)
        taken = int((agent.course.visits[0, 0] - before).argmax())
        assert likely[taken] > 0
    run(agent, 40_000)
    worst, worse, *best = agent.course.visits[0, 0].tolist()
    assert (worst, worse) == (3, pytest.approx(11, abs=1))
    assert best == pytest.approx([20_150, 20_150], abs=10)
    assert agent.diagnostics()["tabular/epsilon"] == 0.0


@pytest.mark.parametrize("name", PREDICTION)
def test_the_evaluated_policy_acts(name: str) -> None:
    agent = agent_in(
        name, [[[(1.0, 0, 0.0, True)]] * 3 + [[(1.0, 0, 1.0, True)]]], 3, gamma=0.9, policy="optimal", policy_epsilon=0.4
    )  # fmt: skip
    run(agent, 40_000)
    assert agent.course.visits[0, 0] / 40_000 == pytest.approx([0.1, 0.1, 0.1, 0.7], abs=0.01)
    assert agent.signals()["policy"]()[0] == pytest.approx([0.1, 0.1, 0.1, 0.7])
    assert agent.signals()["truth"]()[0] == pytest.approx(0.7)


@pytest.mark.parametrize("name", [*CONTROL, *PREDICTION])
def test_emits_and_signals_are_those_declared(name: str) -> None:
    spec, agent = catalog.algorithm(name), agent_on(name, "FrozenLake-v1")
    agent.update(100)
    assert set(agent.diagnostics()) == set(spec.emits)
    assert set(agent.signals()) == set(spec.signals)
