"""Rewards that a program checks."""

from app.parts.rewards_in_text import exact_and_share


def test_half_for_the_places_and_half_for_the_whole() -> None:
    assert exact_and_share("1234", "1243", True) == (0.25, 0.0)
    assert exact_and_share("1234", "1234", True) == (0.5, 0.5)
    assert exact_and_share("1234", "", True) == (0.0, 0.0)


def test_what_is_too_long_or_never_ends_is_not_exact() -> None:
    assert exact_and_share("12", "1234", True) == (0.25, 0.0)
    assert exact_and_share("12", "12", False) == (0.5, 0.0)
