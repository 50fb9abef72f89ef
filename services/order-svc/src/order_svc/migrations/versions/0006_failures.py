"""What timers cannot handle, and facts that a person has left out of Kafka."""

from alembic import op

from chassis.schema import keep_failures

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    keep_failures(op.execute)
