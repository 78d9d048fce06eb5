"""The catalogue finds every SPEC and preset, says what fits, and resolves requests."""

import re
from collections.abc import Iterator

import pytest

from app import catalog
from app.core.config import Config, limits_of
from app.core.errors import InvalidInput, UnknownName, Violation
from app.core.text import THIN


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


def ends_of(kind: type[Config]) -> dict[str, list[float]]:
    """Return the lowest, second lowest and highest value of each number of a configuration."""
    found: dict[str, list[float]] = {}
    for name, field in kind.model_fields.items():
        low, high, _above = limits_of(field)
        if field.annotation is int and low is not None and high is not None:
            found[name] = [int(low), int(low) + 1, int(high) - 1, int(high)]
        elif field.annotation is float and low is not None and high is not None:
            found[name] = [float(low), float(high)]
    return found


def refused_within_their_range(kind: type[Config]) -> Iterator[Violation]:
    """Yield what a configuration refuses of pairs of values that each lie in their range."""
    ends = ends_of(kind)
    for name, values in ends.items():
        for other, others in ends.items():
            for pair in ({name: value, other: end} for value in values for end in others[:: len(others) - 1]):
                try:
                    kind.parse(pair)
                except InvalidInput as error:
                    yield from error.violations


def offers(way_out: str, value: float) -> bool:
    """Return whether a way out has a range in it, and the value in that range."""
    compare = {"≥": float.__ge__, ">": float.__gt__, "≤": float.__le__, "at most": float.__le__}
    bounds = re.findall(r"(≥|>|≤|at most) (-?[0-9.e+]*[0-9])", way_out.replace(THIN, ""))
    return bool(bounds) and all(compare[sign](float(value), float(bound)) for sign, bound in bounds)


def test_a_way_out_that_offers_what_was_refused_is_known_as_one() -> None:
    assert offers("Allowed: ≥ 1 and ≤ 4\u202f096.", 128)
    assert not offers("Use at most 64, or raise buffer_size.", 128)
    assert not offers("Allowed: > 0 and ≤ 1; default 0.1.", 0)


def test_no_way_out_offers_a_range_that_holds_the_refused_value() -> None:
    refused: set[str] = set()
    algorithms = (spec.config for spec in catalog.algorithms().values())
    environments = (spec.config for spec in catalog.environments().values())
    for kind in {*algorithms, *environments}:
        for violation in refused_within_their_range(kind):
            assert violation.way_out, f"{kind.__name__}: {violation}"
            assert not offers(violation.way_out, float(violation.value)), f"{kind.__name__}: {violation}"
            refused.add(violation.where)
    assert {"config.batch_size", "config.n_steps", "config.n_episodes", "config.n_states"} <= refused


def test_what_does_not_fit_is_refused_with_what_does() -> None:
    with pytest.raises(
        InvalidInput, match=r"does not fit Pendulum-v1\. It chooses one of .* These fit: .*ppo, .*sac"
    ) as raised:
        catalog.resolve("q_learning", "Pendulum-v1")
    assert "q_learning" not in raised.value.violations[0].way_out


def test_an_environment_of_an_extra_is_near_a_name_that_is_unknown() -> None:
    with pytest.raises(UnknownName, match="Close to it: ALE-Pong-v5"):
        catalog.environment("Pong-v5")
