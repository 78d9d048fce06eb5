"""Drawing a panel from stored weights: the agent is rebuilt from its recipe, given the weights, and asked."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from app import catalog
from app.core.contracts import Array
from app.core.errors import InvalidInput
from app.core.specs import Frame, Subject
from app.core.text import _
from app.training.checkpoints import read_checkpoint

NOT_KEPT = _("Nothing of it was kept for this moment: what an update computes is not part of the stored weights.")


@runtime_checkable
class TakesWeights(Protocol):
    """An agent whose networks can be set from one flat vector."""

    def load_weights(self, flat: Array) -> None:
        """Replace all parameters by `flat` (P,)."""


def frame(request: Mapping[str, Any], weights: Array) -> Frame:
    """Return one frame.

    Args:
        request: {recipe, panel, options}, and `origin`, the checkpoint of an earlier stage that the run started from.
        weights: all parameters of the agent (P,) float32.

    Raises:
        InvalidInput: the agent keeps no weights, or an option is out of bounds.
        CheckpointDamaged: the checkpoint of the earlier stage cannot be read.
    """
    recipe, origin = catalog.Recipe(**request["recipe"]), request.get("origin")
    source = read_checkpoint(Path(origin))[0]["agent"] if origin else None
    algorithm, environment_spec, environment, agent = catalog.build(recipe, source)
    if not isinstance(agent, TakesWeights):
        rule = _("{algorithm} keeps no weights to draw from").format(algorithm=recipe.algorithm)
        raise InvalidInput.one("panel", request["panel"], rule)
    agent.load_weights(weights)
    panel = catalog.panel(request["panel"])
    options = panel.options.parse(dict(request.get("options") or {}), "options")
    drawn = panel.compute(Subject(agent, algorithm, environment_spec, environment), options)
    return replace(drawn, meta={**drawn.meta, "waits": NOT_KEPT}) if drawn.is_blank else drawn
