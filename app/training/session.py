"""One agent in training, without clock or commands: its recorder, its evaluations, its checkpoints, its edits.

Everything here follows from the number of steps alone, so a session restored from a checkpoint repeats what an
uninterrupted one does. At one step, in this order: points, record, picture, evaluation, changes of the world, edits,
checkpoint.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from app.core.contracts import Environment, Tree
from app.core.errors import InvalidInput, PlaygroundError
from app.core.report import Report
from app.core.text import _
from app.training.build import Builder, Built
from app.training.checkpoints import Keeper, read_checkpoint
from app.training.evaluation import evaluate
from app.training.job import Job
from app.training.live import History
from app.training.output import Output
from app.training.recorder import Recorder
from app.training.schedule import Calendar, Due, Pace
from app.training.worlds import World, changes_in_words, edit_in_words

FINAL_EPISODES = 100
PLACES = 3  # replays an evaluation may keep


class Session:
    """The training of one job, up to where `step` says. `pace` supplies what clocks measure."""

    def __init__(self, job: Job, built: Built, output: Output, pace: Pace) -> None:
        self.job, self.built, self.output, self.pace = job, built, output, pace
        self.agent, self.config = built.agent, built.agent.config
        self.world = World(built, job.environment_config)
        self.recorder = Recorder(built.algorithm.scalars)
        self.keeper = Keeper(job.checkpoints_folder)
        self.history = History(built, output)
        self.step = self.updates = self.evaluations = 0
        self.best = -math.inf
        self.ended_at = -1
        self.is_finished = False
        self.applied: list[int] = []
        self.known: list[dict[str, Any]] = []
        self._calendar = Calendar.of(job.total_steps, job.eval_every_steps)
        self._due = Due(self._calendar, 0)
        self._waiting_best: tuple[Tree, dict[str, Any]] | None = None

    def begin(self) -> None:
        """Picture the start of a fresh run; apply the edits that belong here."""
        self.output.step = self.step
        self._warn_of_replay()
        if self.step == 0:
            self.history.keep()
        self._follow_world()
        self._repeat_edits()

    def room(self) -> int:
        """Return how many steps the next call may take without passing a boundary; at least 1."""
        ends: list[int] = [self._due.next, *(edit["step"] for edit in self.known[:1])]
        change = self.world.next_change()
        return max(1, min(ends if change is None else [*ends, change]) - self.step)

    def advance(self, max_steps: int) -> Report:
        """Let the agent learn for at most `max_steps`, record it, and do what is due where it stands then.

        Raises:
            TrainingDiverged: a recorded number is not finite.
        """
        started = self.pace.now()
        report = self.agent.update(max_steps)
        self.pace.took(report.steps, started)
        self.step += report.steps
        self.updates += report.updates
        self.built.lacks_update &= not report.updates
        self.output.step = self.step
        self.recorder.add_episodes(report.episodes)
        if report.scalars:
            self.recorder.add_update(self.step, report.scalars)
        if report.finished or self.step >= self.job.total_steps:
            self.is_finished = True
        elif not report.steps:
            raise RuntimeError(f"{self.job.algorithm} took no step at step {self.step} and did not say it is finished")
        elif self.step >= self._due.next or self.known or self.world.next_change() is not None:
            self._do_what_is_due()
        return report

    @property
    def has_ended(self) -> bool:
        """Whether the last evaluation was made here already."""
        return self.ended_at == self.step

    def complete(self) -> None:
        """The last record, picture, evaluation and checkpoint; a resumed run that had them makes the checkpoint only.

        A bin of a thinned series that is not full becomes a point after the checkpoint, which keeps it open for a fork.
        """
        if not self.has_ended:
            self.ended_at = self.step
            self._record()
            self.history.keep(is_last=True, is_over=True)
            self._evaluate(is_last=True)
        self.checkpoint("final")
        self.close_series()

    def abandon(self) -> str:
        """Save the state, keep the last picture and close the series of a run that ends here; return the checkpoint's id."""
        saved = self.checkpoint("final")
        self.history.keep(is_last=True)
        self.close_series()
        return saved

    def close_series(self) -> None:
        """Send the points of bins that will not fill any more."""
        self.flush()
        self.recorder.close()
        self.flush()

    def flush(self) -> bool:
        """Send the points that wait; return whether there were any."""
        return self.output.points(self.recorder)

    def edit(self, edit: int, changes: dict[str, Any], kind: str = "config") -> None:
        """Change live hyperparameters, or with `kind` "environment" the world, from here on, with a checkpoint from before.

        While a resumed run catches up, "here" is the furthest step that is stored: what was recorded stays.

        Raises:
            InvalidInput: a value breaks its rule, a hyperparameter cannot change while the agent runs, or no step is left.
        """
        if edit in self.applied or any(item["id"] == edit for item in self.known):
            return
        apply = self._prepared(changes, kind)
        if max(self.step, self.job.reached) >= self.job.total_steps:
            raise InvalidInput.one(
                "edit", edit, _("every step of the run is recorded already; none is left that it could change"),
                _("Fork the run from an earlier checkpoint."),
            )  # fmt: skip
        if self.step < self.job.reached:
            waiting = {"id": edit, "step": self.job.reached, "config": changes, "kind": kind, "is_new": True}
            self.known.append(waiting)
            self.known.sort(key=_when)
            return
        self.flush()
        if not self.keeper.has(self.step, "before_edit"):
            self.checkpoint("before_edit")
        before = self.world.config if kind == "environment" else self.config.model_dump(mode="json")
        apply()
        self.applied.append(edit)
        self.output.edit(edit, changes, kind)
        is_world = kind == "environment"
        told = (
            edit_in_words(self.built.environment_spec, before, self.world.config)
            if is_world
            else changes_in_words(before, changes)
        )
        name = "environment_config" if is_world else "config"
        self.output.event("edit", told, data={"id": edit, name: changes}, key=f"edit:{edit}")

    def try_edit(self, edit: int, changes: dict[str, Any], kind: str) -> None:
        """Make an edit, or answer why it cannot be made."""
        try:
            self.edit(edit, changes, kind)
        except PlaygroundError as error:
            self.output.refuse(edit, str(error))

    def checkpoint(self, kind: str) -> str:
        """Write a checkpoint of this moment and return its id."""
        self.keep_best()
        self.flush()
        info = self.keeper.write(self._tree(), self._meta(), self.step, kind)
        self.output.checkpoint(info)
        return info.id

    def keep_best(self) -> None:
        """Write the checkpoint of the best evaluation, where one waits; it waits so that quick runs do not write many."""
        if self._waiting_best is not None:
            tree, meta = self._waiting_best
            self._waiting_best = None
            self.flush()
            self.output.checkpoint(self.keeper.write(tree, meta, meta["at"], "best"))

    def _do_what_is_due(self) -> None:
        due = self._due
        if self.step >= due.record:
            self._record()
        if self.step >= due.frame:
            self.history.keep()
        evaluation_is_due = self.step >= due.evaluation
        due.pass_by(self.step)
        if evaluation_is_due:
            self._evaluate()
        self._follow_world()
        self._repeat_edits()

    def _warn_of_replay(self) -> None:
        """Mark a run in a world that cannot be brought back to where it was."""
        if not self.built.environment.is_replayable:
            text = _(
                "{environment} cannot be replayed bit for bit: a run resumed from a checkpoint goes on,"
                " but not exactly as it would have without the interruption"
            ).format(environment=self.built.environment_spec.name)
            self.output.event("warning", text, data={"replayable": False}, key="not replayable")

    def _follow_world(self) -> None:
        """Let the world change where its time has come, and keep a picture of the changed one."""
        if self.world.follow(self.step):
            self.history.keep()
            text = _("The world changed at step {step}").format(step=self.step)
            self.output.event("world", text, data={"change": self.world.followed}, key=f"world:{self.step}")

    def _record(self) -> None:
        clocked = {"time/run_clock": self.pace.clock_s, "time/fps": self.pace.fps(self.step)}
        self.recorder.add_record(self.step, {**clocked, **self.agent.diagnostics()})

    def _evaluate(self, *, is_last: bool = False) -> None:
        self.evaluations += 1
        episodes = max(FINAL_EPISODES, self.job.eval_episodes) if is_last else self.job.eval_episodes
        if (at_most := self.built.algorithm.eval_at_most) is not None:
            episodes = min(episodes, at_most[is_last])
        number = self.evaluations
        outcome = evaluate(
            self.agent, self.built.environment, seed=self.job.seed, number=number, episodes=max(1, episodes),
            features=self.built.wants_features,
        )  # fmt: skip
        scalars = outcome.scalars(self.built.environment_spec.success)
        self.recorder.add_values(self.step, scalars)
        mean = scalars["eval/mean_reward"]
        is_best = mean >= self.best
        for place, replay in enumerate(outcome.replays):
            self.output.episode(PLACES * number + place, number, "best" if is_best else "evaluation", replay)
        text = _("Evaluation {number}: mean return {mean:.6g} over {episodes} episodes")
        text = text.format(number=number, mean=mean, episodes=len(outcome.returns)).replace("-", "−")
        data = {"number": number, "mean_reward": mean, "best": is_best}
        self.output.event("evaluation", text, data=data, key=f"evaluation:{number}")
        if is_best:
            self.best = mean
            self.flush()
            self._waiting_best = (_copied(self._tree()), {**self._meta(), "at": self.step})

    def _edited(self, changes: dict[str, Any]) -> Any:
        live = type(self.config).live_names()
        for name, value in changes.items():
            if name not in live:
                known = ", ".join(live) or _("none")
                is_settled = name in type(self.config).settled_names()
                way_out = _("Start a new run to change it.") if is_settled else _("Fork the run to change it.")
                here = _("Live here: {names}.").format(names=known)
                raise InvalidInput.one(
                    f"config.{name}", value, _("cannot change while the agent runs"), f"{way_out} {here}"
                )
        config = self.config.edited(changes)
        self.built.algorithm.check(config, self.built.environment)
        return config

    def _prepared(self, changes: dict[str, Any], kind: str) -> Callable[[], None]:
        """Check an edit and return what carries it out."""
        if kind == "environment":
            options, environment = self.world.edited(changes)
            return lambda: self._go_on_in(options, environment)
        config = self._edited(changes)
        return lambda: self._go_on_with(config)

    def _go_on_with(self, config: Any) -> None:
        self.agent.edit(config)
        self.config = config

    def _go_on_in(self, options: dict[str, Any], environment: Environment) -> None:
        self.world.replace(options, environment, self.step)
        self.history.keep()

    def _repeat_edits(self) -> None:
        """Apply the edits of earlier attempts whose step has come; those that no worker answered are answered now."""
        while self.known and self.step >= self.known[0]["step"]:
            item = self.known.pop(0)
            kind = item.get("kind", "config")
            if item["is_new"]:
                self.try_edit(item["id"], item["config"], kind)
            else:
                self._prepared(item["config"], kind)()
                self.applied.append(item["id"])

    def _tree(self) -> Tree:
        counters = {
            "step": self.step, "updates": self.updates, "evaluations": self.evaluations, "best": self.best,
            "pictures": self.history.kept, "clock_s": self.pace.clock_s, "ended_at": self.ended_at,
            "world": self.world.followed,
        }  # fmt: skip
        return {"agent": self.agent.state(), "recorder": self.recorder.state(), "session": counters}

    def _meta(self) -> dict[str, Any]:
        job = self.job
        return {
            "run": job.run, "attempt": job.attempt, "algorithm": job.algorithm, "environment": job.environment,
            "environment_config": self.world.config, "config": self.config.model_dump(mode="json"),
            "version": self.built.algorithm.version, "seed": job.seed, "total_steps": job.total_steps,
            "edits": list(self.applied), "created": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }  # fmt: skip

    def _load(self, tree: Tree, *, is_fork: bool) -> None:
        counters = tree["session"]
        self.world.continue_from(int(counters.get("world", 0)))
        self.agent.load(tree["agent"])
        self.recorder.load(tree["recorder"], numbered=not is_fork)
        self.step, self.updates = int(counters["step"]), int(counters["updates"])
        self.built.lacks_update = self.updates > 0
        self.evaluations, self.history.kept = int(counters["evaluations"]), int(counters["pictures"])
        self.best = -math.inf if is_fork else float(counters["best"])
        self.ended_at = -1 if is_fork else int(counters["ended_at"])
        self.pace.continue_from(float(counters["clock_s"]))
        self._due.pass_by(self.step)


