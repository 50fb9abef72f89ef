"""The tables of lead-svc as first released."""

from alembic import op

from chassis.schema import aggregate_columns, create_number_sequence, create_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_v1(op.execute)
    create_number_sequence(op.execute, "L")
    op.execute(
        f"""CREATE TABLE lead ({aggregate_columns("lead")},
            status text NOT NULL, channel text NOT NULL, owner_sub text,
            captured_at timestamptz NOT NULL)"""
    )
    for column in ("journey_id", "number", "status", "owner_sub", "captured_at"):
        op.execute(f"CREATE INDEX ix_lead_{column} ON lead ({column})")
    op.execute(
        "CREATE TABLE dedupe_key (key text CONSTRAINT pk_dedupe_key PRIMARY KEY,"
        " lead_id uuid NOT NULL, number text NOT NULL)"
    )
    op.execute(
        """CREATE TABLE party (
            id uuid CONSTRAINT pk_party PRIMARY KEY, kind text NOT NULL,
            key text NOT NULL CONSTRAINT uq_party_key UNIQUE, name text NOT NULL,
            email text, phone text, domain text, first_seen_at timestamptz NOT NULL)"""
    )
    op.execute(
        """CREATE TABLE lead_import (
            id uuid CONSTRAINT pk_lead_import PRIMARY KEY, file_name text NOT NULL,
            imported_by text NOT NULL, imported_at timestamptz NOT NULL, report jsonb NOT NULL)"""
    )
