"""The one function every word a user sees passes through, so that a second language is a table; numbers within words."""

from collections.abc import Callable
from typing import Any

THIN = "\u202f"  # between thousands, as the pages write numbers


def _same(text: str) -> str:
    return text


translate: Callable[[str], str] = _same
_ = translate


def grouped(number: float) -> str:
    """Return a number with its thousands apart where it is whole, else in six digits.

    >>> grouped(65_536).split(THIN), grouped(1e6).split(THIN), grouped(0.5)
    (['65', '536'], ['1', '000', '000'], '0.5')
    """
    is_whole = float(number).is_integer() and abs(number) < 1e15
    return f"{int(number):,}".replace(",", THIN) if is_whole else f"{number:g}"


def filled(text: str, /, **values: Any) -> str:
    """Return a text with values in the places of their names, the thousands of whole numbers apart."""
    shown = {name: grouped(value) if type(value) is int else value for name, value in values.items()}
    return text.format(**shown)
