"""Of each parked message, what its tries came to."""

from alembic import op

from chassis.schema import keep_tries

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    keep_tries(op.execute)
