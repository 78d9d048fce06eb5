"""REINFORCE: returns with both ends, the gradient's mean and variance with and without a baseline, whole episodes only."""

from typing import Any

import numpy as np
import pytest
import torch

from app.algorithms.policy_based.reinforce import ReinforceAgent, ReinforceConfig, policy_loss
from app.core.codecs import trees_equal
from app.core.contracts import Problem
from app.core.errors import InvalidInput, TrainingDiverged
from tests.algorithms.doubles import ours_in_doubles
from tests.algorithms.policy_based.peers import shift
from tests.algorithms.walk import Push, Walk

SMALL = {"net_arch": "8,8", "n_envs": 3, "n_episodes": 6, "learning_rate": 0.01}
both = pytest.mark.parametrize("world", [Walk, Push])


def agent(world: type[Walk] = Walk, seed: int = 0, **changes: Any) -> ReinforceAgent:
    return ReinforceAgent(ReinforceConfig.parse(SMALL | changes), Problem(world(), seed, 10_000))


def filled(world: type[Walk] = Walk, **changes: Any) -> ReinforceAgent:
    built = agent(world, **changes)
    shift(built, 0.3)
    assert built.collect(10_000)
    return built


def returns_by_hand(built: ReinforceAgent, bootstraps: bool) -> list[float]:
    """The return of every step that counts, episode by episode and backwards, in the order of the samples."""
    record, gamma = built.record, built.config.gamma
    counts, rewards, finals = (record.column(name) for name in ("counts", "rewards", "final_values"))
    terminated, truncated = record.column("terminated"), record.column("truncated")
    found = np.zeros(counts.shape)
    for lane in range(counts.shape[1]):
        after = 0.0
        for t in reversed(range(len(counts))):
            if not counts[t, lane]:
                continue
            if terminated[t, lane]:
                after = 0.0
            elif truncated[t, lane]:
                after = finals[t, lane] if bootstraps else 0.0
            found[t, lane] = after = rewards[t, lane] + gamma * after
    return list(found[counts])


@both
@pytest.mark.parametrize("baseline", [True, False])
def test_a_truncated_episode_goes_on_with_the_baseline_and_without_one_it_cannot(
    world: type[Walk], baseline: bool
) -> None:
    built = filled(world, baseline=baseline, n_episodes=30)
    assert built.record.column("terminated").any()
    assert built.record.column("truncated").any()
    returns = built.samples().returns
    np.testing.assert_allclose(returns, returns_by_hand(built, bootstraps=baseline), rtol=1e-5)
    wrong = np.array(returns_by_hand(built, bootstraps=not baseline))
    assert np.abs(returns - wrong).max() > 0.05


def test_samples_are_the_steps_of_the_episodes_and_their_baseline() -> None:
    built = filled()
    samples = built.samples()
    assert len(samples.actions) == built.record.column("counts").sum() < built.env_steps
    np.testing.assert_allclose(samples.advantages, samples.returns - samples.values, atol=1e-6)
    np.testing.assert_allclose(samples.values, built.critic.forward(samples.observations)[:, 0], atol=1e-6)
    assert not filled(baseline=False).samples().values.any()


def test_the_whole_episode_judges_every_action_where_asked() -> None:
    built = filled(baseline=False, reward_to_go=False, n_envs=1)
    samples = built.samples()
    starts = np.flatnonzero(
        np.concatenate([[True], (built.record.column("terminated") | built.record.column("truncated"))[:-1, 0]])
    )
    of_episode = np.searchsorted(starts, np.arange(len(samples.actions)), side="right") - 1
    np.testing.assert_allclose(samples.advantages, samples.returns[starts][of_episode], rtol=1e-6)


@both
def test_the_gradient_equals_the_one_torch_finds(world: type[Walk], monkeypatch: pytest.MonkeyPatch) -> None:
    ours_in_doubles(monkeypatch)
    built = filled(world, ent_coef=0.02)
    samples = built.samples()
    numbers = built.differentiate(samples)
    ours = built.networks.stretch(0).gradient.copy()
    outputs = built.policy(torch.from_numpy(samples.observations).double())
    actions = torch.from_numpy(samples.actions)
    policy: Any = (
        torch.distributions.Independent(torch.distributions.Normal(outputs, built.networks.free.exp()), 1)
        if built.head.free
        else torch.distributions.Categorical(logits=outputs)
    )
    loss = -(policy.log_prob(actions) * torch.from_numpy(samples.advantages)).mean() - 0.02 * policy.entropy().mean()
    built.networks.backward(loss)
    assert numbers["train/loss"] == pytest.approx(loss.item(), rel=1e-9)
    np.testing.assert_allclose(ours, built.networks.stretch(0).gradient, rtol=1e-7, atol=1e-10)


