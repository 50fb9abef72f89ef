"""Facts are kept as they came: not parsed, not compressed, not sampled for statistics."""

from alembic import op

from chassis.schema import keep_facts_whole, keep_whole

revision = "0002"
down_revision = "0001"

BEFORE = "made before the first release, when nothing ran beside it"
exceptions = {
    "changing-column-type": BEFORE,
}
oldest_user = "0002"


def upgrade() -> None:
    keep_facts_whole(op.execute)
    op.execute("ALTER TABLE journey_event ALTER payload TYPE text USING payload::text")
    op.execute("ALTER TABLE journey_event SET (toast_tuple_target = 8160)")
    op.execute("ALTER TABLE journey_event ALTER payload SET STATISTICS 0")
    keep_whole(op.execute, "span", "attributes")
