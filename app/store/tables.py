"""The tables, as SQLAlchemy Core. Columns that hold small JSON are read and written whole."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

METADATA = MetaData()
_JSON = JSON(none_as_null=True)


def _run(*, primary: bool = False) -> Column[int]:
    """A column that names a run and disappears with it."""
    return Column("run", Integer, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=primary, nullable=False)


RUNS = Table(
    "runs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("tags", _JSON, nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("environment_config", _JSON, nullable=False),
    Column("preset", Text),
    Column("config", _JSON, nullable=False),  # as started
    Column("config_now", _JSON, nullable=False),  # after the live edits
    Column("seed", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("total_steps", BigInteger, nullable=False),
    Column("step_unit", Text, nullable=False),
    Column("clock_s", Float, nullable=False),
    Column("speed", Float),
    Column("eval_every_steps", BigInteger),
    Column("eval_episodes", Integer, nullable=False),
    Column("latest", _JSON, nullable=False),
    Column("best", _JSON),
    Column("receipt", _JSON),
    Column("flags", _JSON, nullable=False),
    Column("provenance", _JSON, nullable=False),
    Column("parent_run", Integer),  # no foreign key: a fork outlives its parent and still says where it came from
    Column("parent_checkpoint", Text),
    Column("experiment", Integer),
    Column("created", Text, nullable=False),
    Column("started", Text),
    Column("ended", Text),
    Column("environment_config_now", _JSON),  # after the edits of the world
    Index("runs_state", "state", "id"),
    Index("runs_algorithm", "algorithm", "id"),
    Index("runs_environment", "environment", "id"),
    Index("runs_name", "name", "id"),
    Index("runs_created", "created", "id"),
    Index("runs_step", "step", "id"),
    Index("runs_experiment", "experiment", "id"),
    sqlite_autoincrement=True,  # the id of a deleted run is never given again
)

RUN_TAGS = Table(
    "run_tags",
    METADATA,
    Column("tag", Text, primary_key=True),
    _run(primary=True),
    Index("run_tags_run", "run"),
)

SERIES = Table(
    "series",
    METADATA,
    Column("id", Integer, primary_key=True),
    _run(),
    Column("name", Text, nullable=False),
    Column("next_seq", BigInteger, nullable=False),
    Column("open_seq", BigInteger, nullable=False),  # first seq of the rows not merged yet, a multiple of 1,000
    Column("open_rows", Integer, nullable=False),
    Index("series_run_name", "run", "name", unique=True),
)

CHUNKS = Table(
    "chunks",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("series", Integer, ForeignKey("series.id", ondelete="CASCADE"), nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("first_step", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("low", Float),
    Column("high", Float),
    Column("mean", Float),
    Column("data", LargeBinary, nullable=False),
    Index("chunks_series_seq", "series", "first_seq", unique=True),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("id", Integer, primary_key=True),
    _run(),
    Column("attempt", Integer, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("key", Text),  # of events with the same key, which a resumed run repeats, one is enough
    Column("event", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", _JSON, nullable=False),
    Column("created", Text, nullable=False),
    Index("events_run", "run", "id"),
    Index("events_run_key", "run", "key", unique=True),
    sqlite_autoincrement=True,
)

FRAMES = Table(
    "frames",
    METADATA,
    Column("id", Integer, primary_key=True),
    _run(),
    Column("panel", Text, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("meta", _JSON, nullable=False),
    Column("described", _JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("frames_run_panel_step", "run", "panel", "step", unique=True),
)

WEIGHTS = Table(
    "weights",
    METADATA,
    Column("id", Integer, primary_key=True),
    _run(),
    Column("step", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("weights_run_step", "run", "step", unique=True),
)

CHECKPOINTS = Table(
    "checkpoints",
    METADATA,
    _run(primary=True),
    Column("id", Text, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("files", _JSON, nullable=False),
    Column("created", Text, nullable=False),
)

EDITS = Table(
    "edits",
    METADATA,
    Column("id", Integer, primary_key=True),
    _run(),
    Column("step", BigInteger),  # null until the worker says when it took effect
    Column("config", _JSON, nullable=False),
    Column("created", Text, nullable=False),
    Column("kind", Text, nullable=False, server_default="config"),  # what it changes: config or environment
    Column("refused", Text),  # why it never takes effect
    Index("edits_run", "run", "id"),
    sqlite_autoincrement=True,
)

WORLDS = Table(
    "worlds",
    METADATA,
    Column("environment", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("config", _JSON, nullable=False),
    Column("created", Text, nullable=False),
)

WORLD_REQUESTS = Table(
    "world_requests",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("body_hash", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created", Text, nullable=False),
    ForeignKeyConstraint(["environment", "name"], ["worlds.environment", "worlds.name"], ondelete="CASCADE"),
    Index("world_requests_created", "created"),
    Index("world_requests_world", "environment", "name"),
)

EPISODES = Table(
    "episodes",
    METADATA,
    _run(primary=True),
    Column("number", Integer, primary_key=True),
    Column("step", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("return", Float, nullable=False),
    Column("length", Integer, nullable=False),
    Column("terminated", Boolean, nullable=False),
    Column("truncated", Boolean, nullable=False),
    Column("described", _JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("evaluation", Integer, nullable=False, server_default="0"),
    Column("place", Text, nullable=False, server_default=text("''")),
    Column("lane", Integer, nullable=False, server_default="0"),
)

REQUESTS = Table(
    "requests",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("body_hash", Text, nullable=False),
    Column("run", Integer, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("created", Text, nullable=False),
    Index("requests_created", "created"),
    Index("requests_run", "run"),
)

PREFERENCES = Table(
    "preferences",
    METADATA,
    Column("id", Integer, primary_key=True),
    _run(),
    Column("left", _JSON, nullable=False),  # what was shown, whole enough to learn from
    Column("right", _JSON, nullable=False),
    Column("choice", Text, nullable=False),  # left, right or tie
    Column("rater", Text, nullable=False),  # person or simulated
    Column("key", Text),  # of a request that may come twice
    Column("created", Text, nullable=False),
    Index("preferences_run", "run", "id"),
    Index("preferences_run_key", "run", "key", unique=True),
    sqlite_autoincrement=True,
)

STUDIES = Table(
    "studies",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("recipe", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text),  # of a request that may come twice
    Column("created", Text, nullable=False),
    Column("stopped", Text),
    Index("studies_key", "key", unique=True),
    sqlite_autoincrement=True,
)

STUDY_RUNS = Table(
    "study_runs",
    METADATA,
    Column("study", Integer, ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True, nullable=False),
    Column("place", Integer, primary_key=True, nullable=False),
    Column("stage", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("parent", Integer),  # the place of the planned run whose model this one starts from
    Column("plan", _JSON, nullable=False),
    Column("run", Integer),  # no foreign key: what was planned is known after its run was deleted
    Column("problem", Text),  # why it never starts
    Index("study_runs_run", "run"),
)
