r"""The cliff: what the policy earns along its last update, and along the plain gradient, as the step grows longer.

$$J(\theta_{old} + t\,d), \qquad t = \lVert\theta - \theta_{old}\rVert$$

A gradient knows the slope at one place only. Along it the return rises, then falls off, while the surrogate goes on promising
more; a trust region says how far to go. Every place is played with the same starts and draws. Drawn on request, by an idle worker.
E episodes, L lengths, P parameters.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config, Hyper
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.policy_learner import PolicyLearner
from app.parts.step_walk import Walk

Array = NDArray[Any]
HORIZON = 500  # env steps of an episode at most
FARTHEST, NEAREST = (
    3.0,
    1 / 300,
)  # divergence at which a line ends, in nats, and the share of that length at which it begins
TRUSTED = 0.5  # nats up to which the surrogate is drawn: beyond, its ratios are all noise
DELTA = 0.01  # bound of a trust region, where the algorithm has none of its own
SLOW_S, FEWER = 1.5, 4  # where the first place takes so long, a part of the episodes has to do
CLEAR = 3.0  # standard errors that are told from noise: the highest of a dozen places is high by chance alone
TINY = 1e-4  # nats of an update from which little can be seen: a schedule at its end
LIMIT_S = 7.0  # no further place is played after this: whoever asked waits


class CliffOptions(Config):
    """How much is played for the picture."""

    episodes: int = Hyper(24, low=2, high=64, unit=_("episodes"), help=_("Episodes at each place: raising it lowers the noise and takes longer."))  # fmt: skip
    lengths: int = Hyper(12, low=2, high=40, unit=_("lengths"), help=_("Places on each line: raising it draws finer and takes longer."))  # fmt: skip


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A learner that follows the gradient of its own policy and keeps what that was before the last update."""
    return "last_step" in algorithm.signals


@dataclass
class Way:
    """One direction (P,) of length 1, where it was drawn, and where something stops on it."""

    name: str
    direction: Array
    stops: dict[str, float]
    lengths: list[float] = field(default_factory=list)
    earned: dict[float, Array] = field(default_factory=dict)

    def plan(self, walk: Walk, count: int) -> None:
        """Choose the lengths to be played: evenly on a logarithmic axis, up to where nothing of the policy is left."""
        reach = walk.length_at(self.direction, FARTHEST)
        low = min([NEAREST * reach, *(0.5 * stop for stop in self.stops.values())])
        self.lengths = sorted({*np.geomspace(low, reach, count).tolist(), *self.stops.values()})


