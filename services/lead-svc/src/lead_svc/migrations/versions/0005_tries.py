"""Of each parked message, what its tries came to."""

from alembic import op

from chassis.schema import keep_tries

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    keep_tries(op.execute)
