"""What bandits share: true means, regret, and which environments are bandits."""

import numpy as np
import pytest

from app import catalog
from app.core.errors import InvalidInput
from app.parts.bandits import arm_means, check_bandit, count_pull, no_pulls
from tests.algorithms.tabular.tables import agent_in, agent_on

BANDITS = ("epsilon_greedy_bandit", "ucb_bandit", "gradient_bandit", "thompson_bandit")


@pytest.mark.parametrize("name", BANDITS)
def test_bandit_algorithms_fit_the_bandit_only(name: str) -> None:
    assert catalog.misfit(catalog.algorithm(name), catalog.environment("bandit")) == ""
    lake = catalog.environment("FrozenLake-v1")
    assert lake.name in catalog.misfit(catalog.algorithm(name), lake)
    with pytest.raises(InvalidInput, match="does not fit FrozenLake-v1"):
        catalog.resolve(name, "FrozenLake-v1")


def test_a_world_in_which_actions_lead_on_is_no_bandit() -> None:
    world = agent_in("q_learning", [[[(1.0, 0, 0.0, False)]]], 10)
    environment = catalog.environment("FrozenLake-v1")
    made = environment.make(environment.config.parse({}))
    with pytest.raises(InvalidInput, match="is no bandit"):
        check_bandit(world.config, made)


def test_true_means_come_from_the_table() -> None:
    agent = agent_on("ucb_bandit", "bandit", place={"n_arms": 3, "means": "0.5, -1, 2"})
    assert arm_means(agent.world.cumulative, agent.world.rewards) == pytest.approx([0.5, -1.0, 2.0], abs=1e-12)


def test_regret_is_what_the_best_arm_pays_more() -> None:
    pulls, means = no_pulls(), np.array([0.2, 1.0, 0.7])
    for arm in (0, 1, 2, 1):
        count_pull(*pulls, means, arm)
    assert pulls.regret[0] == pytest.approx(0.8 + 0.0 + 0.3 + 0.0)
    assert pulls.best_pulls[0] == 2


@pytest.mark.parametrize("name", BANDITS)
def test_regret_counts_every_pull_at_its_true_loss(name: str) -> None:
    agent = agent_on(name, "bandit", place={"n_arms": 3, "means": "0.5, -1, 2"})
    agent.update(500)
    visits, values = agent.course.visits[0, 0], agent.diagnostics()
    assert visits.sum() == 500
    assert values["bandit/regret"] == pytest.approx(visits @ np.array([1.5, 3.0, 0.0]))
    assert values["bandit/optimal_share"] == visits[2] / 500