def open_session(job: Job, builder: Builder, output: Output, pace: Pace) -> Session:
    """Return the session of a job: fresh, resumed from the run's own checkpoint, or forked from another run's.

    Raises:
        InvalidInput: the job does not fit its checkpoint, or its configuration breaks a rule.
        CheckpointDamaged: the checkpoint cannot be read.
    """
    path = job.checkpoint_path()
    if path is None:
        session = Session(job, builder(job), output, pace)
    else:
        tree, meta = read_checkpoint(path)
        session = _restored(job, builder, output, pace, restored=(tree, meta))
    _plan_edits(session)
    output.step = session.step
    return session


def _restored(
    job: Job, builder: Builder, output: Output, pace: Pace, *, restored: tuple[Tree, dict[str, Any]]
) -> Session:
    tree, meta = restored
    is_fork = meta["run"] != job.run
    applied: list[int] = [] if is_fork else list(meta["edits"])
    made = {edit["id"]: edit for edit in job.edits}
    wanted, world = dict(job.config), dict(job.environment_config)
    for edit in (made[number] for number in applied if number in made):
        (world if edit.get("kind") == "environment" else wanted).update(edit["config"])
    job = replace(job, environment_config=world)
    then = meta["config"]
    changed = {name: value for name, value in wanted.items() if then.get(name) != value}
    built = builder(replace(job, config=then))
    is_live = changed.keys() <= type(built.agent.config).live_names().keys()
    if not is_live:
        built = builder(replace(job, config=wanted))
    _check_fits(job, built, meta)
    session = Session(job, built, output, pace)
    try:
        session._load(tree, is_fork=is_fork)
    except (KeyError, ValueError, RuntimeError) as error:
        changes = ", ".join(sorted(changed)) or _("nothing")
        rule = _("does not fit ({changes} changed): {error}").format(changes=changes, error=error)
        raise InvalidInput.one("checkpoint", job.checkpoint, rule) from error
    if changed and is_live:
        session.config = session.config.edited(changed)
        session.agent.edit(session.config)
    session.applied = applied
    return session


