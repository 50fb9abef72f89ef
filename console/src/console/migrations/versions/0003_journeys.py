"""A row for each journey, folded from its facts, and where each fact stands on its topic."""

from alembic import op

from chassis.migrate import create_index

revision = "0003"
down_revision = "0002"
oldest_user = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE journey_event ADD COLUMN kafka_partition smallint")
    op.execute("ALTER TABLE journey_event ADD COLUMN kafka_offset bigint")
    op.execute(
        "CREATE TABLE unfolded (journey_id uuid NOT NULL, event_id uuid NOT NULL,"
        " CONSTRAINT pk_unfolded PRIMARY KEY (journey_id, event_id))"
    )
    op.execute(
        """CREATE TABLE journey (
            journey_id uuid NOT NULL, customer text, stage text NOT NULL, state text NOT NULL,
            gate_stage text, waits_for text, due_at timestamptz, seller text, seller_team text,
            last_fact_at timestamptz NOT NULL,
            CONSTRAINT pk_journey PRIMARY KEY (journey_id))"""
    )
    op.execute("CREATE INDEX ix_journey_last_fact_at ON journey (last_fact_at, journey_id)")
    op.execute(
        "CREATE INDEX ix_journey_breach_at ON journey (coalesce(due_at, last_fact_at), journey_id)"
        " WHERE state = 'open'"
    )
    # Journeys from before this version are folded like new facts, a portion at a time.
    op.execute(
        "INSERT INTO unfolded SELECT DISTINCT ON (journey_id) journey_id, event_id"
        " FROM journey_event"
    )
    create_index("ix_journey_key_upper", "journey_key (upper(key) text_pattern_ops)")
