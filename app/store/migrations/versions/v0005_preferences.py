"""What raters prefer: two things that a run made, and which of them is better."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make room for labels."""
    op.create_table(
        "preferences",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("run", sa.Integer(), sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("left", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("right", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("rater", sa.Text(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("created", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("preferences_run", "preferences", ["run", "id"])
    op.create_index("preferences_run_key", "preferences", ["run", "key"], unique=True)


def downgrade() -> None:
    """Forget them."""
    op.drop_table("preferences")