def compute(subject: Subject, options: CliffOptions) -> Frame:
    """Return for way i: length{i}, return{i}, low{i}, high{i}, kl{i}, gain{i} (L,), and of each stop its place."""
    agent, began, episodes = subject.agent, time.monotonic(), options.episodes
    steps = np.asarray(subject.agent.signals()["last_step"](), np.float32)
    if not len(steps) or not isinstance(agent, PolicyLearner):
        return Frame({}, {})
    horizon = min(HORIZON, subject.environment.max_episode_steps)
    walk = Walk(agent, steps[0], subject.environment, episodes=episodes, horizon=horizon)
    if time.monotonic() > began + SLOW_S and episodes > FEWER:
        walk.leave()
        episodes = max(2, episodes // FEWER)
        walk = Walk(agent, steps[0], subject.environment, episodes=episodes, horizon=horizon)
    bound = float(getattr(agent.config, "target_kl", 0.0)) or DELTA
    ways = _ways(subject, walk, steps[1].astype(np.float64) - steps[0], bound)
    for way in ways:
        way.plan(walk, options.lengths)
    is_whole = _play(walk, ways, end=began + LIMIT_S)
    arrays = {"start": walk.played.returns}
    for index, way in enumerate(ways):
        arrays |= _columns(walk, way, str(index))
    walk.leave()
    facts = {
        "episodes": episodes, "horizon": horizon, "steps": walk.steps, "bound": bound,
        "before": float(walk.played.returns.mean()),
    }  # fmt: skip
    words = [_("{episodes} episodes of at most {horizon} steps at every place, {steps} steps in all, the same starts and draws for each; the shade is one standard error of the difference.").format(**facts)]  # fmt: skip
    if not is_whole:
        words.append(_("Time was up: some places were left out."))
    if (steps[0] == steps[1]).all():
        words.append(_("The last update left the policy where it was."))
    elif walk.divergence(steps[1].astype(np.float64) - steps[0]) < TINY:
        words.append(_("The last update moved the policy by less than {tiny} nats, as at the end of a schedule: an earlier moment shows more.").format(tiny=f"{TINY:g}"))  # fmt: skip
    return Frame(
        {name: np.asarray(array, np.float32) for name, array in arrays.items()},
        {"figures": _figures(ways, facts | {"course": course_words(ways, arrays["start"])}), "words": " ".join(words)},
    )


def _ways(subject: Subject, walk: Walk, moved: Array, bound: float) -> list[Way]:
    """Return the last update, where it moved anything, the plain gradient, and the natural one."""
    name, size = subject.algorithm.name, float(np.linalg.norm(moved))
    ways = []
    if size:
        ways.append(
            Way(_("the last update"), moved / size, {_("where {algorithm} stopped").format(algorithm=name): size})
        )
    gradient = walk.gradient()
    if not np.linalg.norm(gradient):
        return ways
    ways.append(Way(_("plain gradient"), gradient / np.linalg.norm(gradient), {}))
    natural = walk.natural(gradient)
    natural /= np.linalg.norm(natural)
    stop = {_("where a trust region of {bound} nats ends").format(bound=f"{bound:g}"): walk.length_at(natural, bound)}
    return [*ways, Way(_("natural gradient"), natural, stop)]


def _play(walk: Walk, ways: list[Way], *, end: float, clock: Callable[[], float] = time.monotonic) -> bool:
    """Play every way's places until the clock shows `end`, every second one first; return whether there was time for all."""
    stops = [(way, length) for way in ways for length in way.stops.values()]
    places = stops + [(way, length) for start in (0, 1) for way in ways for length in way.lengths[start::2]]
    for way, length in places:
        if length not in way.earned and clock() <= end:
            way.earned[length] = walk.returns(length * way.direction)
    return all(length in way.earned for way, length in places)


def _columns(walk: Walk, way: Way, mark: str) -> dict[str, Array]:
    lengths = [length for length in way.lengths if length in way.earned]
    earned = np.array([way.earned[length] for length in lengths]).reshape(len(lengths), len(walk.played.returns))
    measured = np.array([(walk.divergence(length * way.direction), walk.gain(length * way.direction)) for length in lengths]).reshape(-1, 2)  # fmt: skip
    means, differences = earned.mean(axis=1), earned - walk.played.returns
    error = differences.std(axis=1, ddof=1) / np.sqrt(earned.shape[1])
    kl, gain = measured.T
    stops = [lengths.index(length) for length in way.stops.values() if length in way.earned]
    columns = {
        "length": np.array(lengths), "return": means, "low": means - error, "high": means + error,
        "kl": np.maximum(kl, 1e-9), "gain": np.where(kl <= TRUSTED, gain, np.nan),
    }  # fmt: skip
    at_stops = {f"stop_{name}": column[stops] for name, column in columns.items()}
    return {f"{name}{mark}": column for name, column in (columns | at_stops).items()}


def course_words(ways: list[Way], start: Array) -> str:
    """Return in words how the return goes along each way, from what each episode earned before the step (E,) on."""
    told = [(way.name[:1].upper() + way.name[1:], _course(way, start)) for way in ways if way.earned]
    return " ".join(_("{way}: {course}.").format(way=way, course=course) for way, course in told)


def _course(way: Way, start: Array) -> str:
    """Return what can be told from the noise, which is that of differences: the same episodes are played at every place."""
    places = [start, *(way.earned[length] for length in sorted(way.earned))]
    best, worst = (pick(range(len(places)), key=lambda at: places[at].mean()) for pick in (max, min))
    rises, falls = _is_above(places[best], start), _is_above(places[best], places[-1])
    if rises and falls:
        return _("the return rises, and then falls off")
    if rises:
        return _("the return rises, and has not fallen off at the far end")
    if falls or _is_above(start, places[worst]):
        return (
            _("the return only falls")
            if not _is_above(places[-1], places[worst])
            else _("the return falls, and rises again")
        )
    return _("nothing can be told from the noise")


def _is_above(one: Array, other: Array) -> bool:
    """Whether episodes (E,) earned more than the same episodes elsewhere, as far as their number tells."""
    difference = one - other
    return bool(difference.mean() > CLEAR * difference.std(ddof=1) / np.sqrt(len(difference)))


def _figures(ways: list[Way], facts: dict[str, Any]) -> list[dict[str, Any]]:
    length = {"label": _("length of the step, ‖θ − θ_old‖"), "log": True}
    before = [{"y": facts["before"], "label": _("before")}]
    bound = [{"y": facts["bound"], "label": _("{bound} nats").format(bound=f"{facts['bound']:g}")}]
    return [
        {
            "title": _("Return along the step"),
            "words": facts["course"],
            "x": length,
            "y": {"label": _("return (reward)")},
            "marks": _marks(ways, "length", "return", has_band=True),
            "rules": before,
        },
        {
            "title": _("Return by how much the policy changed"),
            "words": _("The same, measured by divergence: the scale on which a trust region sets its bound."),
            "x": {"label": _("mean KL from the old policy (nats)"), "log": True},
            "y": {"label": _("return (reward)")},
            "marks": _marks(ways, "kl", "return"),
            "rules": [*before, {"x": facts["bound"], "label": bound[0]["label"]}],
        },
        {
            "title": _("Divergence along the step"),
            "words": _("While the step is short, twice the length is four times the divergence."),
            "x": length,
            "y": {"label": _("mean KL (nats)"), "log": True},
            "marks": _marks(ways, "length", "kl"),
            "rules": bound,
        },
        {
            "title": _("What the surrogate promises"),
            "words": _("From the old policy's steps alone, in deviations of the advantage; drawn up to {limit} nats.").format(limit=f"{TRUSTED:g}"),
            "x": {"label": _("mean KL from the old policy (nats)"), "log": True},
            "y": {"label": _("promised gain")},
            "marks": _marks(ways, "kl", "gain"),
            "rules": [],
        },
    ]  # fmt: skip


def _marks(ways: list[Way], x: str, y: str, *, has_band: bool = False) -> list[dict[str, Any]]:
    marks: list[dict[str, Any]] = []
    for i, way in enumerate(ways):
        if has_band:
            marks.append({"kind": "band", "x": f"{x}{i}", "y": f"high{i}", "low": f"low{i}", "color": i})
        marks.append({"kind": "line", "x": f"{x}{i}", "y": f"{y}{i}", "color": i, "name": way.name})
        for name in way.stops:
            marks.append({"kind": "dots", "x": f"stop_{x}{i}", "y": f"stop_{y}{i}", "color": i, "name": name})
    return marks


SPEC = PanelSpec(
    id="cliff",
    name=_("The cliff"),
    summary=_("What the policy earns along the last update and along the plain gradient, as the step grows: where it falls off, and where the algorithm stopped. Some hundred short episodes are played by an idle worker; the training goes on untouched."),
    element="figure-request",
    version=1,
    options=CliffOptions,
    fits=fits,
    compute=compute,
    history=False,
    on_request=True,
    order=7,
)  # fmt: skip
