"""A process in which a person plays an episode again, or kept episodes are drawn as their simulator draws them.

`python -m app.jobs.stage NICENESS` answers the frames of `app/jobs/theatre.py` one after another. It knows worlds only, no
agent, so it is there within a second. It ends when its pipe closes, and by itself when nobody has asked for ten minutes.
Chance follows from (seed, evaluation, lane), so what is played here is the world that the agent met in that episode.
"""

import contextlib
import importlib
import io
import queue
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app import catalog
from app.core.contracts import Array, Batch, Environment
from app.core.errors import InvalidInput, Missing, Refused
from app.core.text import _
from app.jobs import wire
from app.jobs.outbox import Outbox
from app.jobs.worker import Inbox, limit_self, open_pipes, reason_of
from app.parts.gym_batch import GymEnvironment, Simulator, batch_of_lane, seed_of
from app.training.evaluation import states_of, stream_of

IDLE_S = 600.0
MOST_GAMES = 16
ABANDONED_S = 60.0  # after it, a game makes room for another
MOST_FRAMES = 64
OPEN_FILMS = 2
PATIENCE_S = 1.0  # then what is drawn is sent, and the rest is asked for again
GROUP_NICENESS = 14  # beside a busy worker on one core it then gets 4 % (50 % without, whatever its niceness)
QUALITY, EFFORT = 80, 1
Answer = tuple[dict[str, Any], dict[str, Array]]


class Game:
    """An episode of an evaluation, played by a person instead of the agent."""

    def __init__(self, environment: Environment, chance: Mapping[str, Any]) -> None:
        self._environment = environment
        seed, stream, lane = int(chance["seed"]), stream_of(int(chance["evaluation"])), int(chance["lane"])
        self._batch: Batch
        if isinstance(environment, GymEnvironment):
            self._lane, self._batch = 0, batch_of_lane(environment, seed, stream, lane=lane)
        else:
            self._lane, self._batch = lane, environment.batch(lane + 1, seed, stream, features=False)
            self._batch.reset()
        self.first = np.array(self._batch.states()[self._lane : self._lane + 1], np.float32)
        self.total, self.length, self.terminated, self.truncated = 0.0, 0, False, False
        self.used_at = 0.0

    def step(self, actions: Array) -> Array:
        """Take actions (T,) or (T, A) until the episode ends, and return the states (≤ T, X) that they led to."""
        self._check(actions)
        reached = [self.first[:0]]
        for action in actions:
            if self.terminated or self.truncated:
                break
            reached.append(self._take(action))
        return np.concatenate(reached)

    def facts(self) -> dict[str, Any]:
        """Return how far it is."""
        return {"return": self.total, "length": self.length, "terminated": self.terminated, "truncated": self.truncated}

    def _check(self, actions: Array) -> None:
        world = self._environment
        if world.action_bounds is not None:
            if actions.shape[1:] != (world.n_actions,):
                rule = _("each must be made of {count} numbers").format(count=world.n_actions)
                raise InvalidInput.one("actions", actions.tolist(), rule)
        elif actions.ndim != 1 or not np.issubdtype(actions.dtype, np.integer):
            raise InvalidInput.one("actions", actions.tolist(), _("each must be the number of an action"))
        elif ((actions < 0) | (actions >= world.n_actions)).any():
            rule = _("each must lie in 0 … {last}").format(last=world.n_actions - 1)
            raise InvalidInput.one("actions", actions.tolist(), rule)

    def _take(self, action: Array) -> Array:
        given = np.zeros((self._batch.n_envs, *action.shape), action.dtype)
        given[self._lane] = action
        step = self._batch.step(given)
        here = slice(self._lane, self._lane + 1)
        self.total += float(step.rewards[self._lane])
        self.length += 1
        self.terminated, self.truncated = bool(step.terminated[self._lane]), bool(step.truncated[self._lane])
        is_discrete = self._environment.mdp is not None
        return states_of(step.final_observations[here], is_discrete=is_discrete, size=self.first.shape[1])


class Film:
    """A simulator that plays the actions of an episode once more and is looked at after each."""

    def __init__(self, environment: GymEnvironment, chance: Mapping[str, Any], actions: Array) -> None:
        opened = partial(environment.open, render_mode="rgb_array")
        self._simulator = Simulator(opened, environment.scale)
        self._simulator.reset(
            seed_of(int(chance["seed"]), stream_of(int(chance["evaluation"])), lane=int(chance["lane"]), episode=0)
        )
        self._actions, self.at = actions, 0

    def images(self, first: int, count: int, clock: Callable[[], float] = time.monotonic) -> list[bytes]:
        """Return the pictures of the states number `first` … as WebP, fewer where these take long.

        `first` may not lie behind `at`.
        """
        found: list[bytes] = []
        patience = clock() + PATIENCE_S
        while self.at < min(first + count, len(self._actions) + 1) and not (found and clock() > patience):
            if self.at >= first:
                found.append(encoded(self._simulator.render()))
            if self.at < len(self._actions):
                self._simulator.step(self._actions[self.at])
            self.at += 1
        return found

    def close(self) -> None:
        """Free what the simulator holds."""
        self._simulator.close()


