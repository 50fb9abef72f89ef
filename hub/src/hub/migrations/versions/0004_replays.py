"""Replays to one endpoint."""

from alembic import op

from chassis.migrate import create_index

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        """CREATE TABLE replay (
            id uuid CONSTRAINT pk_replay PRIMARY KEY, endpoint_id uuid NOT NULL,
            types text[] NOT NULL, subject uuid, journey_id uuid,
            from_at timestamptz, to_at timestamptz, from_position bigint NOT NULL,
            to_position bigint NOT NULL, position bigint NOT NULL, matched bigint NOT NULL,
            queued bigint NOT NULL, state text NOT NULL, asked_by text NOT NULL,
            created_at timestamptz NOT NULL, looked_at timestamptz NOT NULL,
            ended_at timestamptz)"""
    )
    op.execute("CREATE INDEX ix_replay_endpoint_id ON replay (endpoint_id, created_at, id)")
    op.execute("CREATE INDEX ix_replay_running ON replay (looked_at) WHERE state = 'running'")
    op.execute("ALTER TABLE delivery ADD COLUMN replay_id uuid")
    create_index("ix_delivery_replay_id", "delivery (replay_id, state) WHERE replay_id IS NOT NULL")
