"""Run by `chassis.migrate` on the connection it opened."""

from chassis.migrate import run_migrations

run_migrations()
