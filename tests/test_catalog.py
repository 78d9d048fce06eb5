"""The catalogue finds every SPEC and preset, says what fits, and resolves requests."""

import pytest

from app import catalog
from app.core.errors import InvalidInput, UnknownName


def test_finds_the_shipped_algorithms_environments_and_panels() -> None:
    assert {"value_iteration", "q_learning", "dqn", "ppo"} <= catalog.algorithms().keys()
    assert {
        "FrozenLake-v1",
        "CliffWalking-v1",
        "gridworld",
        "CartPole-v1",
        "MountainCar-v0",
    } <= catalog.environments().keys()
    assert {"grid_values", "plane_values", "agent"} <= catalog.panels().keys()


def test_every_preset_and_smoke_task_resolves() -> None:
    catalog.check()


def test_unknown_names_come_back_with_the_nearest_known_one() -> None:
    with pytest.raises(UnknownName, match="q_learning"):
        catalog.algorithm("q_lerning")
    with pytest.raises(UnknownName, match="CartPole-v1"):
        catalog.environment("cartpole")


def test_a_planner_does_not_fit_an_environment_without_a_model() -> None:
    assert "exact model" in catalog.misfit(catalog.algorithm("value_iteration"), catalog.environment("CartPole-v1"))
    assert "continuous state" in catalog.misfit(catalog.algorithm("q_learning"), catalog.environment("CartPole-v1"))
    assert catalog.misfit(catalog.algorithm("ppo"), catalog.environment("FrozenLake-v1")) == ""
    with pytest.raises(InvalidInput, match="does not fit CartPole-v1"):
        catalog.resolve("q_learning", "CartPole-v1")


def test_the_tuned_preset_is_the_base_and_config_overlays_it() -> None:
    tuned = catalog.presets_for("ppo", "CartPole-v1")["tuned"]
    recipe = catalog.resolve("ppo", "CartPole-v1", config={"gamma": 0.5})
    assert recipe.preset == "tuned"
    assert recipe.total_steps == tuned.total_steps
    assert recipe.config == {**recipe.config, **tuned.config, "gamma": 0.5}


def test_an_empty_preset_name_means_the_defaults() -> None:
    recipe = catalog.resolve("ppo", "CartPole-v1", preset="")
    assert recipe.preset is None
    assert recipe.config == catalog.algorithm("ppo").config().model_dump(mode="json")


def test_every_violation_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        catalog.resolve("q_learning", "FrozenLake-v1", config={"alpha": 2, "nonsense": 1}, seed=-1, total_steps=0)
    named = {violation.where for violation in caught.value.violations}
    assert named == {"config.alpha", "config.nonsense", "seed", "total_steps"}


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="tuned"):
        catalog.resolve("ppo", "CartPole-v1", preset="magic")


def test_panels_follow_what_the_run_has() -> None:
    def ids(algorithm: str, environment: str) -> list[str]:
        return [spec.id for spec in catalog.panels_for(catalog.algorithm(algorithm), catalog.environment(environment))]

    assert ids("q_learning", "FrozenLake-v1") == ["grid_values", "agent", "truth", "evaluation", "inspector"]
    assert ids("dqn", "FrozenLake-v1") == ["grid_values", "agent", "evaluation", "minibatch", "critic_truth"]
    on_policy = ["evaluation", "minibatch", "passes", "advantages", "slices", "critic_truth", "cliff"]
    assert ids("ppo", "CartPole-v1") == ["plane_values", "agent", *on_policy]
    assert not {"agent", "evaluation"} & set(ids("sft", "sort_digits")), "there is no agent to watch, but text"
    assert ids("sac", "Pendulum-v1") == [
        "plane_values",
        "agent",
        "evaluation",
        "minibatch",
        "slices",
        "critic_truth",
        "replay",
    ]
