"""The pictures of a run's page: how each may be drawn, and where it stands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.core.specs import AlgorithmSpec, PanelSpec
from app.core.text import _
from app.protocol.runs import Run

MODES = {
    "grid-map": (
        ("v", _("Value")),
        ("q", _("Q")),
        ("visits", _("Visits")),
        ("error", _("Error")),
        ("behaviour", _("Behaviour")),
    ),
    "plane-map": (("values", _("Value")), ("action", _("Policy"))),
}
# of each kind the first stands beside the curves, the others below them
DECK = {
    "figure-set": "figures",
    "figure-request": "figures",
    "gae-stack": "figures",
    "kl-frontier": "figures",
    "text-table": "texts",
    "group-advantages": "texts",
    "attention-map": "texts",
}
FIGURES = {element for element, kind in DECK.items() if kind == "figures"}
MODE_SIGNALS = {"behaviour": {"behaviour"}, "visits": {"visits", "visited"}}  # a way of drawing needs one of these


@dataclass(frozen=True)
class Picture:
    """One panel of the stage and its ways of drawing; `is_kept` where one was drawn when the run ended."""

    panel: str
    name: str
    summary: str
    element: str
    modes: tuple[tuple[str, str], ...]
    is_kept: bool = False


def pictures(panels: Sequence[PanelSpec], algorithm: AlgorithmSpec | None, run: Run) -> list[Picture]:
    """Return what the page of a run shows of panels."""
    return [
        Picture(spec.id, spec.name, spec.summary, spec.element, _modes(spec, algorithm), _is_kept(spec, run))
        for spec in panels
    ]


def deck(pictures: Iterable[Picture]) -> list[Picture]:
    """Return the pictures that stand below the curves, where they are wide."""
    found, kinds = [], set()
    for picture in pictures:
        kind = DECK.get(picture.element)
        if kind in kinds:
            found.append(picture)
        elif kind is not None:
            kinds.add(kind)
    return found


def _modes(panel: PanelSpec, algorithm: AlgorithmSpec | None) -> tuple[tuple[str, str], ...]:
    modes = MODES.get(panel.element, (("", panel.name),))
    signals = set(algorithm.signals) if algorithm is not None else set()
    hidden = {name for name, sources in MODE_SIGNALS.items() if not sources & signals}
    return tuple(mode for mode in modes if mode[0] not in hidden)


def _is_kept(panel: PanelSpec, run: Run) -> bool:
    return panel.at_end and run.state == "finished"
