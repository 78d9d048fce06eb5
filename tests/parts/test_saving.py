"""What agents of networks save has fixed names, so that a checkpoint of an earlier version still loads."""

import pytest

from app import catalog
from app.core.contracts import Problem

SHARED = {"env_steps", "observations", "weights", "actions_drawn", "batch", "episodes"}
ON_POLICY = SHARED | {"normaliser", "visited", "noted", "rollout", "optimiser", "orders_drawn"}
REPLAYED = SHARED | {"target_weights", "minibatches_drawn", "replay"}
ACTORS = REPLAYED | {"actor_optimiser", "critic_optimiser"}
ENTRIES = {
    ("ppo", "CartPole-v1"): ON_POLICY,
    ("a2c", "CartPole-v1"): ON_POLICY - {"orders_drawn"},
    ("reinforce", "CartPole-v1"): ON_POLICY - {"rollout"} | {"record", "critic_optimiser"},
    ("dqn", "CartPole-v1"): REPLAYED | {"optimiser"},
    ("rainbow", "CartPole-v1"): REPLAYED | {"optimiser", "tree", "noise_drawn"},
    ("ddpg", "Pendulum-v1"): ACTORS,
    ("sac", "Pendulum-v1"): ACTORS | {"noises_drawn", "temperature", "temperature_optimiser", "ent_coef"},
}


@pytest.mark.parametrize(("algorithm", "environment"), ENTRIES)
def test_the_entries_of_a_checkpoint_keep_their_names(algorithm: str, environment: str) -> None:
    spec, world = catalog.algorithm(algorithm), catalog.environment(environment)
    agent = spec.agent(spec.config(), Problem(world.make(world.config()), 0, 1000))
    assert agent.state().keys() == ENTRIES[algorithm, environment]
