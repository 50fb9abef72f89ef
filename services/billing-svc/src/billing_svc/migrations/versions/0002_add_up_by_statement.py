"""Check what is entered by itself: no longer slower with every entry that the ledger holds."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(
        """CREATE OR REPLACE FUNCTION add_up() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          -- What adds up statement by statement adds up as a whole.
          IF EXISTS (
            SELECT 1 FROM fresh GROUP BY transaction_id, currency
            HAVING sum(minor) <> 0 OR count(*) < 2
          ) THEN RAISE EXCEPTION 'a ledger transaction does not add up'; END IF;
          RETURN NULL;
        END $$"""
    )
