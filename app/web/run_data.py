"""What a run leaves behind, read for the API and the pages: series, frames, events, checkpoints, episodes."""

import csv
import io
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from pydantic_core import to_json

from app.core import scalars
from app.core.codecs import finite_or_null, pack_arrays
from app.core.errors import InvalidInput, Missing, Violation, shorten
from app.core.refusals import LISTED
from app.core.specs import PanelSpec
from app.core.text import _
from app.jobs.frames import DrawnFrame
from app.protocol.data import Checkpoint, Episode, EpisodeDetail, Event, EventPage, PanelFrames, RunWorlds
from app.store import checkpoints, edits, episodes, events, frames, series
from app.store import runs as run_rows
from app.store.points import Reduced
from app.web.describe import API
from app.web.etags import body_of
from app.web.kept import Body
from app.web.run_worlds import worlds_of
from app.web.services import Playground

MAX_NAMES = 100
CSV_POINTS = 1_000_000
MOST_FRAMES = 64
MOST_FRAMES_BYTES = 4 << 20


@dataclass(frozen=True)
class Window:
    """Which part of the curves: names (None: all), steps (inclusive), and how many buckets each at most."""

    names: Sequence[str] | None = None
    from_step: int | None = None
    to_step: int | None = None
    max_points: int = 1_000


def metrics(playground: Playground, run: int, window: Window) -> dict[str, Any]:
    """Return {series, cursor} as the protocol's `Metrics`, ready for JSON."""
    with playground.store.read() as connection:
        _exists(connection, run)
        cursors = series.cursors(connection, run)
        _check_names(playground, window.names, cursors)
        curves = _curves(connection, run, window)
    shown = {name: _series(curve) for name, curve in curves.items()}
    return {"series": shown, "cursor": {name: cursors[name] for name in shown if name in cursors}}


def metrics_body(playground: Playground, run: int, window: Window) -> Body:
    """Return `metrics` as bytes; they are made once for all who ask before the next points are committed."""
    version = playground.hub.curves_version(run)
    return playground.curves.get(_key(run, window), version, lambda: body_of(metrics(playground, run, window)))


def kept_metrics(playground: Playground, run: int, window: Window) -> Body | None:
    """Return `metrics_body` where it is at hand; it reads nothing and takes no time."""
    return playground.curves.find(_key(run, window), playground.hub.curves_version(run))


def _key(run: int, window: Window) -> tuple[Any, ...]:
    return run, None if window.names is None else tuple(window.names), *astuple(window)[1:]


def metrics_csv(playground: Playground, run: int, window: Window) -> Iterator[str]:
    """Yield the lines of a table: name, step, value, min, max; NaN and infinity stay words there."""
    with playground.store.read() as connection:
        _exists(connection, run)
        _check_names(playground, window.names, series.cursors(connection, run))
        curves = _curves(connection, run, window)
    yield "name,step,value,min,max\r\n"
    for name, curve in curves.items():
        text = io.StringIO()
        columns = (curve.steps, curve.values, curve.lows, curve.highs)
        csv.writer(text).writerows((name, *row) for row in zip(*(column.tolist() for column in columns), strict=True))
        yield text.getvalue()


def panels(playground: Playground, run: int) -> list[PanelFrames]:
    """Return the pictures that fit a run and the steps at which each was kept."""
    catalog = playground.catalog()
    with playground.store.read() as connection:
        row = _exists(connection, run)
        kept, weights = frames.list_(connection, run), frames.weight_steps(connection, run)
    return [
        PanelFrames(
            panel=spec.id,
            name=spec.name,
            element=spec.element,
            options_schema=spec.options.model_json_schema(),
            steps=sorted({*kept.get(spec.id, []), *weights})
            if spec.on_request
            else kept.get(spec.id) or (weights if spec.history else []),
        )
        for spec in _panels(catalog, row)
    ]


def frame(playground: Playground, run: int, panel: str, options: dict[str, Any], step: int | None) -> DrawnFrame:
    """Return one picture: now (without `step`) or the last one kept at or before a step.

    Raises:
        Missing: no such run or panel, or nothing was drawn yet.
        InvalidInput: an option is unknown or out of bounds.
    """
    catalog = playground.catalog()
    with playground.store.read() as connection:
        row = _exists(connection, run)
    spec = _fitting(catalog, row, panel)
    chosen, plain = spec.options.parse(options, "options").model_dump(), spec.options().model_dump()
    differing = {name: value for name, value in chosen.items() if value != plain[name]}
    is_watched = step is None and playground.hub.live_frame(run, panel, options) is not None
    return playground.jobs.frame(run, panel, options if is_watched else differing, step)


