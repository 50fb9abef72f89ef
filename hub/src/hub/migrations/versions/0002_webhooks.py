"""Endpoints, their secrets, deliveries and attempts."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(
        """CREATE TABLE endpoint (
            id uuid CONSTRAINT pk_endpoint PRIMARY KEY, subscriber text NOT NULL,
            url text NOT NULL, description text NOT NULL, types text[] NOT NULL,
            stages text[] NOT NULL, owners text[] NOT NULL, least_minor bigint, currency text,
            ordered boolean NOT NULL, from_position bigint NOT NULL, enabled boolean NOT NULL,
            notice text, failing_since timestamptz, revision bigint NOT NULL,
            created_at timestamptz NOT NULL)"""
    )
    op.execute("CREATE INDEX ix_endpoint_subscriber ON endpoint (subscriber)")
    op.execute(
        """CREATE TABLE endpoint_secret (
            id uuid CONSTRAINT pk_endpoint_secret PRIMARY KEY, endpoint_id uuid NOT NULL,
            scheme text NOT NULL, sealed text NOT NULL, public_key text,
            created_at timestamptz NOT NULL, expires_at timestamptz)"""
    )
    op.execute("CREATE INDEX ix_endpoint_secret_endpoint_id ON endpoint_secret (endpoint_id)")
    op.execute(
        """CREATE TABLE delivery (
            endpoint_id uuid NOT NULL, event_id uuid NOT NULL, position bigint NOT NULL,
            seen_at timestamptz NOT NULL, subject uuid NOT NULL, type text NOT NULL,
            state text NOT NULL, turn boolean NOT NULL, attempts integer NOT NULL,
            next_at timestamptz NOT NULL, lease uuid, leased_until timestamptz,
            created_at timestamptz NOT NULL, ended_at timestamptz,
            CONSTRAINT pk_delivery PRIMARY KEY (endpoint_id, event_id))
            WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02)"""
    )
    op.execute("CREATE INDEX ix_delivery_due ON delivery (endpoint_id, next_at) WHERE turn")
    op.execute(
        "CREATE INDEX ix_delivery_pending ON delivery (endpoint_id, subject, position)"
        " WHERE state = 'pending'"
    )
    op.execute(
        "CREATE INDEX ix_delivery_created_at ON delivery (endpoint_id, created_at, event_id)"
    )
    op.execute(
        "CREATE INDEX ix_delivery_ended_at ON delivery (ended_at) WHERE ended_at IS NOT NULL"
    )
    op.execute(
        """CREATE TABLE attempt (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_attempt PRIMARY KEY,
            endpoint_id uuid NOT NULL, event_id uuid NOT NULL, at timestamptz NOT NULL,
            duration_ms integer NOT NULL, outcome text NOT NULL, status integer,
            url text NOT NULL, request_headers jsonb NOT NULL, request_body text NOT NULL,
            response_headers jsonb NOT NULL, response_body text NOT NULL, error text NOT NULL)"""
    )
    op.execute("CREATE INDEX ix_attempt_endpoint_id_event_id ON attempt (endpoint_id, event_id)")
    op.execute("CREATE INDEX ix_attempt_at ON attempt (at)")
    op.execute(
        "CREATE TABLE fan_out (one boolean CONSTRAINT pk_fan_out PRIMARY KEY,"
        " position bigint NOT NULL, at timestamptz NOT NULL)"
    )
    op.execute("INSERT INTO fan_out VALUES (true, 0, '2000-01-01T00:00:00Z')")
    op.execute("COMMENT ON TABLE fan_out IS 'seed'")
