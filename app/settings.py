"""Every operator knob: name with its unit, default, help. Set by command-line option or by RL_PLAYGROUND_<NAME>."""

import os
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ENV_PREFIX = "RL_PLAYGROUND_"
DEFAULT_PORT = 8420


def default_data_folder() -> Path:
    """Return the folder used where none is named: `rl-playground` in the user's data folder."""
    return user_data_path("rl-playground", appauthor=False)


def _knob(default: Any, help: str, *, low: float | None = None, high: float | None = None) -> Any:
    return Field(default, description=help, ge=low, le=high)


class Settings(BaseSettings):
    """The server's settings; frozen, so that one process never sees two values of a knob."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="forbid")

    data: Path = Field(
        default_factory=default_data_folder,
        description="Folder of the database, checkpoints, logs and the token. On a local disk; only its owner may read it.",
    )
    host: str = _knob("127.0.0.1", "Address to listen on; only those of this machine are taken.")
    port: int | None = _knob(
        None, f"TCP port. Unset: {DEFAULT_PORT}, or the next free one; a named port that is taken is refused.",
        low=1, high=65535,
    )  # fmt: skip
    allowed_hosts: tuple[str, ...] = _knob(
        (), "Further host names that a request may be addressed to, beside localhost and the listening address."
    )
    gymnasium_ids: str = _knob(
        "", "Installed environments of gymnasium to offer beside the built-in ones: ids separated by commas, module:Id-v0 where"
        " a module must be imported first. Each is opened once to look at it.",
    )  # fmt: skip
    models: str = _knob(
        "", "Folders of causal language models in Hugging Face's format that the stages of the language lab may start from, separated"
        " by commas; each is known by its own name. Nothing is downloaded, and no code in them is run.",
    )  # fmt: skip
    max_running: int | None = _knob(
        None, "Runs that train at the same time; the rest queue. Unset: the number of cores.", low=1, high=256
    )
    max_queued: int = _knob(1000, "Runs that may wait; more are refused.", low=1, high=100_000)
    paused_keep_s: float = _knob(
        600.0, "Seconds a paused run keeps its process; later it resumes from its checkpoint.", low=0
    )
    reconcile_s: float = _knob(2.0, "Seconds between two repair passes over runs and workers.", low=0.05, high=60)
    commit_ms: float = _knob(
        150.0, "Milliseconds of records that the database writer gathers into one commit.", low=1, high=1000
    )
    worker_memory_mb: int = _knob(2000, "Resident megabytes that one worker may use before its run fails.", low=256)
    keep_spare: bool = _knob(True, "Keep one worker warm, so that a run starts at once.")
    refuse_below_free_mb: int = _knob(
        500, "Free megabytes on the data folder's disk below which new runs are refused.", low=0
    )
    pause_below_free_mb: int = _knob(200, "Free megabytes below which runs are paused.", low=0)
    body_bytes: int = _knob(1_000_000, "Largest request body in bytes.", low=1000, high=64_000_000)
    max_streams: int = _knob(64, "Event streams open at the same time.", low=1, high=10_000)
    stop_s: float = _knob(2.0, "Seconds that open connections get when the server stops.", low=0, high=60)
    log_level: Literal["debug", "info", "warning", "error"] = _knob("warning", "Least severe message to print.")

    @property
    def running_limit(self) -> int:
        """Return how many runs train at the same time."""
        return self.max_running or os.cpu_count() or 1
