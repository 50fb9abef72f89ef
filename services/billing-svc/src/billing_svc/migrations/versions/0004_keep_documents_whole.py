"""Documents of up to a page are kept as they are, with room for their next version."""

from alembic import op

from chassis.schema import keep_facts_whole, keep_whole

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    keep_facts_whole(op.execute)
    keep_whole(op.execute, "billing_account", "body")
    keep_whole(op.execute, "invoice", "body")
    keep_whole(op.execute, "payment", "body")
