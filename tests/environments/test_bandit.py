"""Every pull is an episode, arms pay what they are said to pay, and a seed always draws the same bandit."""

import numpy as np
import pytest

from app.core.errors import InvalidInput
from app.environments.bandit import SPEC, BanditConfig, means_of, model, references
from app.parts.tabular import optimal_values, q_from_v


@pytest.mark.parametrize("kind", ["gaussian", "bernoulli"])
def test_the_action_values_are_the_means(kind: str) -> None:
    config = BanditConfig(kind=kind)
    mdp = model(config)
    q = q_from_v(mdp, optimal_values(mdp, 1.0), 1.0)[0]
    np.testing.assert_allclose(q, means_of(config), atol=1e-12)
    best, average = references(config)
    assert best.value == pytest.approx(q.max())
    assert average.value == pytest.approx(q.mean())


def test_a_gaussian_arm_has_its_spread() -> None:
    mdp = model(BanditConfig(n_arms=2, means="1, -2", spread=0.5))
    for arm, mean in enumerate((1.0, -2.0)):
        p, rewards = mdp.probabilities[0, arm], mdp.rewards[0, arm]
        assert p @ rewards == pytest.approx(mean)
        assert p @ (rewards - mean) ** 2 == pytest.approx(0.25)


def test_a_seed_draws_a_bandit() -> None:
    assert means_of(BanditConfig()) == means_of(BanditConfig())
    assert means_of(BanditConfig()) != means_of(BanditConfig(instance_seed=1))
    assert all(0 <= mean <= 1 for mean in means_of(BanditConfig(kind="bernoulli", n_arms=20)))


def test_every_pull_ends_an_episode() -> None:
    batch = SPEC.make(BanditConfig()).batch(3, 0, "environment", False)
    batch.reset()
    assert batch.step(np.array([0, 1, 2])).terminated.all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_arms": 3, "means": "1, 2"}, "names 2 means for 3 arms"),
        ({"n_arms": 2, "means": "1, x"}, "'x' is not a number"),
        ({"n_arms": 2, "means": "1, nan"}, "must be finite"),
        ({"n_arms": 2, "means": "0.5, 2", "kind": "bernoulli"}, "outside 0 to 1"),
    ],
)
def test_means_that_make_no_sense_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        BanditConfig.parse(values, "environment_config")
