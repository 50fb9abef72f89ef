"""Keys of leads carry the rule that derived them; names become candidates instead of duplicates.

What is built concurrently and derived in portions is committed on the way, so a migration that was
cut short begins again and finds a part of its work done.

The version before goes on beside it: it stores keys of the earlier rule, which a timer of the
current version derives anew, and it finds its own keys, which stay. A later version may delete
those (``DELETE FROM dedupe_key WHERE rule = 0``) when nobody rolls back to it any more.
"""

from alembic import op

from chassis.migrate import create_index
from lead_svc.rekey import rekey

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("ALTER TABLE dedupe_key ADD COLUMN IF NOT EXISTS rule smallint NOT NULL DEFAULT 1")
    op.execute(
        """CREATE TABLE IF NOT EXISTS candidate_key (
            key text, lead_id uuid, number text NOT NULL,
            CONSTRAINT pk_candidate_key PRIMARY KEY (key, lead_id))"""
    )
    op.execute("CREATE INDEX IF NOT EXISTS ix_candidate_key_lead_id ON candidate_key (lead_id)")
    create_index("ix_dedupe_key_earlier", "dedupe_key (lead_id) WHERE rule = 1")
    with op.get_context().autocommit_block():
        while not op.get_context().as_sql and rekey(op.get_bind()):
            pass
