"""Recipes that somebody started: the runs they plan, and those that exist already."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make room for studies."""
    op.create_table(
        "studies",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("created", sa.Text(), nullable=False),
        sa.Column("stopped", sa.Text()),
        sqlite_autoincrement=True,
    )
    op.create_index("studies_key", "studies", ["key"], unique=True)
    op.create_table(
        "study_runs",
        sa.Column(
            "study", sa.Integer(), sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True, nullable=False
        ),
        sa.Column("place", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("parent", sa.Integer()),
        sa.Column("plan", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("run", sa.Integer()),
        sa.Column("problem", sa.Text()),
    )
    op.create_index("study_runs_run", "study_runs", ["run"])


def downgrade() -> None:
    """Forget them."""
    op.drop_table("study_runs")
    op.drop_table("studies")
