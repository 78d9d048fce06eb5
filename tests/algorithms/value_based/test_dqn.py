"""DQN: its equations, its resumption, and the same numbers as Stable-Baselines3 on a shared minibatch."""

from typing import Any

import numpy as np
import pytest
import torch

from app.algorithms.value_based.dqn import DQNAgent, DQNConfig, huber_gradient, huber_loss, td_targets
from app.core.codecs import trees_equal
from app.core.contracts import Problem
from app.core.errors import InvalidInput, TrainingDiverged
from app.core.scalars import DICTIONARY
from tests.algorithms.doubles import batch_in_doubles, ours_in_doubles, theirs_in_doubles
from tests.algorithms.walk import Walk

SMALL = {
    "n_envs": 2, "learning_starts": 20, "buffer_size": 64, "batch_size": 8, "train_freq": 3, "gradient_steps": 2,
    "target_update_interval": 10, "net_arch": "8,8", "learning_rate": 0.01, "exploration_fraction": 0.5,
}  # fmt: skip


def agent(seed: int = 0, **changes: Any) -> DQNAgent:
    return DQNAgent(DQNConfig.parse(SMALL | changes), Problem(Walk(), seed, 400))


def run(built: DQNAgent, steps: int, cut: int = 1000) -> list[float]:
    returns: list[float] = []
    end = built.env_steps + steps
    while built.env_steps < end:
        returns += built.update(min(cut, end - built.env_steps)).episodes.returns.tolist()
    return returns


@pytest.mark.parametrize("tau", [1.0, 0.05])
def test_the_result_does_not_depend_on_how_steps_are_cut(tau: float) -> None:
    whole, cut = agent(tau=tau), agent(tau=tau)
    assert run(whole, 200) == run(cut, 200, cut=2)
    assert not trees_equal(whole.state(), cut.state())


@pytest.mark.parametrize("steps_before", [16, 60, 150])
def test_resumed_equals_uninterrupted(steps_before: int) -> None:
    one, other = agent(), agent()
    run(one, steps_before)
    other.load(one.state())
    assert run(one, 100) == run(other, 100)
    assert not trees_equal(one.state(), other.state())


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    first, second, third = agent(1), agent(1), agent(2)
    for built in (first, second, third):
        run(built, 100)
    assert not trees_equal(first.state(), second.state())
    assert "weights" in trees_equal(first.state(), third.state())


def test_targets_bootstrap_unless_terminated() -> None:
    """r + γ max Q = 1 + .9 · 5 = 5.5, and 1 after a termination; a truncation counts as the first."""
    next_q = np.array([[5.0, 2.0], [5.0, 2.0]])
    targets = td_targets(np.ones(2), np.array([0.0, 1.0]), next_q, 0.9)
    np.testing.assert_allclose(targets, [5.5, 1.0])


def test_values_of_an_endless_task_are_found_in_spite_of_its_time_limit() -> None:
    """With γ = .5 and reward 1 to the right, V(0) = 1 + .5 + .25 where the edge ends it after three steps."""
    built = agent(gamma=0.5, learning_rate=0.01, buffer_size=400, gradient_steps=10, exploration_final_eps=1.0)
    run(built, 400)
    early = np.array([[0.0, 0.0]], np.float32)
    assert built.signals()["v_at"](early)[0] == pytest.approx(1.75, abs=0.15)


@pytest.mark.parametrize("bound", [1.0, 0.4, 1e9])
def test_the_huber_gradient_equals_torch(bound: float) -> None:
    q = torch.tensor([[0.5, 9.0], [1.0, -3.0], [0.2, 0.1]], dtype=torch.float64, requires_grad=True)
    actions, targets = np.array([0, 1, 1]), np.array([0.1, 2.0, 0.3])
    taken = q.gather(1, torch.from_numpy(actions)[:, None])[:, 0]
    loss = torch.nn.functional.huber_loss(taken, torch.from_numpy(targets), delta=bound)
    loss.backward()
    errors = taken.detach().numpy() - targets
    assert q.grad is not None
    assert huber_loss(errors, bound) == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(huber_gradient(errors, actions, 2, bound), q.grad.numpy(), rtol=1e-12)


