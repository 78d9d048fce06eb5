"""What the training loop needs of the outside: somewhere to put records, somewhere to hear commands."""

from collections.abc import Callable
from typing import Any, Protocol

from numpy.typing import NDArray

Header = dict[str, Any]
Arrays = dict[str, NDArray[Any]]
Command = dict[str, Any]
Clock = Callable[[], float]

BACKLOG_LIMIT_BYTES = 64 << 20  # records beyond this that wait to be stored pause the run


class Sink(Protocol):
    """Takes what the loop produces. The arrays of a call are never changed afterwards."""

    def record(self, kind: str, header: Header, arrays: Arrays | None = None) -> None:
        """Take a durable record; records keep their order and are never dropped."""

    def live(self, header: Header, arrays: Arrays | None = None) -> None:
        """Take something worth showing now; it may be lost."""

    def backlog_bytes(self) -> int:
        """Return how many bytes of records wait to be stored."""


class Control(Protocol):
    """Brings commands to the loop; the loop's only way to wait."""

    def poll(self, timeout_s: float) -> list[Command]:
        """Return the commands received so far, waiting at most `timeout_s` seconds for the first."""
