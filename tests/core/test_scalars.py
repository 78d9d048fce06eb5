"""The dictionary of scalars: in which reward a curve counts."""

from app.core.scalars import DICTIONARY, NORMALISED, in_unit


def test_what_the_learner_counts_in_normalised_reward_has_that_unit() -> None:
    for name, plain, scaled in (
        ("train/advantage_std", "reward", "normalised reward"),
        ("train/value_loss", "reward²", "normalised reward²"),
    ):
        units = [DICTIONARY[name].of_run(config).unit for config in ({}, {"normalize": False}, {"normalize": True})]
        assert units == [plain, plain, scaled]


def test_what_the_environment_paid_stays_in_its_reward() -> None:
    for name in ("rollout/episode_return", "eval/mean_reward", "train/reward_std"):
        assert DICTIONARY[name].of_run({"normalize": True}).unit == "reward"
    assert in_unit("share", {"normalize": True}) == "share"


def test_every_scaled_unit_has_a_name() -> None:
    assert {scalar.unit for scalar in DICTIONARY.values() if scalar.is_scaled} <= NORMALISED.keys()