def test_epsilon_falls_on_its_line_after_random_first_steps() -> None:
    built = agent(learning_starts=0)
    seen = {step: setattr(built, "env_steps", step) or built.epsilon for step in (0, 100, 200, 400)}
    assert seen == {0: 1.0, 100: pytest.approx(0.525), 200: pytest.approx(0.05), 400: pytest.approx(0.05)}
    assert agent(learning_starts=50, exploration_initial_eps=0.0, exploration_final_eps=0.0).epsilon == 1.0


def test_exploration_follows_epsilon() -> None:
    """At ε = 0 every action is greedy, at ε = 1 the two actions are equally likely."""
    greedy = agent(learning_starts=0, exploration_initial_eps=0.0, exploration_final_eps=0.0, train_freq=10_000)
    run(greedy, 200)
    transitions = greedy.replay
    expected = greedy.q_network.forward(transitions.observations[: transitions.size]).argmax(axis=1)
    np.testing.assert_array_equal(transitions.actions[: transitions.size], expected)
    uniform = agent(learning_starts=0, exploration_final_eps=1.0, buffer_size=4000, train_freq=10_000)
    run(uniform, 4000)
    assert uniform.replay.actions.mean() == pytest.approx(0.5, abs=0.05)


def test_a_hard_update_copies_and_a_soft_one_moves_by_tau() -> None:
    hard, soft = agent(tau=1.0), agent(tau=0.25)
    for built in (hard, soft):
        built.online.weights += 1.0
        built.move_target()
    np.testing.assert_allclose(hard.target.weights, hard.online.weights)
    np.testing.assert_allclose(soft.online.weights - soft.target.weights, 0.75, rtol=1e-5)


def test_the_target_network_waits_for_its_interval() -> None:
    built = agent(target_update_interval=100)
    start = built.target.weights.copy()
    run(built, 98)
    assert built.target.weights.tobytes() == start.tobytes()
    run(built, 2)
    assert built.target.weights.tobytes() != start.tobytes()


def test_learning_waits_for_its_start_and_its_frequency() -> None:
    built = agent()
    reports = [built.update(2) for _ in range(20)]
    assert [index for index, report in enumerate(reports, 1) if report.updates] == [12, 15, 18]


def test_the_buffer_holds_only_termination_and_never_crosses_a_reset() -> None:
    built = agent(exploration_final_eps=1.0, buffer_size=400)
    run(built, 200)
    replay = built.replay
    before, after = (x[: replay.size] for x in (replay.observations, replay.next_observations))
    np.testing.assert_allclose(after[:, 1] - before[:, 1], 0.2, atol=1e-6)
    at_edge = np.abs(after[:, 0]) > 0.99
    np.testing.assert_array_equal(replay.terminated[: replay.size] == 1, at_edge)
    assert ((after[:, 1] > 0.99) & ~at_edge).any()


def test_without_a_target_network_the_target_comes_from_the_network_itself() -> None:
    own, other = agent(use_target_network=False, tau=0.5), agent(tau=0.5)
    for built in (own, other):
        built.q_network.parameters[-1][1].data[:] = 100.0
        rows = np.arange(4)
        remembered = built.replay
        remembered.added, remembered.rewards[:4] = 4, 0.0
        numbers = built.differentiate(remembered.take(rows))
        expected = 100.0 if built is other else 1.0
        assert numbers["train/td_error_mean"] == pytest.approx(expected, abs=1.5)


def test_without_replay_a_minibatch_is_the_newest_transitions_in_their_order() -> None:
    built = agent(use_replay=False, batch_size=4, gradient_steps=1)
    seen = []
    differentiate = built.differentiate
    built.differentiate = lambda batch: seen.append(batch) or differentiate(batch)
    run(built, 40)
    np.testing.assert_array_equal(seen[-1].next_observations, built.replay.next_observations[32:36])
    assert built.replay_random.counter == 0


