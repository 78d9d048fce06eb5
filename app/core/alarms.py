"""Values of a scalar beyond which it is a pathology with a name: rules of thumb, set where no healthy run was seen to go.

Explained variance has none: of a critic whose returns hardly vary any more it falls far below 0 on runs that solve their task.
"""

import math
from dataclasses import asdict, dataclass

from app.core.text import _

LARGE = 1e6  # far above any reachable return of a catalogued environment
LARGE_SQUARED = 1e9


@dataclass(frozen=True)
class Alarm:
    """A value whose size is above `above` is what `words` say."""

    above: float
    words: str

    def is_beyond(self, value: float | None) -> bool:
        """Whether a value, which may be missing, is the pathology."""
        return value is not None and math.isfinite(value) and abs(value) > self.above

    def facts(self) -> dict[str, object]:
        """Return what a curve needs to tell it."""
        return asdict(self)


DIVERGED = _("Values have diverged: lower the learning rate.")
TOO_FAR = _("As a rule of thumb, the policy moves too far in one update: lower the learning rate or the epochs.")
CLIPPED = _("As a rule of thumb, most of the update is clipped away: lower the learning rate or the epochs.")

ALARMS: dict[str, Alarm] = {
    **dict.fromkeys(("train/approx_kl", "policy/approxkl_avg"), Alarm(0.05, TOO_FAR)),
    **dict.fromkeys(("train/clip_fraction", "policy/clipfrac_avg"), Alarm(0.5, CLIPPED)),
    **{f"train/{name}": Alarm(LARGE, DIVERGED)
       for name in ("grad_norm", "actor_loss", "q_mean", "q_max", "q1_mean", "td_error_mean", "td_error_max")},
    **{f"train/{name}": Alarm(LARGE_SQUARED, DIVERGED) for name in ("loss", "value_loss", "critic_loss")},
}  # fmt: skip
