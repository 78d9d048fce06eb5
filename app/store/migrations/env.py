"""What Alembic runs: the revisions on the connection that `run.migrate` hands over."""

from alembic import context

from app.store.migrations.run import VERSION_TABLE
from app.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
