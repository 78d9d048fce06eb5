"""Run numbers as an address of the API names them: every one is checked, and how many there may be is bounded."""

from app.core.errors import InvalidInput, shorten
from app.core.text import _
from app.protocol.base import SAFE_INTEGER

MAX_RUNS = 50


def run_numbers(text: str) -> list[int]:
    """Return the numbers of `1,2,3`.

    Raises:
        InvalidInput: a part is no number of a run, or there are too many.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) > MAX_RUNS:
        raise InvalidInput.one("runs", len(parts), _("at most {limit} runs").format(limit=MAX_RUNS))
    return [run_number("runs", part) for part in parts]


def run_number(where: str, text: str) -> int:
    """Return the number of one run.

    Raises:
        InvalidInput: it is none.
    """
    if not (text.isascii() and text.isdecimal()) or len(text) > 16 or not 1 <= int(text) <= SAFE_INTEGER:
        raise InvalidInput.one(where, shorten(text), _("must be the number of a run"))
    return int(text)