def past_frames(playground: Playground, run: int, panel: str, *, first: int, last: int) -> list[DrawnFrame]:
    """Return the kept pictures from one step to another (inclusive), oldest first, until they are many or large.

    Raises:
        Missing: no such run or panel.
    """
    catalog = playground.catalog()
    found: list[DrawnFrame] = []
    size_bytes = 0
    with playground.store.read() as connection:
        _fitting(catalog, _exists(connection, run), panel)
        for one in frames.between(connection, run, panel, first=first, last=last):
            found.append(DrawnFrame(panel, one.step, one.meta, one.arrays, f"{run}-{panel}-{one.step}"))
            size_bytes += sum(array.nbytes for array in one.arrays.values())
            if len(found) == MOST_FRAMES or size_bytes >= MOST_FRAMES_BYTES:
                break
    return found


def frames_bytes(shown: Iterable[DrawnFrame]) -> bytes:
    """Return pictures one after the other, each after its length as u32."""
    bodies = [frame_bytes(one) for one in shown]
    return b"".join(len(body).to_bytes(4, "little") + body for body in bodies)


def frame_json(shown: DrawnFrame) -> dict[str, Any]:
    """Return the picture as the protocol's `FrameBody`; a number that is not finite becomes null."""
    arrays = {
        name: {"shape": list(np.shape(array)), "data": numbers(np.asarray(array, np.float32).ravel())}
        for name, array in shown.arrays.items()
    }
    return {"panel": shown.panel, "step": shown.step, "meta": _plain(shown.meta), "arrays": arrays}


def frame_bytes(shown: DrawnFrame) -> bytes:
    """Return the picture as bytes: u32 length of the header, JSON header (padded to 4), little-endian float32 arrays."""
    described, body = pack_arrays({name: np.asarray(array, np.float32) for name, array in shown.arrays.items()})
    header = {"panel": shown.panel, "step": shown.step, "meta": _plain(shown.meta), "arrays": described}
    text = to_json(header)
    text += b" " * (-len(text) % 4)
    return len(text).to_bytes(4, "little") + text + body


def event_page(playground: Playground, run: int, *, after: int, limit: int) -> EventPage:
    """Return events after a number, oldest first."""
    with playground.store.read() as connection:
        _exists(connection, run)
        rows = events.list_(connection, run, after=after, limit=limit + 1)
    items = [
        Event(
            id=row["id"],
            step=row["step"],
            event=row["event"],
            text=row["text"],
            data=_plain(row["data"]),
            time=row["created"],
        )
        for row in rows[:limit]
    ]
    return EventPage(items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)


def world_list(playground: Playground, run: int) -> RunWorlds:
    """Return the worlds that a run has lived in, oldest first."""
    with playground.store.read() as connection:
        row, made = _exists(connection, run), edits.list_(connection, run)
    return worlds_of(playground.catalog().environments().get(row.environment), row, made)


def checkpoint_list(playground: Playground, run: int) -> list[Checkpoint]:
    """Return every kept saved state, oldest first."""
    with playground.store.read() as connection:
        _exists(connection, run)
        return [Checkpoint.model_validate(row) for row in checkpoints.list_(connection, run)]


def episode_list(playground: Playground, run: int) -> list[Episode]:
    """Return every recorded episode, oldest first."""
    with playground.store.read() as connection:
        _exists(connection, run)
        return [Episode.model_validate(_episode(row)) for row in episodes.list_(connection, run)]


@dataclass(frozen=True)
class Told:
    """A recorded episode: its run, its facts and arrays, and the options of the world as they were then."""

    row: run_rows.RunRow
    facts: Mapping[str, Any]
    arrays: Mapping[str, Any]
    world: Mapping[str, Any]
    spec: Any | None


def told_episode(playground: Playground, run: int, number: int) -> Told:
    """Return one recorded episode as it was stored; raises `Missing`."""
    with playground.store.read() as connection:
        row = _exists(connection, run)
        found = episodes.get(connection, run, number)
        world = dict(row.environment_config)
        if found is not None:  # an evaluation comes before what is edited at the same step
            world |= edits.changes(connection, run, edits.ENVIRONMENT, before=int(found[0]["step"]))
    if found is None:
        way_out = _("GET {address} lists them.").format(address=f"{API}/runs/{run}/episodes")
        raise Missing.one("episode", number, _("this run has no such episode"), way_out)
    return Told(row, *found, world, playground.catalog().environments().get(row.environment))


