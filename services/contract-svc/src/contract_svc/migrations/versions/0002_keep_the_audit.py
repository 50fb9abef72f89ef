"""The audit only grows."""

from alembic import op

from chassis.schema import keep_audit

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    keep_audit(op.execute)
