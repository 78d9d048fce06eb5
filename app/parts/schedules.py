"""Schedules: how a hyperparameter changes with the share of the budget that is used up."""

KINDS = ("constant", "linear")


def scheduled(value: float, kind: str, progress: float) -> float:
    """Return `value` itself (constant), or scaled by what remains (linear); `progress` is the share of the budget used."""
    return value if kind == "constant" else value * max(0.0, 1.0 - progress)


def linear(start: float, end: float, *, step: int, duration: float) -> float:
    """Return the point of the line from `start` (step 0) to `end` (step `duration`), and `end` after it."""
    if step >= duration:
        return end
    return start + (end - start) * step / duration
