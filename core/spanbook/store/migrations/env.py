"""Runs migrations on the connection that `spanbook.store.upgrades` hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
