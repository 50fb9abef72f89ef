"""A deal's activities are listed page by page, by their time."""

from alembic import op

revision = "0002"
down_revision = "0001"

BEFORE = "made before the first release, when nothing ran beside it"
exceptions = {
    "require-concurrent-index-creation": BEFORE,
    "require-concurrent-index-deletion": BEFORE,
}


def upgrade() -> None:
    op.execute("DROP INDEX ix_activity_deal_id")
    op.execute(
        "CREATE INDEX ix_activity_deal_id_recorded_at ON activity (deal_id, recorded_at, id)"
    )
