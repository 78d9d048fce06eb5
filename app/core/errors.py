"""The errors a user meets. Each names the value, the rule that refused it, and the way out."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.text import _, filled


class PlaygroundError(Exception):
    """Base of every error the playground raises on purpose; `str(error)` is the sentence shown to the user."""


@dataclass(frozen=True)
class Violation:
    """One refused value: `where` is a dotted path such as `config.gamma`."""

    where: str
    value: str
    rule: str
    way_out: str = ""

    def __str__(self) -> str:
        sentence = f"{self.where}={self.value}: {self.rule}."
        return f"{sentence} {self.way_out}" if self.way_out else sentence


class InvalidInput(PlaygroundError):
    """Input that breaks a rule; carries every violation found, not only the first."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__(" ".join(str(violation) for violation in violations))

    @classmethod
    def one(cls, where: str, value: object, rule: str, way_out: str = "") -> "InvalidInput":
        """Build the error for a single value; the value is shortened for display."""
        return cls([Violation(where, shorten(value), rule, way_out)])


class UnknownName(InvalidInput):
    """A name that is not in the catalogue."""


class Refused(InvalidInput):
    """Well-formed, but not possible in the present state of things; names that state, the rule and the way out."""


class Missing(InvalidInput):
    """A thing that does not exist (any more): a run, a checkpoint, an episode."""


class TrainingDiverged(PlaygroundError):
    """NaN or infinity in a training quantity. The run fails; its checkpoints are kept."""

    def __init__(self, scalar: str, step: int, value: float) -> None:
        self.scalar, self.step, self.value = scalar, step, value
        sentence = _(
            "{scalar} became {value} at step {step}: training diverged. Start a new run with a lower learning rate."
        )
        super().__init__(filled(sentence, scalar=scalar, value=value, step=step))


class CheckpointDamaged(PlaygroundError):
    """A checkpoint whose hashes do not match its files."""


def shorten(value: object, limit: int = 80) -> str:
    """Return `str(value)` cut to `limit` characters, so that a megabyte of input never comes back as an error."""
    if isinstance(value, int) and value.bit_length() > 4 * limit:
        return _("an integer of {bits} bits").format(bits=value.bit_length())
    text = "".join(letter if letter.isprintable() else "�" for letter in str(value)[: limit + 1])
    return text if len(text) <= limit else text[: limit - 1] + "…"
