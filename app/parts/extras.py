"""What an environment needs beyond the base installation, and what to do where it is not there."""

from collections.abc import Callable
from importlib.util import find_spec

from app.core.text import _

Absence = tuple[str, str]  # rule, way out


def needs(module: str, extra: str) -> Callable[[], Absence | None]:
    """Return the function that says why an environment cannot be used: `module` of the extra is not installed here.

    >>> needs("json", "anything")() is None
    True
    >>> needs("no_such_module", "mujoco")()[1]
    "Install it where the playground is installed: pip install -e '.[mujoco]'."
    """

    def missing() -> Absence | None:
        if find_spec(module) is not None:
            return None
        way_out = _("Install it where the playground is installed: pip install -e '.[{extra}]'.").format(extra=extra)
        return _("needs the extra {extra}, which is not installed").format(extra=extra), way_out

    return missing
