"""Alarms: which numbers are a named pathology."""

from app.core.alarms import ALARMS
from app.core.scalars import DICTIONARY


def test_every_alarm_is_of_a_known_scalar_and_outside_its_healthy_range() -> None:
    for name, alarm in ALARMS.items():
        healthy = DICTIONARY[name].healthy
        assert healthy is None or healthy[1] is None or healthy[1] <= alarm.above


def test_what_has_diverged_short_of_infinity_is_named() -> None:
    for name, value in (("train/approx_kl", 4.5e9), ("train/q_max", 2.9e14), ("train/q_mean", -1e8)):
        assert ALARMS[name].is_beyond(value)
        assert "lower the learning rate" in ALARMS[name].words


def test_no_alarm_sounds_at_the_extremes_of_a_tuned_run() -> None:
    tuned = {"approx_kl": 0.0175, "clip_fraction": 0.263, "grad_norm": 22.1, "loss": 18.4, "q_max": 39.1}
    assert not [name for name, value in tuned.items() if ALARMS[f"train/{name}"].is_beyond(value)]
    assert not ALARMS["train/loss"].is_beyond(None)
