"""The tables of the console as first released."""

from alembic import op

from chassis.schema import create_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_v1(op.execute)
    op.execute(
        """CREATE TABLE journey_event (
            journey_id uuid NOT NULL, event_id uuid NOT NULL, type text NOT NULL,
            source text NOT NULL, subject text NOT NULL, sequence bigint NOT NULL,
            said_at timestamptz NOT NULL, seen_at timestamptz NOT NULL, causation_id uuid,
            trace_id text, payload jsonb NOT NULL,
            CONSTRAINT pk_journey_event PRIMARY KEY (journey_id, event_id))"""
    )
    op.execute("CREATE INDEX ix_journey_event_event_id ON journey_event (event_id)")
    op.execute("CREATE INDEX ix_journey_event_trace_id ON journey_event (trace_id)")
    op.execute(
        "CREATE TABLE journey_key (key text NOT NULL, journey_id uuid NOT NULL,"
        " CONSTRAINT pk_journey_key PRIMARY KEY (key, journey_id))"
    )
    op.execute(
        """CREATE TABLE span (
            trace_id text NOT NULL, span_id text NOT NULL, parent_span_id text, name text NOT NULL,
            kind smallint NOT NULL, service text NOT NULL, started_ns bigint NOT NULL,
            duration_ns bigint NOT NULL, failed boolean NOT NULL, journey_id text,
            attributes jsonb NOT NULL, received_at timestamptz NOT NULL,
            CONSTRAINT pk_span PRIMARY KEY (trace_id, span_id))"""
    )
    op.execute("CREATE INDEX ix_span_journey_id ON span (journey_id)")
    op.execute("CREATE INDEX ix_span_received_at ON span (received_at)")
