"""Runs a job here and now, in this process: a sink that hands every record to a function, a control fed by a list."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from app.training.job import Job
from app.training.loop import train
from app.training.ports import Arrays, Command, Header

OnRecord = Callable[[str, Header, Arrays], None]


class LocalSink:
    """Hands each record over as it comes; keeps nothing."""

    def __init__(self, on_record: OnRecord, on_live: Callable[[Header, Arrays], None] | None = None) -> None:
        self._on_record, self._on_live = on_record, on_live

    def record(self, kind: str, header: Header, arrays: Arrays | None = None) -> None:
        """Hand over a durable record."""
        self._on_record(kind, header, arrays or {})

    def live(self, header: Header, arrays: Arrays | None = None) -> None:
        """Hand over something to show now."""
        if self._on_live is not None:
            self._on_live(header, arrays or {})

    def backlog_bytes(self) -> int:
        """Nothing waits: records are handled as they come."""
        return 0


class LocalControl:
    """Commands put in from the same thread, for example while a record is handled. It never waits."""

    def __init__(self, commands: Iterable[Command] = ()) -> None:
        self._commands = list(commands)

    def send(self, command: Command) -> None:
        """Queue a command for the loop's next poll."""
        self._commands.append(command)

    def poll(self, timeout_s: float) -> list[Command]:
        """Return what was queued."""
        commands, self._commands = self._commands, []
        return commands


def run_here(job: Job, on_record: OnRecord, control: LocalControl | None = None) -> str:
    """Train in this process and return how it ended."""
    return train(job, LocalSink(on_record), control or LocalControl())


def job_here(recipe: Any, folder: Path, **overrides: Any) -> Job:
    """Return the first attempt at a catalogue's `Recipe`, its checkpoints in `folder`."""
    fields = {
        "run": 1, "attempt": 1, "algorithm": recipe.algorithm, "environment": recipe.environment,
        "environment_config": recipe.environment_config, "config": recipe.config, "seed": recipe.seed,
        "total_steps": recipe.total_steps, "folder": str(folder),
    }  # fmt: skip
    return Job(**{**fields, **overrides})
