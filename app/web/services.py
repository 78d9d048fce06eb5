"""The functions behind both the API and the pages: what a user can do with runs.

Each takes and gives models of the protocol, checks everything first, and raises our own errors; nothing here knows HTTP.
"""

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from types import ModuleType
from typing import Any, Literal, Protocol

from app.core.codecs import content_hash
from app.core.errors import InvalidInput, Missing, Refused
from app.core.text import _, filled
from app.jobs import lineage
from app.jobs.frames import DrawnFrame
from app.jobs.hub import Hub
from app.jobs.provenance import provenance
from app.jobs.theatre import Theatre
from app.protocol.runs import Accepted, EditAnswer, ForkRequest, Run, RunCreate, RunPage, RunPatch, StepRequest
from app.settings import Settings
from app.store import checkpoints, listing
from app.store import runs as run_rows
from app.store.database import Store
from app.store.disk import free_bytes
from app.store.runs import RunNew, RunRow
from app.web import ahead, failing, forking
from app.web.describe import run_links, run_model
from app.web.etags import check_if_match
from app.web.identity import Identity
from app.web.kept import KeptBodies
from app.web.problems import ProblemError

logger = logging.getLogger(__name__)
Action = Literal["pause", "resume", "stop", "checkpoint"]
CATALOG_WAIT_S = 60.0
RECIPE = ("algorithm", "environment", "config", "environment_config", "seed", "total_steps")


class Jobs(Protocol):
    """What the web asks of the supervisor; every method is thread-safe and quick."""

    def start(self) -> None: ...
    def depart(self) -> None: ...
    def close(self) -> None: ...
    def submit(self, run: int) -> None: ...
    def pause(self, run: int) -> None: ...
    def resume(self, run: int) -> None: ...
    def stop(self, run: int) -> None: ...
    def checkpoint(self, run: int) -> None: ...
    def step(self, run: int, unit: str, count: int) -> None: ...
    def set_speed(self, run: int, value: float | None) -> None: ...
    def edit(self, run: int, config: dict[str, Any], kind: str = "config") -> Mapping[str, Any]: ...
    def watch(self, run: int, viewer: str, panels: list[dict[str, Any]]) -> None: ...
    def unwatch(self, viewer: str) -> None: ...
    def frame(self, run: int, panel: str, options: dict[str, Any], step: int | None) -> DrawnFrame: ...


@dataclass(frozen=True)
class RunQuery:
    """Which runs, in which order."""

    state: str | None = None
    algorithm: str | None = None
    environment: str | None = None
    tag: str | None = None
    q: str | None = None
    sort: str = listing.DEFAULT_SORT

    def given(self) -> dict[str, str]:
        """Return the parameters that were named, for the address of the next page."""
        return {name: str(value) for name, value in asdict(self).items() if value is not None}

    def filter(self) -> listing.RunFilter:
        """Return the same as the store asks for it."""
        state = () if self.state is None else (self.state,)
        return listing.RunFilter(
            state=state,
            algorithm=self.algorithm,
            environment=self.environment,
            tag=self.tag,
            q=self.q or "",
            sort=self.sort,
        )


