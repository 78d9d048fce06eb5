"""Times are texts that sort in the order of time."""

from datetime import UTC, datetime

from app.store.clock import as_text, utc_now


def test_a_moment_is_written_with_microseconds_even_where_they_are_zero() -> None:
    assert as_text(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05.000000Z"


def test_later_is_larger() -> None:
    assert utc_now() <= utc_now()
