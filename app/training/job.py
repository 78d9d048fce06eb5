"""What the training loop is told about the run it drives; the same facts travel to a worker process as JSON."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class Job:
    """One attempt at one run.

    Attributes:
        config: the hyperparameters the run was started with, fully resolved, before any edit.
        folder: the run's folder; checkpoints lie in `<folder>/checkpoints/<id>`.
        checkpoint: a checkpoint's id to resume from, or the absolute path of another run's to fork from.
        origin: the absolute path of a checkpoint of an earlier stage, whose model this run starts from; read only where
            there is no `checkpoint`.
        labels: the absolute path of the stored labels that this run was handed; read only where there is no `checkpoint`.
        edits: committed edits [{id, step, config, kind}]; `step` is None where no worker answered yet; `kind` is `config`
            (of the hyperparameters, also where it is missing) or `environment` (of the world's options).
        reached: the furthest step whose records are stored; a new edit takes effect no earlier.
        paused_at: the step to which a run that starts paused first returns.
        speed: environment steps per second, or None for full speed.
        watch: panels being looked at [{panel, options}].
    """

    run: int
    attempt: int
    algorithm: str
    environment: str
    environment_config: dict[str, Any]
    config: dict[str, Any]
    seed: int
    total_steps: int
    folder: str
    checkpoint: str | None = None
    edits: list[dict[str, Any]] = field(default_factory=list)
    reached: int = 0
    speed: float | None = None
    paused: bool = False
    paused_at: int = 0
    eval_every_steps: int | None = None
    eval_episodes: int = 10
    watch: list[dict[str, Any]] = field(default_factory=list)
    origin: str | None = None
    labels: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the job as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the job that `to_json` described.

        Raises:
            TypeError: a key is missing or unknown.
        """
        return cls(**values)

    @property
    def checkpoints_folder(self) -> Path:
        """Where this run's checkpoints lie."""
        return Path(self.folder) / "checkpoints"

    def checkpoint_path(self) -> Path | None:
        """Return the folder of the checkpoint to start from, or None for a fresh start."""
        return None if self.checkpoint is None else self.checkpoints_folder / self.checkpoint