class Playground:
    """One data folder with its store, workers and viewers.

    Args:
        load_catalog: imports the catalogue, and torch with it; called once in the background.
    """

    def __init__(  # house: parameters: the parts that the command line wires together
        self,
        settings: Settings,
        *,
        store: Store,
        hub: Hub,
        jobs: Jobs,
        identity: Identity,
        load_catalog: Callable[[], ModuleType],
    ) -> None:
        self.settings, self.store, self.hub, self.jobs = settings, store, hub, jobs
        self.identity = identity
        self.curves = KeptBodies()
        self.theatre = Theatre(store.folder, settings.worker_memory_mb)
        self.viewers = 0  # open event streams; changed in the event loop only
        self._load_catalog = load_catalog
        self._is_started = False
        self._catalog: ModuleType | None = None
        self._catalog_error: BaseException | None = None
        self._catalog_ready = threading.Event()

    def start(self) -> None:
        """Begin to load the catalogue, and let the queue run; a second call does nothing."""
        if not self._is_started:
            self._is_started = True
            threading.Thread(target=self._load, name="catalogue", daemon=True).start()
            self.jobs.start()

    def close(self) -> None:
        """End the workers and close the store."""
        self.theatre.close()
        self.jobs.close()
        self.store.close()

    @property
    def loaded_catalog(self) -> ModuleType | None:
        """Return `app.catalog` where it is there already: for pages that must not wait for it."""
        return self._catalog

    def catalog(self) -> ModuleType:
        """Return `app.catalog`, waiting for its first import."""
        if not self._catalog_ready.wait(CATALOG_WAIT_S):
            raise ProblemError("busy", _("The algorithms are still loading; try again in a moment."))
        if self._catalog is None:
            raise RuntimeError("the catalogue could not be loaded") from self._catalog_error
        return self._catalog

    def _load(self) -> None:
        try:
            catalog = self._load_catalog()
            catalog.algorithms()
            catalog.environments()
            self._catalog = catalog
        except BaseException as error:
            logger.exception("the catalogue could not be loaded")
            self._catalog_error = error
        finally:
            self._catalog_ready.set()
        if self._catalog is not None:
            ahead.prepare(self._catalog)

    def create_run(self, body: RunCreate, *, key: str | None = None) -> Run:
        """Queue a new run; with a key that was used before, return the run it made.

        Raises:
            InvalidInput: with every refused value.
        """
        mark = content_hash(body.model_dump(mode="json"))
        recalled = self._recalled(key, mark)
        if recalled is not None:
            return self.run(recalled)
        catalog = self.catalog()
        recipe = catalog.resolve(
            body.algorithm,
            body.environment,
            config=body.config,
            environment_config=body.environment_config,
            preset=body.preset,
            total_steps=body.total_steps,
            seed=body.seed,
        ).as_dict()
        tags = tuple(dict.fromkeys(body.tags))
        return self._queue(
            RunNew(**recipe, name=body.name, tags=tags, speed=body.speed, **self.origin_of(recipe)), key, mark
        )

    def fork(self, id: int, body: ForkRequest, *, key: str | None = None) -> Run:
        """Queue a run that continues from a checkpoint of another; a key as for `create_run`."""
        mark = content_hash({"fork": id, **body.model_dump(mode="json")})
        recalled = self._recalled(key, mark)
        if recalled is not None:
            return self.run(recalled)
        catalog = self.catalog()
        with self.store.read() as connection:
            new = forking.new_run(self.store, connection, catalog, parent=id, body=body)
        return self._queue(replace(new, **self.origin_of(vars(new))), key, mark)

    def run(self, id: int) -> Run:
        """Return a run; raises `Missing`."""
        with self.store.read() as connection:
            row = run_rows.get(connection, id)
            position = run_rows.queue_position(connection, id) if row and row.state == "queued" else None
            found = existing(row, id)
            reason = failing.told(connection, found)
        return run_model(found, position).model_copy(update={"reason": reason})

    def runs(self, query: RunQuery, *, limit: int = 50, cursor: str | None = None) -> RunPage:
        """Return one page of runs."""
        with self.store.read() as connection:
            rows, next_cursor = listing.page(connection, query.filter(), limit, cursor)
            waiting = run_rows.queued(connection) if any(row.state == "queued" for row in rows) else []
        places = {run: place for place, run in enumerate(waiting, start=1)}
        return RunPage(items=[run_model(row, places.get(row.id)) for row in rows], next_cursor=next_cursor)

    def patch_run(self, id: int, body: RunPatch, *, if_match: str | None = None) -> Run:
        """Change name, tags, speed, live hyperparameters or the world; all of it is checked before any of it is done."""
        run = self.run(id)
        check_if_match(if_match, run)
        given = body.model_fields_set
        is_edit = body.config is not None or body.environment_config is not None
        if body.config is not None and body.environment_config is not None:
            rule = _("cannot change together with config, because each takes effect at a step of its own")
            raise InvalidInput.one("environment_config", "…", rule, _("Send two requests."))
        if run.state in run_rows.TERMINAL and (is_edit or "speed" in given):
            raise Refused.one(
                "state", run.state, _("an ended run never changes"), _("Fork it to go on with other values.")
            )
        answer: EditAnswer | None = None
        if body.config is not None:
            self.catalog()
            answer = EditAnswer.model_validate(self.jobs.edit(id, body.config))
        if body.environment_config is not None:
            self.catalog()
            answer = EditAnswer.model_validate(self.jobs.edit(id, body.environment_config, "environment"))
        if "speed" in given:
            self.jobs.set_speed(id, body.speed)
        if body.name is not None or body.tags is not None:
            tags = None if body.tags is None else tuple(dict.fromkeys(body.tags))
            self.store.writer.do(lambda connection: run_rows.patch(connection, id, name=body.name, tags=tags))
        return self.run(id).model_copy(update={"edit": answer})

    def delete_run(self, id: int) -> None:
        """Remove an ended run with its files."""
        run = self.run(id)
        if not self.store.writer.do(lambda connection: run_rows.delete(connection, id)):
            raise Refused.one("state", run.state, _("only an ended run can be deleted"), _("Stop it first."))
        shutil.rmtree(self.store.run_folder(id), ignore_errors=True)

    def delete_checkpoint(self, id: int, checkpoint: str) -> None:
        """Remove a saved state with its files; the last one stays while the run could resume from it."""
        run = self.run(id)

        def work(connection: Any) -> None:
            last = checkpoints.last(connection, id)
            if checkpoints.get(connection, id, checkpoint) is None or last is None:
                raise Missing.one("checkpoint", checkpoint, _("this run has no such checkpoint"))
            if last["id"] == checkpoint and run.state not in run_rows.TERMINAL:
                raise Refused.one("checkpoint", checkpoint, _("the run would resume from it"), _("Stop the run first."))
            checkpoints.remove(connection, id, [checkpoint])

        self.store.writer.do(work)
        shutil.rmtree(self.store.run_folder(id) / "checkpoints" / checkpoint, ignore_errors=True)

    def act(self, id: int, action: Action) -> Accepted:
        """Pause, resume, stop or checkpoint a run; raises `Refused` where its state does not allow it."""
        self.run(id)
        getattr(self.jobs, action)(id)
        return self._accepted(id)

    def step(self, id: int, body: StepRequest) -> Accepted:
        """Let a paused run go on a little."""
        self.run(id)
        self.jobs.step(id, body.unit, body.count)
        return self._accepted(id)

    def _accepted(self, id: int) -> Accepted:
        return Accepted(run=run_links(id)["self"], state=self.run(id).state)

    def _recalled(self, key: str | None, mark: str) -> int | None:
        if key is None:
            return None
        with self.store.read() as connection:
            found = run_rows.recall_request(connection, key)
        return _same_body(found, key, mark)

    def check_disk(self) -> None:
        """Refuse what takes room while the disk is nearly full."""
        free_mb, floor_mb = free_bytes(self.store.folder) // 1_000_000, self.settings.refuse_below_free_mb
        if free_mb < floor_mb:
            rule = filled(_("new runs and worlds need {floor} MB of free disk"), floor=floor_mb)
            raise Refused.one("disk", f"{free_mb} MB free", rule, _("Delete old runs or make room."))

    def _queue(self, new: RunNew, key: str | None, mark: str) -> Run:
        self.check_disk()
        id, is_new = self.store.writer.do(lambda connection: self._insert(connection, new, key, mark))
        if is_new:
            self.jobs.submit(id)
        return self.run(id)

    def _insert(self, connection: Any, new: RunNew, key: str | None, mark: str) -> tuple[int, bool]:
        """Return (run, whether it is new); in the writer, so that a key makes one run however often it comes."""
        found = _same_body(run_rows.recall_request(connection, key), key, mark) if key else None
        if found is not None:
            return found, False
        waiting, limit = run_rows.counts_by_state(connection)["queued"], self.settings.max_queued
        if waiting >= limit:
            rule = filled(_("the queue holds at most {limit} runs"), limit=limit)
            raise Refused.one("queue", f"{waiting} waiting", rule, _("Wait for runs to end, or stop some."))
        made = lineage.insert(self.store, connection, new)
        if key:
            run_rows.remember_request(connection, key, mark, made)
        return made, True

    def origin_of(self, recipe: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a new row holds beside the request: the unit of its steps, and where its numbers come from."""
        catalog = self.catalog()
        algorithm = catalog.algorithm(recipe["algorithm"])
        facts = provenance({name: recipe[name] for name in RECIPE}) | {
            "algorithm_version": algorithm.version,
            "environment_version": catalog.environment(recipe["environment"]).version,
        }
        return {"step_unit": algorithm.step_unit, "provenance": facts}


def existing(row: RunRow | None, id: int) -> RunRow:
    """Return the row; raises `Missing` where there is none."""
    if row is None:
        raise Missing.one("run", id, _("there is no such run"), _("GET /api/v1/runs lists them."))
    return row


def _same_body(found: tuple[str, int] | None, key: str, mark: str) -> int | None:
    if found is None:
        return None
    check_same_body(found[0], key, mark)
    return found[1]


def check_same_body(known: str, key: str, mark: str) -> None:
    """Raise InvalidInput where a key was used with a body of another hash."""
    if known != mark:
        rule = _("was used with another body in the last 24 hours")
        raise InvalidInput.one("Idempotency-Key", key, rule, _("Use a new key for a new request."))