def test_a_baseline_leaves_the_mean_of_the_gradient_and_lowers_its_variance() -> None:
    """Gradients of 150 independent updates under one policy; nothing follows a cut, so that both have the same returns.

    The mean of their difference is 0: its deviations from that, in standard errors, are those of normal draws, whose mean
    size is 0.8. The variance falls as the mean square of what a score is multiplied by does, where scores are unrelated.
    """
    built = agent(n_envs=8, n_episodes=8, learning_rate=0.02)
    found: dict[bool, list[np.ndarray]] = {True: [], False: []}
    squares: dict[bool, list[float]] = {True: [], False: []}
    for number in range(200):
        built.record.clear()
        assert built.collect(built.env_steps + 10_000)
        built.record._columns["final_values"] = [np.zeros(8, np.float32) for _ in built.record._columns["counts"]]
        if number < 50:
            built.fit_critic(
                built.samples(), built.critic_optimiser, random=built.shuffle_random, passes=10, batch_size=16
            )
            continue
        for baseline in (True, False):
            built.edit(built.config.edited({"baseline": baseline}))
            samples = built.samples()
            built.differentiate(samples)
            found[baseline].append(built.networks.stretch(0).gradient * len(samples.actions))
            squares[baseline].append(float(np.square(samples.advantages).sum()))
        built.edit(built.config.edited({"baseline": True}))
    with_one, without = (np.array(found[key]) for key in (True, False))
    differences = with_one - without
    errors = differences.std(axis=0) / np.sqrt(len(differences)) + 1e-9
    assert np.mean(np.abs(differences.mean(axis=0)) / errors) < 1.2
    falls_to = with_one.var(axis=0).sum() / without.var(axis=0).sum()
    assert falls_to == pytest.approx(sum(squares[True]) / sum(squares[False]), abs=0.06)
    assert falls_to < 0.85


def test_the_loss_worked_by_hand() -> None:
    """−(2 · log ½ − 1 · log ¼) / 2 = 0."""
    assert policy_loss(np.log([0.5, 0.25]), np.array([2.0, -1.0])) == pytest.approx(0.0, abs=1e-15)


def test_without_a_baseline_there_is_no_critic_to_report_on() -> None:
    critic = {"train/value_loss", "train/explained_variance"}
    with_it, without = (filled(baseline=baseline).learn().keys() for baseline in (True, False))
    assert with_it - without == critic
    assert without <= with_it


@both
def test_neither_cutting_nor_resuming_changes_a_run(world: type[Walk]) -> None:
    whole, cut, resumed = (agent(world, normalize=True) for _ in range(3))
    while whole.env_steps < 300:
        whole.update(300 - whole.env_steps)
    while cut.env_steps < 150:
        cut.update(7)
    resumed.load(cut.state())
    while resumed.env_steps < 300:
        resumed.update(min(20, 300 - resumed.env_steps))
    assert not trees_equal(whole.state(), resumed.state())


@pytest.mark.parametrize("changes", [{}, {"baseline": False, "normalize_advantage": True}, {"reward_to_go": False}])
def test_it_learns_to_walk_right(changes: dict[str, Any]) -> None:
    built = agent(learning_rate=0.02, **changes)
    while built.env_steps < 6000:
        built.update(1000)
    assert built.signals()["policy_at"](np.zeros((1, 2), np.float32))[0, 1] > 0.85


def test_a_number_that_is_not_finite_stops_the_run_before_it_harms_the_weights() -> None:
    built = filled()
    built.record.column("rewards")
    built.record._columns["rewards"][0][:] = np.inf
    before = built.networks.weights.tobytes()
    with pytest.raises(TrainingDiverged, match=r"train/loss became (nan|inf|-inf)"):
        built.learn()
    assert built.networks.weights.tobytes() == before


def test_episodes_come_in_whole_rounds() -> None:
    with pytest.raises(InvalidInput, match="must be a multiple of n_envs = 3; 9 is"):
        agent(n_episodes=7)
