"""Alembic's environment: migrations run on the connection that the ledger has opened."""

from alembic import context

from ratchet.ledger.tables import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
