"""All tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Create every table."""
    _create_runs()
    _create_series()
    _create_pictures()
    _create_history()


def downgrade() -> None:
    """Drop every table."""
    for table in (
        "edits",
        "checkpoints",
        "events",
        "episodes",
        "weights",
        "frames",
        "chunks",
        "series",
        "requests",
        "run_tags",
        "runs",
    ):
        op.drop_table(table)


def _json() -> sa.JSON:
    return sa.JSON(none_as_null=True)


def _of_run(*, primary: bool = False) -> sa.Column[int]:
    return sa.Column(
        "run", sa.Integer(), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=primary, nullable=False
    )


def _create_runs() -> None:
    """The runs, their tags, and the requests that made them."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tags", _json(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("environment_config", _json(), nullable=False),
        sa.Column("preset", sa.Text()),
        sa.Column("config", _json(), nullable=False),
        sa.Column("config_now", _json(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("total_steps", sa.BigInteger(), nullable=False),
        sa.Column("step_unit", sa.Text(), nullable=False),
        sa.Column("clock_s", sa.Float(), nullable=False),
        sa.Column("speed", sa.Float()),
        sa.Column("eval_every_steps", sa.BigInteger()),
        sa.Column("eval_episodes", sa.Integer(), nullable=False),
        sa.Column("latest", _json(), nullable=False),
        sa.Column("best", _json()),
        sa.Column("receipt", _json()),
        sa.Column("flags", _json(), nullable=False),
        sa.Column("provenance", _json(), nullable=False),
        sa.Column("parent_run", sa.Integer()),
        sa.Column("parent_checkpoint", sa.Text()),
        sa.Column("experiment", sa.Integer()),
        sa.Column("created", sa.Text(), nullable=False),
        sa.Column("started", sa.Text()),
        sa.Column("ended", sa.Text()),
        sqlite_autoincrement=True,
    )
    op.create_index("runs_algorithm", "runs", ["algorithm", "id"])
    op.create_index("runs_created", "runs", ["created", "id"])
    op.create_index("runs_environment", "runs", ["environment", "id"])
    op.create_index("runs_experiment", "runs", ["experiment", "id"])
    op.create_index("runs_name", "runs", ["name", "id"])
    op.create_index("runs_state", "runs", ["state", "id"])
    op.create_index("runs_step", "runs", ["step", "id"])
    op.create_table(
        "run_tags",
        sa.Column("tag", sa.Text(), primary_key=True),
        _of_run(primary=True),
    )
    op.create_index("run_tags_run", "run_tags", ["run"])
    op.create_table(
        "requests",
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("body_hash", sa.Text(), nullable=False),
        _of_run(),
        sa.Column("created", sa.Text(), nullable=False),
    )
    op.create_index("requests_created", "requests", ["created"])
    op.create_index("requests_run", "requests", ["run"])


def _create_series() -> None:
    """The curves."""
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), primary_key=True),
        _of_run(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next_seq", sa.BigInteger(), nullable=False),
        sa.Column("open_seq", sa.BigInteger(), nullable=False),
        sa.Column("open_rows", sa.Integer(), nullable=False),
    )
    op.create_index("series_run_name", "series", ["run", "name"], unique=True)
    op.create_table(
        "chunks",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("series", sa.Integer(), sa.ForeignKey("series.id", ondelete="CASCADE"), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_step", sa.BigInteger(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("low", sa.Float()),
        sa.Column("high", sa.Float()),
        sa.Column("mean", sa.Float()),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    op.create_index("chunks_series_seq", "chunks", ["series", "first_seq"], unique=True)


def _create_pictures() -> None:
    """What can be drawn of the past."""
    op.create_table(
        "frames",
        sa.Column("id", sa.Integer(), primary_key=True),
        _of_run(),
        sa.Column("panel", sa.Text(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("meta", _json(), nullable=False),
        sa.Column("described", _json(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_index("frames_run_panel_step", "frames", ["run", "panel", "step"], unique=True)
    op.create_table(
        "weights",
        sa.Column("id", sa.Integer(), primary_key=True),
        _of_run(),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_index("weights_run_step", "weights", ["run", "step"], unique=True)
    op.create_table(
        "episodes",
        _of_run(primary=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("return", sa.Float(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("terminated", sa.Boolean(), nullable=False),
        sa.Column("truncated", sa.Boolean(), nullable=False),
        sa.Column("described", _json(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )


def _create_history() -> None:
    """What happened to a run."""
    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), primary_key=True),
        _of_run(),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("data", _json(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_run", "events", ["run", "id"])
    op.create_index("events_run_key", "events", ["run", "key"], unique=True)
    op.create_table(
        "checkpoints",
        _of_run(primary=True),
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("files", _json(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
    )
    op.create_table(
        "edits",
        sa.Column("id", sa.Integer(), primary_key=True),
        _of_run(),
        sa.Column("step", sa.BigInteger()),
        sa.Column("config", _json(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("edits_run", "edits", ["run", "id"])
