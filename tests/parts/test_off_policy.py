"""What learners of continuous actions from replayed steps share: the scale of actions, behaviour, targets, what is due."""

from typing import Any

import numpy as np
import pytest

from app.algorithms.policy_based.ddpg import DDPGAgent, DDPGConfig
from app.algorithms.policy_based.sac import SACAgent, SACConfig
from app.algorithms.policy_based.td3 import TD3Agent, TD3Config
from app.core.codecs import trees_equal
from app.core.contracts import Problem
from app.core.errors import InvalidInput
from app.parts.off_policy import OffPolicyConfig, check, joined
from tests.algorithms.policy_based.actors import SMALL, run, small
from tests.algorithms.slide import BOUNDS, EDGE, Slide

KINDS = [(DDPGAgent, DDPGConfig), (TD3Agent, TD3Config), (SACAgent, SACConfig)]
every_kind = pytest.mark.parametrize(("agent", "config"), KINDS, ids=["ddpg", "td3", "sac"])


def test_actions_are_stretched_from_minus_one_and_one_to_the_bounds() -> None:
    built = small(DDPGAgent, DDPGConfig)
    corners = np.array([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0], [0.5, -0.5]])
    np.testing.assert_allclose(built.bounded(corners), np.array([[-1, -0.5], [1, 0], [3, 0.5], [2, -0.25]]))


@every_kind
def test_the_environment_takes_what_is_remembered_stretched(agent: Any, config: Any) -> None:
    built = small(agent, config, buffer_size=1000)
    run(built, 100)
    taken = np.concatenate(built.batch.actions)
    np.testing.assert_allclose(built.bounded(built.replay.actions[: built.replay.size]), taken, atol=1e-6)
    assert built.replay.actions.dtype == np.float32
    assert ((taken >= BOUNDS[:, 0]) & (taken <= BOUNDS[:, 1])).all()


@every_kind
def test_actions_are_uniformly_random_until_learning_starts(agent: Any, config: Any) -> None:
    built = small(agent, config, learning_starts=400, buffer_size=1000)
    run(built, 400)
    actions = built.replay.actions[: built.replay.size]
    assert len(actions) == 400
    assert actions.mean(axis=0) == pytest.approx([0, 0], abs=0.1)
    assert actions.var(axis=0) == pytest.approx([1 / 3, 1 / 3], abs=0.05)
    assert built.critic_optimiser.steps == 0


def test_the_random_first_actions_are_held_also_across_a_resumption() -> None:
    whole, cut = (
        small(DDPGAgent, DDPGConfig, learning_starts=48, buffer_size=1000, hold_steps=4) for _copy in range(2)
    )
    run(whole, 48)
    held = whole.replay.actions[:48].reshape(6, 4, 2, 2)  # holds, steps of a hold, environments, numbers
    assert (held == held[:, :1]).all()
    assert len(np.unique(held[:, 0])) == 24
    run(cut, 18)  # in the middle of a hold
    resumed = small(DDPGAgent, DDPGConfig, learning_starts=48, buffer_size=1000, hold_steps=4)
    resumed.load(cut.state())
    run(resumed, 30)
    assert not trees_equal(whole.state(), resumed.state())


def test_a_transition_across_a_reset_is_never_stored() -> None:
    built = small(DDPGAgent, DDPGConfig, buffer_size=1000, learning_starts=300)
    run(built, 300)
    held = built.replay.take(np.arange(built.replay.size))
    moved = (held.next_observations - held.observations)[:, 0] * EDGE
    np.testing.assert_allclose(moved, built.bounded(held.actions).sum(axis=1), atol=1e-5)
    assert held.terminated.any()
    assert built.replay.truncated.any()
    assert not (held.terminated[:300] * built.replay.truncated[:300]).any()


@pytest.mark.parametrize(("train_freq", "due"), [(1, [22, 24, 26, 28, 30, 32, 34]), (3, [24, 30])])
def test_updates_are_due_every_few_steps_once_learning_has_started(train_freq: int, due: list[int]) -> None:
    built = small(DDPGAgent, DDPGConfig, train_freq=train_freq)
    found = []
    while built.env_steps < 34:
        if built.update(2).updates:
            found.append(built.env_steps)
    assert found == due


@every_kind
def test_targets_start_equal_and_follow_by_tau(agent: Any, config: Any) -> None:
    built = small(agent, config)
    np.testing.assert_array_equal(built.target.weights, built.followed)
    built.networks.weights += 1.0
    before = built.target.weights.copy()
    built.move_targets()
    np.testing.assert_allclose(built.target.weights, 0.9 * before + 0.1 * built.followed, rtol=1e-5, atol=1e-7)


