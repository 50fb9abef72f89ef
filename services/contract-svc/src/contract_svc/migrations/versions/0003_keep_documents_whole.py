"""Documents of up to a page are kept as they are, with room for their next version."""

from alembic import op

from chassis.schema import keep_facts_whole, keep_whole

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    keep_facts_whole(op.execute)
    keep_whole(op.execute, "contract", "body")
