"""The typed Python client: the same REST API as the pages, with the local server found by itself.

from app.client import Playground

playground = Playground()
run = playground.create("q_learning", "CliffWalking-v1", config={"alpha": 0.5})
run = playground.wait(run.id)
print(playground.metrics(run.id, names=["rollout/episode_return"]))
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
from platformdirs import user_data_path
from pydantic import BaseModel

from app.core.errors import InvalidInput, Missing, PlaygroundError, Refused, Violation
from app.core.text import _, filled
from app.protocol.base import Problem
from app.protocol.data import (
    CheckpointList,
    EpisodeDetail,
    EpisodeList,
    EventPage,
    FrameBody,
    Metrics,
    RunWorlds,
    Series,
)
from app.protocol.local import TOKEN_VARIABLE, URL_VARIABLE, read_owner, read_token
from app.protocol.preferences import Label, Pair, PreferencePage, Rated
from app.protocol.runs import TERMINAL, Run, RunPage
from app.protocol.studies import Study

API = "/api/v1"
POLL_S = 0.25
Model = TypeVar("Model", bound=BaseModel)


class NoServer(PlaygroundError):
    """No server answers."""


class WaitedTooLong(PlaygroundError):
    """A run did not end in the time given."""


class Playground:
    """A connection to a server.

    Args:
        url: the server's address; None finds the one of this account by its data folder.
        token: its token; None reads RL_PLAYGROUND_TOKEN or the data folder.
        data: the data folder to look in; None is the default one.
        transport: for tests.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        data: Path | str | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        folder = (
            Path(data)
            if data
            else Path(os.environ.get("RL_PLAYGROUND_DATA") or user_data_path("rl-playground", appauthor=False))
        )
        self.url = (url or os.environ.get(URL_VARIABLE) or _find(folder)).rstrip("/")
        secret = token or os.environ.get(TOKEN_VARIABLE) or read_token(folder)
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        self._http = httpx2.Client(
            base_url=self.url, headers=headers, timeout=60.0, transport=transport, trust_env=False
        )

    def create(self, algorithm: str, environment: str, **options: Any) -> Run:
        """Start a run.

        Args:
            options: config, environment_config, seed, total_steps, name, tags, preset, as in POST /runs; and
                `idempotency_key`, with which a repeated call makes no second run.

        Raises:
            InvalidInput: with every refused value.
        """
        headers = _key_header(options.pop("idempotency_key", None))
        body = {"algorithm": algorithm, "environment": environment, **options}
        return self._model(Run, "POST", "/runs", json=body, headers=headers)

    def run(self, id: int) -> Run:
        """Return a run."""
        return self._model(Run, "GET", f"/runs/{id}")

    def runs(self, **filters: Any) -> Iterator[Run]:
        """Yield runs, newest first; `filters` as in GET /runs: state, algorithm, environment, tag, q, sort."""
        cursor: str | None = None
        while True:
            page = self._model(RunPage, "GET", "/runs", params=_given({**filters, "cursor": cursor}))
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def wait(self, id: int, *, timeout_s: float | None = None, on_change: Callable[[Run], None] | None = None) -> Run:
        """Return the run once it has ended.

        Args:
            on_change: called with the run whenever it was asked for.

        Raises:
            WaitedTooLong: after `timeout_s`.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            run = self.run(id)
            if on_change is not None:
                on_change(run)
            if run.state in TERMINAL:
                return run
            if deadline is not None and time.monotonic() >= deadline:
                raise WaitedTooLong(
                    filled(_("Run {id} is still {state} at step {step}."), id=str(id), state=run.state, step=run.step)
                )
            time.sleep(POLL_S)

    def pause(self, id: int) -> Run:
        """Pause a run at its next update."""
        return self._act(id, "pause")

    def resume(self, id: int) -> Run:
        """Let a paused run go on."""
        return self._act(id, "resume")

    def stop(self, id: int) -> Run:
        """Stop a run for good."""
        return self._act(id, "stop")

    def checkpoint(self, id: int) -> Run:
        """Save a run's state now and keep it."""
        return self._act(id, "checkpoint")

    def step(self, id: int, unit: str = "step", count: int = 1) -> Run:
        """Let a paused run go on by some steps, updates or episodes."""
        return self._act(id, "step", {"unit": unit, "count": count})

    def fork(self, id: int, **options: Any) -> Run:
        """Continue from a checkpoint as a new run; `options`: checkpoint, config, seed, total_steps, name, `algorithm` and
        `preset` for the next stage of a chain, and `idempotency_key` as for `create`."""
        headers = _key_header(options.pop("idempotency_key", None))
        return self._model(Run, "POST", f"/runs/{id}/fork", json=options, headers=headers)

    def start_study(self, recipe: str, **options: Any) -> Study:
        """Start a recipe, as in POST /studies; `options`: seeds, and `idempotency_key` as for `create`."""
        headers = _key_header(options.pop("idempotency_key", None))
        return self._model(Study, "POST", "/studies", json={"recipe": recipe, **_given(options)}, headers=headers)

    def study(self, id: int) -> Study:
        """Return a study with what its runs reached so far."""
        return self._model(Study, "GET", f"/studies/{id}")

    def stop_study(self, id: int) -> Study:
        """Stop the runs of a study, and start no further one."""
        return self._model(Study, "POST", f"/studies/{id}/stop")

    def patch(self, id: int, **changes: Any) -> Run:
        """Change name, tags, speed or live hyperparameters (`config`)."""
        return self._model(Run, "PATCH", f"/runs/{id}", json=changes)

    def delete(self, id: int) -> None:
        """Delete an ended run."""
        self._send("DELETE", f"/runs/{id}")

    def metrics(self, id: int, *, names: Sequence[str] | None = None, **window: Any) -> dict[str, Series]:
        """Return curves by scalar name; `window`: from_step, to_step, max_points."""
        listed = None if names is None else ",".join(names)
        return self._model(Metrics, "GET", f"/runs/{id}/metrics", params=_given({"names": listed, **window})).series

    def events(self, id: int) -> EventPage:
        """Return the run's log."""
        return self._model(EventPage, "GET", f"/runs/{id}/events", params={"limit": 1000})

    def worlds(self, id: int) -> RunWorlds:
        """Return the worlds that the run has lived in, and the known numbers of the return in each."""
        return self._model(RunWorlds, "GET", f"/runs/{id}/worlds")

    def checkpoints(self, id: int) -> CheckpointList:
        """Return the kept saved states."""
        return self._model(CheckpointList, "GET", f"/runs/{id}/checkpoints")

    def episodes(self, id: int) -> EpisodeList:
        """Return the recorded episodes."""
        return self._model(EpisodeList, "GET", f"/runs/{id}/episodes")

    def episode(self, id: int, number: int) -> EpisodeDetail:
        """Return one recorded episode, step by step."""
        return self._model(EpisodeDetail, "GET", f"/runs/{id}/episodes/{number}")

    def frame(self, id: int, panel: str, **options: Any) -> FrameBody:
        """Return one picture; `options`: step and what the panel lets one choose."""
        return self._model(FrameBody, "GET", f"/runs/{id}/frames/{panel}", params=_given(options))

    def pair(self, id: int, number: int | None = None) -> Pair:
        """Return two things that a run made, to be compared: those after the last label, or those of a number."""
        return self._model(Pair, "GET", f"/runs/{id}/preferences/pair", params=_given({"number": number}))

    def prefer(self, id: int, pair: Pair, choice: str, *, idempotency_key: str | None = None) -> Label:
        """Store which of two is better: left, right, or tie."""
        sides = {
            side: piece.model_dump(include={"step", "number", "start"})
            for side, piece in (("left", pair.left), ("right", pair.right))
        }
        headers = _key_header(idempotency_key)
        return self._model(Label, "POST", f"/runs/{id}/preferences", json={**sides, "choice": choice}, headers=headers)

    def simulate_preferences(self, id: int, count: int, **options: Any) -> Rated:
        """Let a simulated rater label pairs; `options`: rationality, error_share, seed, and `idempotency_key`."""
        headers = _key_header(options.pop("idempotency_key", None))
        body = {"count": count, **options}
        return self._model(Rated, "POST", f"/runs/{id}/preferences/simulated", json=body, headers=headers)

    def preferences(self, id: int, **window: Any) -> PreferencePage:
        """Return labels and the abilities that follow from all of them; `window`: cursor, limit."""
        return self._model(PreferencePage, "GET", f"/runs/{id}/preferences", params=_given(window))

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _act(self, id: int, action: str, body: Mapping[str, Any] | None = None) -> Run:
        self._send("POST", f"/runs/{id}/{action}", json=body)
        return self.run(id)

    def _model(self, model: type[Model], method: str, path: str, **options: Any) -> Model:
        return model.model_validate_json(self._send(method, path, **options).content)

    def _send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        if options.get("json") is None:
            options.pop("json", None)
        try:
            response = self._http.request(method, API + path, **options)
        except httpx2.TransportError as error:
            text = _("No server answers at {url} ({error}). Start it with `rl-playground`.")
            raise NoServer(text.format(url=self.url, error=error or type(error).__name__)) from None
        except ValueError as error:  # what JSON cannot hold, before anything is sent
            raise InvalidInput.one("body", error, _("cannot be sent as JSON"), _("Send finite numbers only.")) from None
        if response.is_error:
            raise error_of(response.status_code, response.text)
        return response


def error_of(status: int, text: str) -> PlaygroundError:
    """Return our own error for a problem the server answered with."""
    try:
        problem = Problem.model_validate(json.loads(text))
    except ValueError:
        return PlaygroundError(_("The server answered {status}.").format(status=status))
    violations = [Violation(item.where, item.value, item.rule, item.way_out) for item in problem.errors]
    kind = {404: Missing, 409: Refused}.get(status, InvalidInput)
    return kind(violations) if violations else PlaygroundError(f"{problem.title}. {problem.detail}")


def _find(folder: Path) -> str:
    owner = read_owner(folder)
    if owner is None or not owner.url:
        text = _("No server owns {folder}. Start one with `rl-playground`, or name its url.")
        raise NoServer(text.format(folder=folder))
    return owner.url


def _key_header(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key} if key else {}


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
