"""Requests to save a world that may come twice."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make room for the keys that such requests carry."""
    op.create_table(
        "world_requests",
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["environment", "name"], ["worlds.environment", "worlds.name"], ondelete="CASCADE"),
    )
    op.create_index("world_requests_created", "world_requests", ["created"])
    op.create_index("world_requests_world", "world_requests", ["environment", "name"])


def downgrade() -> None:
    """Forget them."""
    op.drop_table("world_requests")
