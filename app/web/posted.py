"""What a form posts, as text by name; files are refused by ignoring them."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

MAX_FIELDS = 1_000


async def posted(request: Request) -> dict[str, str]:
    """Return the form's fields; of a name that is there twice, the last."""
    async with request.form(max_files=0, max_fields=MAX_FIELDS) as form:
        return {name: value for name, value in form.multi_items() if isinstance(value, str)}


async def chosen(request: Request) -> list[int]:
    """Return the run numbers of a form's ticked boxes."""
    async with request.form(max_files=0, max_fields=MAX_FIELDS) as form:
        return numbers(",".join(str(value) for value in form.getlist("runs")))


def numbers(text: str) -> list[int]:
    """Return the run numbers of `1,2,3`, each once; what is no number is left out."""
    parts = (part.strip() for part in text.split(","))
    found = [int(part) for part in parts if part.isascii() and part.isdecimal() and len(part) < 16]
    return list(dict.fromkeys(found))


Form = Annotated[dict[str, str], Depends(posted)]
Chosen = Annotated[list[int], Depends(chosen)]
