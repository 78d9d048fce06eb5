"""Worlds that change while a run goes, edits that were refused, and grids saved under a name."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Say of each edit what it changes, keep the present world of each run, and make room for saved worlds."""
    op.add_column("edits", sa.Column("kind", sa.Text(), nullable=False, server_default="config"))
    op.add_column("edits", sa.Column("refused", sa.Text()))
    op.add_column("runs", sa.Column("environment_config_now", sa.JSON(none_as_null=True)))
    op.execute("UPDATE runs SET environment_config_now = environment_config")
    op.create_table(
        "worlds",
        sa.Column("environment", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("config", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Take all of that away."""
    op.drop_table("worlds")
    op.drop_column("runs", "environment_config_now")
    op.drop_column("edits", "refused")
    op.drop_column("edits", "kind")