def _check_fits(job: Job, built: Built, meta: dict[str, Any]) -> None:
    for name, ours in (("algorithm", job.algorithm), ("environment", job.environment),
                       ("environment_config", job.environment_config), ("version", built.algorithm.version)):  # fmt: skip
        if meta[name] != ours:
            rule = _("was made with {name} {then}, this run has {now}").format(name=name, then=meta[name], now=ours)
            raise InvalidInput.one("checkpoint", job.checkpoint, rule, _("Start a new run instead."))


def _plan_edits(session: Session) -> None:
    """Put the edits that are still to come in order; one without a step comes after everything already recorded."""
    job = session.job
    coming = [edit for edit in job.edits if edit["id"] not in session.applied]
    steps = [edit["step"] for edit in coming if edit["step"] is not None]
    last = max([job.reached, session.step, *steps])
    planned = [
        {**edit, "step": last if edit["step"] is None else edit["step"], "is_new": edit["step"] is None}
        for edit in coming
    ]
    session.known = sorted(planned, key=_when)


def _when(edit: dict[str, Any]) -> tuple[int, int]:
    return edit["step"], edit["id"]


def _copied(tree: Tree) -> Tree:
    """Return the tree with its arrays copied: an agent hands out its own."""
    return {
        name: _copied(value) if isinstance(value, dict) else np.copy(value) if isinstance(value, np.ndarray) else value
        for name, value in tree.items()
    }
