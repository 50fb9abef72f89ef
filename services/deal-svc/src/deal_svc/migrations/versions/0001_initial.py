"""The tables of deal-svc as first released."""

from alembic import op

from chassis.schema import aggregate_columns, create_number_sequence, create_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_v1(op.execute)
    create_number_sequence(op.execute, "D")
    op.execute(
        f"""CREATE TABLE deal ({aggregate_columns("deal")},
            status text NOT NULL, stage text NOT NULL, owner_sub text, account_name text,
            product text, amount_minor bigint, currency text NOT NULL,
            opened_at timestamptz NOT NULL, closed_at timestamptz)"""
    )
    for column in ("journey_id", "number", "status", "stage", "owner_sub", "opened_at"):
        op.execute(f"CREATE INDEX ix_deal_{column} ON deal ({column})")
    op.execute(
        "CREATE TABLE external_deal (key text CONSTRAINT pk_external_deal PRIMARY KEY,"
        " deal_id uuid NOT NULL, number text NOT NULL)"
    )
    op.execute(
        """CREATE TABLE activity (
            id uuid CONSTRAINT pk_activity PRIMARY KEY, deal_id uuid NOT NULL, kind text NOT NULL,
            note text NOT NULL, due_at timestamptz, done_at timestamptz, by_sub text NOT NULL,
            by_name text NOT NULL, recorded_at timestamptz NOT NULL)"""
    )
    op.execute("CREATE INDEX ix_activity_deal_id ON activity (deal_id)")
