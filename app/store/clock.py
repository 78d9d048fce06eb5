"""Wall time for display. Nothing about a run is ever decided by it: deadlines use the monotonic clock."""

from datetime import UTC, datetime


def utc_now() -> str:
    """Return the time now as ISO 8601 in UTC with microseconds; such texts sort in the order of time."""
    return as_text(datetime.now(UTC))


def as_text(moment: datetime) -> str:
    """Return a moment in UTC in the form of `utc_now`."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
