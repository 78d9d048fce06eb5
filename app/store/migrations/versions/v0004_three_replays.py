"""Three replays of an evaluation: which evaluation each is of, its place in it, and the environment it was played in."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Say so of each replay; those there were are the first of the evaluation whose number they have."""
    op.add_column("episodes", sa.Column("evaluation", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("episodes", sa.Column("place", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("episodes", sa.Column("lane", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE episodes SET evaluation = number")


def downgrade() -> None:
    """Forget it."""
    for name in ("lane", "place", "evaluation"):
        op.drop_column("episodes", name)
