"""Episodes played by a person, and episodes drawn by their simulator: what the theatre is asked, and how keys are given out."""

import secrets
from collections.abc import Mapping
from typing import Any

import numpy as np

from app.core.codecs import finite_or_null
from app.core.contracts import Environment
from app.core.errors import InvalidInput, Missing, Refused
from app.core.specs import EnvironmentSpec
from app.core.text import _
from app.jobs.theatre import PLAY
from app.protocol.plays import Control, Play, PlaySteps, Reached
from app.web.run_data import Told, numbers, told_episode
from app.web.services import Playground
from app.web.solving import as_of

LETTERS = "123456789abcdefghijklmnopqrstuvwxyz"
PAIRS = ("aq", "sw", "de", "fr", "gt", "hy", "ju", "ki", "lo")  # lowest, highest: one above the other on many keyboards
FRAMES = 64


def begin(playground: Playground, run: int, number: int) -> Play:
    """Begin a game from the start of a recorded episode.

    Raises:
        Missing: no such run or episode, or its environment is gone from the catalogue.
        Refused: too many games at the same time.
    """
    told = told_episode(playground, run, number)
    spec, world = _world_of(told)
    name = secrets.token_urlsafe(12)
    answer = playground.theatre.ask(PLAY, {**_asked(told), "type": "begin", "play": name})
    layout = getattr(world.mdp, "layout", None)
    rest = None if world.action_bounds is None else world.action_bounds.mean(axis=1).tolist()
    return Play.model_validate(
        {
            **_reached(answer),
            "id": name,
            "drawing": spec.drawing,
            "layout": {**layout.facts(), **layout.places()} if layout else None,
            "controls": controls_of(spec, world),
            "idle": spec.keys.index("") if "" in spec.keys and world.action_bounds is None else None,
            "rest": rest,
        }
    )


def step(playground: Playground, play: str, body: PlaySteps) -> Reached:
    """Take the player's steps.

    Raises:
        Missing: no such game, or it rested too long.
        InvalidInput: an action that the environment does not have.
    """
    if not playground.theatre.is_open(PLAY):
        raise Missing.one("play", play, _("there is no such game (any more)"), _("Begin it again."))
    is_numbered = isinstance(body.actions[0], int)
    try:
        actions = np.array(body.actions, np.int64 if is_numbered else np.float64)
    except ValueError:
        rule = _("must all be made of as many numbers")
        raise InvalidInput.one("actions", body.actions, rule) from None
    answer = playground.theatre.ask(PLAY, {"type": "step", "play": play}, {"actions": actions})
    return Reached.model_validate(_reached(answer))


def end(playground: Playground, play: str) -> None:
    """End a game; one that is gone already stays gone."""
    if playground.theatre.is_open(PLAY):
        playground.theatre.ask(PLAY, {"type": "end", "play": play})


def images(playground: Playground, run: int, number: int, *, first: int, count: int) -> list[bytes]:
    """Return pictures of an episode as its simulator draws them, WebP; one for each state from number `first` on.

    Raises:
        Missing: no such run or episode.
        InvalidInput: this environment is drawn by the browser alone.
        Refused: the simulator cannot draw here.
    """
    told = told_episode(playground, run, number)
    _spec, world = _world_of(told)
    if getattr(world, "open", None) is None:
        rule = _("has no simulator that draws; the browser draws its states")
        raise Refused.one("environment", told.row.environment, rule, _("Read the episode's states instead."))
    film = f"{run}-{number}-{told.facts['step']}-{told.row.attempt}"
    return playground.theatre.images(film, _asked(told), told.arrays["actions"], first=first, count=min(count, FRAMES))


def controls_of(spec: EnvironmentSpec, world: Environment) -> list[Control]:
    """Return the keys of an environment; where it names none, digits for actions and pairs of letters for numbers."""
    names = spec.actions[: world.n_actions]
    if world.action_bounds is None:
        keys = spec.keys or tuple(LETTERS)
        return [
            Control(key=key, name=name, action=action)
            for action, (name, key) in enumerate(zip(names, keys, strict=False))
            if key
        ]
    pairs = list(zip(spec.keys[::2], spec.keys[1::2], strict=True)) or [(pair[0], pair[1]) for pair in PAIRS]
    return [
        Control(key=key, name=f"{name} {sign}", action=place, value=value)
        for place, (name, keys, bounds) in enumerate(zip(names, pairs, world.action_bounds.tolist(), strict=False))
        for key, sign, value in zip(keys, "−+", bounds, strict=True)
    ]


def _world_of(told: Told) -> tuple[EnvironmentSpec, Environment]:
    spec = told.spec
    if spec is None:
        raise Missing.one("environment", told.row.environment, _("is no longer in the catalogue"))
    made = spec.make(spec.config.parse(dict(told.world), "environment_config"))
    return spec, as_of(made, int(told.facts["step"]) - 1)


def _asked(told: Told) -> dict[str, Any]:
    """Return what a process needs to make the world of an episode, and its chance."""
    facts, row = told.facts, told.row
    chance = {"seed": row.seed, "evaluation": facts["evaluation"], "lane": facts["lane"]}
    return {
        "environment": row.environment, "environment_config": dict(told.world), "step": facts["step"], "chance": chance,
    }  # fmt: skip


def _reached(answer: Any) -> dict[str, Any]:
    facts: Mapping[str, Any] = answer.header
    states = [numbers(state) for state in np.asarray(answer.arrays["states"], np.float64)]
    kept = {name: facts[name] for name in ("length", "terminated", "truncated")}
    return {**kept, "return": finite_or_null(facts["return"]), "states": states}
