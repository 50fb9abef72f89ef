"""The tables of the hub as first released."""

from alembic import op

from chassis.schema import create_v1, keep_facts_whole

revision = "0001"
down_revision = None

DAYS_AHEAD = 3
FEED_DAYS = 30
"""How long facts are kept where no policy says otherwise."""


def upgrade() -> None:
    create_v1(op.execute)
    keep_facts_whole(op.execute)
    op.execute(
        """CREATE TABLE feed (
            seen_at timestamptz NOT NULL,
            position bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) NOT NULL,
            event_id uuid NOT NULL, type text NOT NULL, stage text NOT NULL,
            subject uuid NOT NULL, sequence bigint NOT NULL, journey_id uuid NOT NULL,
            owner text, amount_minor bigint, currency text, said_at timestamptz NOT NULL,
            partition integer NOT NULL, kafka_offset bigint NOT NULL,
            envelope text NOT NULL, data text NOT NULL,
            CONSTRAINT pk_feed PRIMARY KEY (seen_at, position)) PARTITION BY RANGE (seen_at)"""
    )
    op.execute("CREATE INDEX ix_feed_position ON feed (position)")
    op.execute("CREATE INDEX ix_feed_subject ON feed (subject, position)")
    op.execute("CREATE INDEX ix_feed_journey_id ON feed (journey_id, position)")
    op.execute(
        """CREATE FUNCTION feed_in_turn() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM pg_advisory_xact_lock(hashtextextended('feed', 0));
          RETURN NULL;
        END $$"""
    )
    # Before any row has its position, and held until the commit: positions become visible in
    # their order, so nobody who reads up to one misses a lower one that commits later.
    op.execute(
        "CREATE TRIGGER feed_in_turn BEFORE INSERT ON feed"
        " FOR EACH STATEMENT EXECUTE FUNCTION feed_in_turn()"
    )
    op.execute(
        "CREATE TABLE feed_floor (id smallint CONSTRAINT pk_feed_floor PRIMARY KEY,"
        " position bigint NOT NULL)"
    )
    op.execute("INSERT INTO feed_floor VALUES (0, 0)")
    op.execute("COMMENT ON TABLE feed_floor IS 'seed'")
    op.execute(
        """CREATE TABLE snapshot (
            stage text NOT NULL, aggregate_id uuid NOT NULL, journey_id uuid NOT NULL,
            sequence bigint NOT NULL, event_id uuid NOT NULL,
            said_at timestamptz NOT NULL, partition integer NOT NULL,
            kafka_offset bigint NOT NULL, data text NOT NULL,
            CONSTRAINT pk_snapshot PRIMARY KEY (stage, aggregate_id))"""
    )
    op.execute("CREATE INDEX ix_snapshot_partition ON snapshot (stage, partition, kafka_offset)")
    op.execute(
        "CREATE TABLE subscriber (name text CONSTRAINT pk_subscriber PRIMARY KEY,"
        " personal boolean NOT NULL, stages text[], changed_at timestamptz NOT NULL)"
    )
    op.execute(
        "CREATE TABLE fold (id smallint CONSTRAINT pk_fold PRIMARY KEY,"
        " position bigint NOT NULL, at timestamptz NOT NULL)"
    )
    op.execute("INSERT INTO fold VALUES (0, 0, '2000-01-01Z')")
    op.execute("COMMENT ON TABLE fold IS 'seed'")
    op.execute(
        "CREATE TABLE state_partition (stage text NOT NULL, partition integer NOT NULL,"
        " folded bigint NOT NULL, said bigint NOT NULL, whole bigint NOT NULL,"
        " CONSTRAINT pk_state_partition PRIMARY KEY (stage, partition))"
    )
    op.execute(KEEP_FEED)
    op.execute("SELECT keep_feed()")


KEEP_FEED = f"""
CREATE FUNCTION keep_feed() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET datestyle = ISO AS $$
DECLARE
  today date = (now() AT TIME ZONE 'UTC')::date;
  days integer; starts date; gone text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('keep_feed', 0));
  FOR starts IN SELECT today + n FROM generate_series(-1, {DAYS_AHEAD - 1}) n LOOP
    IF to_regclass('feed_' || to_char(starts, 'YYYYMMDD')) IS NULL THEN
      EXECUTE 'CREATE TABLE feed_' || to_char(starts, 'YYYYMMDD') || ' PARTITION OF feed'
        || ' FOR VALUES FROM (' || quote_literal(starts || ' 00:00+00')
        || ') TO (' || quote_literal(starts + 1 || ' 00:00+00') || ')'
        || ' WITH (toast_tuple_target = 8160)';
    END IF;
  END LOOP;
  SELECT coalesce((SELECT (body->>'days')::integer FROM policy WHERE name = 'feed'
                   ORDER BY version DESC LIMIT 1), {FEED_DAYS}) INTO days;
  FOR gone IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'feed'::regclass
      AND c.relname < 'feed_' || to_char(today - days, 'YYYYMMDD')
  LOOP
    EXECUTE 'UPDATE feed_floor SET position = greatest(position,'
      || ' (SELECT max(position) FROM ' || quote_ident(gone) || '))';
    EXECUTE 'DROP TABLE ' || quote_ident(gone);
  END LOOP;
END $$"""
"""A day's partition of the feed, made ahead of time and dropped past its keeping, with the rights
of the owner: the role that serves can neither change nor drop what is kept."""