def test_a_number_that_is_not_finite_stops_the_run_before_it_harms_the_weights() -> None:
    built = agent()
    run(built, 40)
    before = built.online.weights.copy()
    built.replay.rewards[:] = np.inf
    with pytest.raises(TrainingDiverged, match="train/loss became"):
        built.learn()
    assert built.online.weights.tobytes() == before.tobytes()


def test_every_scalar_is_in_the_dictionary() -> None:
    built = agent()
    run(built, 40)
    scalars = built.learn()
    assert scalars.keys() <= DICTIONARY.keys()
    assert all(np.isfinite(value) for value in scalars.values())


def test_signals_have_their_shapes() -> None:
    built, observations = agent(), np.zeros((5, 2), np.float32)
    run(built, 40)
    signals = built.signals()
    assert signals["q_at"](observations).shape == (5, 2)
    np.testing.assert_array_equal(signals["v_at"](observations), signals["q_at"](observations).max(axis=1))
    assert signals["visited"]().shape == (40, 2)
    fresh = agent(seed=5)
    fresh.load_weights(signals["weights"]())
    np.testing.assert_array_equal(fresh.signals()["q_at"](observations), signals["q_at"](observations))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 65}, "must be ≤ buffer_size = 64"),
        ({"n_envs": 65}, "must be ≤ 64"),
        ({"net_arch": ""}, "pattern"),
        ({"buffer_size": 10**9}, "must be ≤ 1\u202f000\u202f000"),
        ({"gamma": 1.5}, "must be ≤ 1"),
        ({"tau": 0.0}, "must be > 0"),
    ],
)
def test_bad_combinations_are_refused_with_the_way_out(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=r"config\.") as caught:
        DQNConfig.parse(SMALL | changes)
    assert message in str(caught.value)


def test_loss_and_gradient_equal_those_of_stable_baselines3_on_a_shared_minibatch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import gymnasium
    from stable_baselines3 import DQN
    from stable_baselines3.common.buffers import ReplayBufferSamples
    from stable_baselines3.common.logger import Logger

    class Space(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Box(-10, 10, (2,))
        action_space = gymnasium.spaces.Discrete(2)

    ours_in_doubles(monkeypatch)
    built = agent(tau=0.5)
    run(built, 150)
    built.config = built.config.edited({"max_grad_norm": 1e6})
    theirs = DQN(
        "MlpPolicy", Space(), device="cpu", buffer_size=10, policy_kwargs={"net_arch": [8, 8]}, max_grad_norm=1e6
    )
    theirs.set_logger(Logger(None, []))
    theirs_in_doubles(theirs.policy)
    linears = []
    for ours, network in ((built.q_network, theirs.q_net), (built.target_network, theirs.q_net_target)):
        layers = [module for module in network.q_net if isinstance(module, torch.nn.Linear)]
        linears.append(list(zip(ours.parameters, layers, strict=True)))
        with torch.no_grad():
            for (weight, bias), module in linears[-1]:
                module.weight.copy_(weight)
                module.bias.copy_(bias)
    batch = batch_in_doubles(built.replay.sample(32, built.replay_random))
    columns = [torch.from_numpy(x) for x in (batch.observations, batch.actions, batch.next_observations)]
    shared = ReplayBufferSamples(
        columns[0], columns[1][:, None], columns[2],
        torch.from_numpy(batch.terminated)[:, None], torch.from_numpy(batch.rewards)[:, None],
    )  # fmt: skip
    theirs.replay_buffer.sample = lambda *_args, **_kwargs: shared
    theirs.train(gradient_steps=1, batch_size=32)
    numbers = built.differentiate(batch)
    assert numbers["train/loss"] == pytest.approx(theirs.logger.name_to_value["train/loss"], rel=1e-6)
    for (weight, bias), module in linears[0]:
        torch.testing.assert_close(weight.grad, module.weight.grad, rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(bias.grad, module.bias.grad, rtol=1e-6, atol=1e-9)