def test_the_learning_rate_may_fall_on_a_line() -> None:
    built = small(DDPGAgent, DDPGConfig, learning_rate_schedule="linear")
    assert built.learning_rate == 0.01
    run(built, 100)
    assert built.learning_rate == pytest.approx(0.0075)


@every_kind
def test_signals_have_their_shapes_and_come_back_with_the_weights(agent: Any, config: Any) -> None:
    built, seen = small(agent, config), np.array([[0.1, 0.2], [0.3, 0.0], [0.0, 0.9]], np.float32)
    run(built, 60)
    signals = built.signals()
    assert signals["v_at"](seen).shape == (3,)
    np.testing.assert_array_equal(signals["action_at"](seen), built.act(seen, True))
    assert signals["visited"]().shape == (60, 2)
    fresh = small(agent, config, seed=5)
    others = fresh.networks.weights[len(signals["weights"]()) :].copy()
    fresh.load_weights(signals["weights"]())
    for name in ("v_at", "action_at"):
        np.testing.assert_array_equal(fresh.signals()[name](seen), signals[name](seen))
    np.testing.assert_array_equal(fresh.networks.weights[len(signals["weights"]()) :], others)
    q = built.critics[0].forward(joined(seen, built.mu(seen)))[:, 0]
    np.testing.assert_array_equal(signals["v_at"](seen), q)


def test_actions_without_bounds_are_refused_with_the_way_out() -> None:
    endless = Slide(np.array([[-1.0, 1.0], [-np.inf, np.inf]]))
    with pytest.raises(InvalidInput, match="must have a lowest and a highest value"):
        check(DDPGConfig(), endless)
    with pytest.raises(InvalidInput, match="such as PPO"):
        DDPGAgent(DDPGConfig.parse(SMALL), Problem(endless, 0, 100))
    check(DDPGConfig(), Slide())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 65}, "must be ≤ buffer_size = 64"),
        ({"net_arch": "0"}, "every hidden size must be between 1 and 1\u202f024"),
        ({"tau": 0.0}, "must be > 0"),
        ({"n_envs": 65}, "must be ≤ 64"),
    ],
)
def test_bad_combinations_are_refused_with_the_way_out(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=r"config\.") as caught:
        OffPolicyConfig.parse(SMALL | changes)
    assert message in str(caught.value)


def outcomes_of(agent: Any, config: Any, q: float, rewards: float, **changes: Any) -> np.ndarray:
    """Return Q and what followed, where every Q is `q` and every reward `rewards`."""
    built = small(agent, config, buffer_size=1000, learning_starts=300, gamma=0.5, **changes)
    run(built, 300)
    built.networks.weights[:] = 0.0
    for critic in built.critics:
        critic.parameters[-1][1].data[:] = q
    built.replay.rewards[:] = rewards
    return np.asarray(built.outcomes())


@every_kind
def test_returns_of_ended_episodes_are_held_against_the_first_critic(agent: Any, config: Any) -> None:
    """γ = ½ and 1 a step: what follows is below 2; a truncated tail of at most .2 is worth Q = 2 and makes it 2 exactly."""
    changes = {"ent_coef": 1e-9, "learn_ent_coef": False} if agent is SACAgent else {}
    pairs = outcomes_of(agent, config, 2.0, 1.0, **changes)
    assert len(pairs)
    np.testing.assert_array_equal(pairs[:, 0], 2.0)
    assert ((pairs[:, 1] <= 2.0 + 1e-5) & (pairs[:, 1] >= 1.0 - 1e-5)).all()
    assert (np.abs(pairs[:, 1] - 2.0) < 1e-5).any()


def test_entropy_counts_where_the_critics_count_it() -> None:
    """No reward, Q = 0 and zero weights: a standard Gaussian squashed, of which every later step is worth α H."""
    pairs = outcomes_of(SACAgent, SACConfig, 0.0, 0.0, ent_coef=0.5, learn_ent_coef=False)
    wide = outcomes_of(SACAgent, SACConfig, 0.0, 0.0, ent_coef=1.0, learn_ent_coef=False)
    assert np.abs(pairs[:, 1]).max() > 0.05
    np.testing.assert_allclose(wide[:, 1], 2 * pairs[:, 1], rtol=1e-5)


@every_kind
def test_looking_back_changes_nothing_of_the_training(agent: Any, config: Any) -> None:
    one, other = (small(agent, config, buffer_size=1000, learning_starts=50) for _ in range(2))
    for _turn in range(10):
        run(one, 20)
        run(other, 20)
        one.diagnostics()
    np.testing.assert_array_equal(one.networks.weights, other.networks.weights)
