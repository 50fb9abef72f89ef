"""What was done about a lead; files taken in are listed by their time."""

from alembic import op

revision = "0002"
down_revision = "0001"

BEFORE = "made before the first release, when nothing ran beside it"
exceptions = {
    "require-concurrent-index-creation": BEFORE,
}


def upgrade() -> None:
    op.execute(
        """CREATE TABLE activity (
            id uuid CONSTRAINT pk_activity PRIMARY KEY, lead_id uuid NOT NULL, kind text NOT NULL,
            note text NOT NULL, happened_at timestamptz NOT NULL, by_sub text NOT NULL,
            by_name text NOT NULL, recorded_at timestamptz NOT NULL)"""
    )
    op.execute(
        "CREATE INDEX ix_activity_lead_id_recorded_at ON activity (lead_id, recorded_at, id)"
    )
    op.execute("CREATE INDEX ix_lead_import_imported_at ON lead_import (imported_at, id)")
