"""Run numbers of an address: read, refused with their name, bounded."""

import pytest

from app.core.errors import InvalidInput
from app.web.run_numbers import MAX_RUNS, run_number, run_numbers


def test_run_numbers_are_read() -> None:
    assert run_numbers("1, 2,") == [1, 2]
    assert run_numbers("") == []
    assert run_number("runs", "7") == 7


@pytest.mark.parametrize("text", ["one", "1,-2", "0", "1.5", "9" * 17, "²"])
def test_what_is_no_run_number_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"runs.*must be the number of a run"):
        run_numbers(text)


def test_there_are_not_too_many_of_them() -> None:
    assert len(run_numbers("1," * MAX_RUNS)) == MAX_RUNS
    with pytest.raises(InvalidInput, match="at most 50 runs"):
        run_numbers("1," * (MAX_RUNS + 1))
