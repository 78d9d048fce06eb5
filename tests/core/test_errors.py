"""Errors name the value, the rule and the way out, and never echo a megabyte."""

from app.core.errors import InvalidInput, TrainingDiverged, UnknownName, Violation, shorten


def test_a_violation_reads_as_a_sentence() -> None:
    violation = Violation("config.gamma", "1.2", "must be ≤ 1", "Lower it.")
    assert str(violation) == "config.gamma=1.2: must be ≤ 1. Lower it."
    assert str(Violation("x", "1", "must be 2")) == "x=1: must be 2."


def test_all_violations_are_in_the_message() -> None:
    error = InvalidInput([Violation("a", "1", "no"), Violation("b", "2", "no")])
    assert str(error) == "a=1: no. b=2: no."
    assert len(error.violations) == 2
    assert isinstance(UnknownName.one("a", 1, "no"), InvalidInput)


def test_long_values_are_shortened() -> None:
    assert shorten("x" * 1_000_000) == "x" * 79 + "…"
    assert shorten(10**5_000) == "an integer of 16610 bits"
    assert shorten("a\x00b\n") == "a�b�"
    assert shorten(0.5) == "0.5"


def test_divergence_names_scalar_and_step() -> None:
    error = TrainingDiverged("train/loss", 12, float("nan"))
    assert "train/loss became nan at step 12" in str(error)
    assert (error.scalar, error.step) == ("train/loss", 12)
