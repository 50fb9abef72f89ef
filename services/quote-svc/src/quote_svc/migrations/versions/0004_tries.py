"""Of each parked message, what its tries came to."""

from alembic import op

from chassis.schema import keep_tries

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    keep_tries(op.execute)
