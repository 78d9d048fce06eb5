"""What viewers see of a running agent: history frames at fixed steps, live frames of what is being watched.

Pictures never disturb the training: their rate is bounded by a share of its time, and one that cannot be drawn is
reported once and left out.
"""

import logging
import math
from typing import Any

import numpy as np

from app.core.config import Config
from app.core.contracts import Array
from app.core.specs import Frame, PanelSpec
from app.core.text import _
from app.training.build import Built
from app.training.evaluation import states_of
from app.training.output import Output
from app.training.ports import Clock, Header
from app.training.schedule import FRAMES

FRAME_S = 0.25
AGENT_S = 0.1
SHARE = 20  # drawing may take one part in twenty of the time
MAX_WATCHED = 16
WEIGHTS_EACH_BYTES = 1 << 20
WEIGHTS_ALL_BYTES = 32 << 20

LATER = _("Appears with the next update: what the last one computed is not part of a saved state.")

log = logging.getLogger(__name__)
Watched = tuple[PanelSpec, Config, Header]


class History:
    """Keeps pictures and weights at the history steps."""

    def __init__(self, built: Built, output: Output) -> None:
        self._built, self._output = built, output
        self._panels = [panel for panel in built.panels if panel.history]
        self._at_end = [panel for panel in built.panels if panel.at_end and not panel.history]
        self.kept = 0

    def keep(self, *, is_last: bool = False, is_over: bool = False) -> None:
        """Draw every panel with its default options, and keep the weights of a network.

        Args:
            is_last: the run ends or rests here: beside the history steps, and with the weights in any case.
            is_over: its budget is used up: with the panels that are drawn at the end.
        """
        for panel in [*self._panels, *(self._at_end if is_over else [])]:
            try:
                frame = draw(panel, self._built, panel.options())
            except Exception as error:
                if panel in self._panels:
                    self._panels.remove(panel)
                self._give_up(panel, error)
            else:
                if not lacks(self._built, frame):  # else what was kept before stays
                    self._output.frame(panel.id, frame)
        self._keep_weights(is_last)
        self.kept += not is_last

    def _keep_weights(self, is_last: bool) -> None:
        weights = self._built.agent.signals().get("weights")
        if weights is None:
            return
        flat = np.asarray(weights(), np.float32)
        every = max(1, math.ceil(flat.nbytes * FRAMES / WEIGHTS_ALL_BYTES))
        if flat.nbytes <= WEIGHTS_EACH_BYTES and (is_last or self.kept % every == 0):
            self._output.weights(flat)

    def _give_up(self, panel: PanelSpec, error: Exception) -> None:
        log.exception("panel %s cannot be drawn", panel.id)
        text = _("{panel} cannot be drawn: {error}").format(panel=panel.name, error=error)
        self._output.event("warning", text, key=f"panel:{panel.id}")


class Viewer:
    """Sends live frames of the watched panels and the agent's state while anything is watched."""

    def __init__(self, built: Built, output: Output, clock: Clock) -> None:
        self._built, self._output, self._clock = built, output, clock
        self._watched: list[Watched] = []
        self._undrawable: list[PanelSpec] = []
        self._frames_at = self._agent_at = clock()
        self._shown = -1

    def watch(self, panels: list[Header]) -> None:
        """Replace what is watched and show it at once; what cannot be drawn is left out."""
        known = {panel.id: panel for panel in self._built.panels}
        self._watched = []
        for item in panels[:MAX_WATCHED]:
            panel, options = known.get(str(item.get("panel"))), dict(item.get("options") or {})
            if panel is None or panel.on_request:
                continue
            try:
                self._watched.append((panel, panel.options.parse(options, "options"), options))
            except Exception as error:
                self._refuse(panel, options, error)
        self.show()

    def tick(self) -> None:
        """Show what is due."""
        if not self._watched or self._output.step == self._shown:
            return
        now = self._clock()
        if now >= self._frames_at:
            self._show_frames(self._watched)
        if now >= self._agent_at:
            self._show_agent(now)

    def show(self) -> None:
        """Show everything watched now."""
        if self._watched:
            self._show_frames(self._watched)
            self._show_agent(self._clock())

    def show_all(self) -> None:
        """Show everything watched now, and every panel of the history with its default options: the run stays here a while."""
        self._show_frames([*self._watched, *self._plain()])
        self._show_agent(self._clock())

    def _plain(self) -> list[Watched]:
        """Return the panels that are kept in the history, with default options, which nobody watches."""
        seen = [panel for panel, _parsed, options in self._watched if not options]
        panels = [panel for panel in self._built.panels if panel.history and panel not in seen]
        return [(panel, panel.options(), {}) for panel in panels if panel not in self._undrawable]

    def _show_frames(self, wanted: list[Watched]) -> None:
        started = self._clock()
        for panel, parsed, options in list(wanted):
            header: Header = {"type": "frame", "panel": panel.id, "options": options, "step": self._output.step}
            try:
                frame = draw(panel, self._built, parsed)
            except Exception as error:
                self._watched = [item for item in self._watched if item != (panel, parsed, options)]
                if not options:
                    self._undrawable.append(panel)
                self._refuse(panel, options, error)
            else:
                arrays = {name: np.array(array, np.float32) for name, array in frame.arrays.items()}
                waits = {"waits": LATER} if lacks(self._built, frame) else {}
                self._output.sink.live({**header, "meta": {**frame.meta, **waits}}, arrays)
        now = self._clock()
        self._frames_at, self._shown = now + max(FRAME_S, SHARE * (now - started)), self._output.step

    def _show_agent(self, now: float) -> None:
        self._agent_at, self._shown = now + AGENT_S, self._output.step
        shown = agent_state(self._built)
        if shown is not None:
            states, facts = shown
            self._output.sink.live({"type": "agent", "step": self._output.step, **facts}, {"states": states})

    def _refuse(self, panel: PanelSpec, options: Header, error: Exception) -> None:
        log.warning("panel %s cannot be drawn: %s", panel.id, error)
        header: Header = {"type": "frame", "panel": panel.id, "options": options, "step": self._output.step}
        self._output.sink.live({**header, "meta": {"error": str(error)}})


def lacks(built: Built, frame: Frame) -> bool:
    """Return whether a frame is blank only because the agent was restored and has made no update since."""
    return built.lacks_update and frame.is_blank


def draw(panel: PanelSpec, built: Built, options: Any) -> Frame:
    """Return the panel's picture of the agent now."""
    return panel.compute(built.subject, options)


def agent_state(built: Built) -> tuple[Array, Header] | None:
    """Return the drawable state (1, X) of the agent's first environment and facts of its last step, where known."""
    signals = built.agent.signals()
    if "last_transition" in signals:
        last = [float(number) for number in signals["last_transition"]()]
        facts: Header = {"action": int(last[1]), "reward": last[2], "ended": bool(last[4] or last[5])}
        return np.array([[last[3]]], np.float32), facts
    visited = np.asarray(signals["visited"]()) if "visited" in signals else np.empty((0, 1))
    if not len(visited):
        return None
    is_discrete = built.environment.mdp is not None
    return states_of(visited[-1:], is_discrete=is_discrete, size=visited.shape[1]), {}
