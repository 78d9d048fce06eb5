"""Schedules: how a hyperparameter changes with the share of the budget that is used up."""

KINDS = ("constant", "linear")


def scheduled(value: float, kind: str, *, step: int, total_steps: int) -> float:
    """Return `value` itself (constant), or scaled by what remains of the budget (linear, reaching 0 at its end)."""
    if kind == "constant":
        return value
    return value * max(0.0, 1.0 - step / total_steps)


def linear(start: float, end: float, *, step: int, duration: float) -> float:
    """Return the point of the line from `start` (step 0) to `end` (step `duration`), and `end` after it."""
    if step >= duration:
        return end
    return start + (end - start) * step / duration