def episode(playground: Playground, run: int, number: int) -> EpisodeDetail:
    """Return one recorded episode with what happened."""
    told = told_episode(playground, run, number)
    spec, facts, arrays = told.spec, told.facts, told.arrays
    return EpisodeDetail.model_validate(
        {
            **_episode(facts),
            "states": [numbers(state) for state in np.asarray(arrays["states"], np.float64)],
            "actions": np.asarray(arrays["actions"]).tolist(),
            "rewards": numbers(np.asarray(arrays["rewards"], np.float64)),
            "drawing": spec.drawing if spec else "",
            "layout": _layout(spec, told.world, int(facts["step"])) if spec else None,
        }
    )


def numbers(array: Any) -> list[float | None]:
    """Return a flat array as a list with None where a number is not finite."""
    values: list[float | None] = array.tolist()
    if np.isfinite(array).all():
        return values
    return [value if value is not None and math.isfinite(value) else None for value in values]


def split_names(text: str | None) -> list[str] | None:
    """Return the names of a comma-separated list, None where it is absent."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if len(names) > MAX_NAMES:
        raise InvalidInput.one("names", len(names), _("at most {limit} names").format(limit=MAX_NAMES))
    return names


def _exists(connection: Any, run: int) -> run_rows.RunRow:
    row = run_rows.get(connection, run)
    if row is None:
        raise Missing.one("run", run, _("there is no such run"), _("GET /api/v1/runs lists them."))
    return row


def _panels(catalog: Any, row: run_rows.RunRow) -> list[PanelSpec]:
    """Return the panels that fit a run; none where its algorithm or environment is gone from the catalogue."""
    algorithm, environment = catalog.algorithms().get(row.algorithm), catalog.environments().get(row.environment)
    return list(catalog.panels_for(algorithm, environment)) if algorithm and environment else []


def _fitting(catalog: Any, row: run_rows.RunRow, panel: str) -> PanelSpec:
    fitting = {spec.id: spec for spec in _panels(catalog, row)}
    if panel not in fitting:
        known = ", ".join(fitting) or _("none")
        raise Missing.one("panel", panel, _("this run has no such panel"), _("Known: {names}.").format(names=known))
    return fitting[panel]


def _check_names(playground: Playground, names: Sequence[str] | None, recorded: Collection[str]) -> None:
    """Refuse names that neither this run nor any other can have; what is known may still come."""
    catalog = playground.loaded_catalog
    known = set(catalog.scalars() if catalog is not None else scalars.DICTIONARY) | set(recorded)
    unknown = [name for name in names or () if name not in known]
    if unknown:
        way_out = _("This run has: {names}.").format(names=", ".join(sorted(recorded)) or _("none yet"))
        raise InvalidInput(
            [Violation("names", shorten(name), _("there is no such series"), way_out) for name in unknown[:LISTED]]
        )


def _curves(connection: Any, run: int, window: Window) -> Mapping[str, Reduced]:
    return series.read(
        connection,
        run,
        window.names,
        from_step=window.from_step,
        to_step=window.to_step,
        max_points=window.max_points,
    )


def _series(curve: Reduced) -> dict[str, Any]:
    is_finite = bool(
        np.isfinite(curve.values).all() and np.isfinite(curve.lows).all() and np.isfinite(curve.highs).all()
    )
    return {
        "steps": curve.steps.tolist(),
        "values": numbers(curve.values),
        "min": numbers(curve.lows),
        "max": numbers(curve.highs),
        "nonfinite": not is_finite,
    }


def _episode(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "return": finite_or_null(row["return"])}


def _layout(spec: Any, environment_config: Mapping[str, Any], step: int) -> dict[str, Any] | None:
    """Return the grid of a run's environment before a step; None where it has none, or where old options no longer parse."""
    try:
        world = spec.make(spec.config.parse(dict(environment_config), "environment_config"))
    except InvalidInput:
        return None
    for at, changed in world.changes:
        world = changed if at < step else world
    layout = getattr(world.mdp, "layout", None)
    return {**layout.facts(), **layout.places()} if layout else None


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return finite_or_null(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
