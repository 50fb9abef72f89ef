"""Acts of on-call: edits that two agree on, acts on many keys, the journey of each act."""

from alembic import op

from chassis.schema import create_acts

revision = "0005"
down_revision = "0004"

exceptions = {
    "require-concurrent-index-creation": "a partial index of no row yet: one look at the audit",
}


def upgrade() -> None:
    create_acts(op.execute)
