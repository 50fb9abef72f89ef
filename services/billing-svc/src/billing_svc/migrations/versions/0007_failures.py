"""What timers cannot handle, and facts that a person has left out of Kafka."""

from alembic import op

from chassis.schema import keep_failures

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    keep_failures(op.execute)