def encoded(image: Array) -> bytes:
    """Return an image (H, W, 3) uint8 as WebP."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=QUALITY, method=EFFORT)
    return buffer.getvalue()


class Stage:
    """The games and films of one process; each method answers one kind of request."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._games: dict[str, Game] = {}
        self._films: dict[str, Film] = {}

    def answer(self, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> Answer:
        """Return (facts, arrays) for a request; raises our own errors."""
        kind = str(header.get("type"))
        answers = {"begin": self._begin, "step": self._step, "end": self._end, "draw": self._draw}
        return answers[kind](header, arrays)

    def _begin(self, header: Mapping[str, Any], _arrays: Mapping[str, Array]) -> Answer:
        self._make_room()
        game = Game(world_of(header), header["chance"])
        game.used_at = self._clock()
        self._games[str(header["play"])] = game
        return game.facts(), {"states": game.first}

    def _step(self, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> Answer:
        game = self._games.get(str(header["play"]))
        if game is None:
            way_out = _("Games that rest are forgotten. Begin it again.")
            raise Missing.one("play", str(header["play"]), _("there is no such game (any more)"), way_out)
        game.used_at = self._clock()
        states = game.step(arrays["actions"])
        return game.facts(), {"states": states}

    def _end(self, header: Mapping[str, Any], _arrays: Mapping[str, Array]) -> Answer:
        self._games.pop(str(header["play"]), None)
        return {}, {}

    def _make_room(self) -> None:
        now = self._clock()
        self._games = {name: game for name, game in self._games.items() if now - game.used_at < IDLE_S}
        if len(self._games) < MOST_GAMES:
            return
        name, oldest = min(self._games.items(), key=lambda item: item[1].used_at)
        if now - oldest.used_at < ABANDONED_S:
            rule = _("at most {limit} are played at the same time").format(limit=MOST_GAMES)
            raise Refused.one("play", f"{len(self._games)} games", rule, _("Wait until one ends."))
        del self._games[name]

    def _draw(self, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> Answer:
        first, count = int(header["first"]), min(int(header["count"]), MOST_FRAMES)
        name = str(header["film"])
        film = self._films.pop(name, None)
        if film is None or film.at > first:
            environment = world_of(header)
            if not isinstance(environment, GymEnvironment):
                raise InvalidInput.one("environment", environment.id, _("is drawn by the browser from its states"))
            film = Film(environment, header["chance"], arrays["actions"])
        self._films[name] = film
        while len(self._films) > OPEN_FILMS:
            self._films.pop(next(iter(self._films))).close()
        images = film.images(first, count)
        body = np.frombuffer(b"".join(images), np.uint8)
        return {"sizes": [len(image) for image in images]}, {"images": body}


def world_of(header: Mapping[str, Any]) -> Environment:
    """Return the environment of a request, as it was before its step."""
    spec = catalog.environment(str(header["environment"]))
    world = spec.make(spec.config.parse(dict(header["environment_config"]), "environment_config"))
    for at, changed in world.changes:
        world = changed if at < int(header["step"]) else world
    return world


def reply(stage: Stage, message: wire.Message, outbox: Outbox) -> None:
    """Answer one request; what goes wrong is an answer too."""
    header: dict[str, Any] = {"type": "answer", "id": message.header["id"]}
    arrays: dict[str, Array] = {}
    try:
        facts, arrays = stage.answer(message.header, message.arrays)
        header |= facts
    except InvalidInput as error:
        header |= {"kind": type(error).__name__, "violations": [vars(item) for item in error.violations]}
    except Exception as error:
        traceback.print_exc()
        header["error"] = reason_of(error)
    outbox.send(header, arrays)


def main() -> None:
    """Answer until the pipe closes or nobody asks any more."""
    niceness = int(sys.argv[1])
    outbox, inbox = open_pipes()
    if niceness > GROUP_NICENESS:
        prepare()
        yield_as_group()
    limit_self(niceness)
    serve(Stage(), outbox, inbox)


def prepare() -> None:
    """Import what drawing needs while there is still time for it."""
    catalog.environments()
    for name in ("gymnasium.envs.box2d", "pygame", "PIL.Image"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def yield_as_group() -> None:
    """Yield to other sessions too: Linux may share processors out among sessions first, and then among their processes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(GROUP_NICENESS))


def serve(stage: Stage, outbox: Outbox, inbox: Inbox, idle_s: float = IDLE_S) -> None:
    """Answer the requests of the inbox until none came for `idle_s` seconds."""
    while True:
        try:
            message = inbox.requests.get(timeout=idle_s)
        except queue.Empty:
            return
        reply(stage, message, outbox)


if __name__ == "__main__":
    main()
