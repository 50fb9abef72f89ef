"""The DDL of the mechanics' tables, by version. A service's first migration calls ``create_v1``.

Statements are frozen once released; a change is a new version that a service's next migration
calls. Partitioned tables get their partitions from `KEEP_PARTITIONS`, at migration and hourly.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

DAYS_AHEAD = 3
INBOX_DAYS = 14
A_PAGE = 8160
"""The largest row that is kept in its page, uncompressed."""
EVENT_LOG_DAYS = 400


def _first_id(day: str) -> str:
    """`first_id` of a day, in SQL."""
    milliseconds = f"(extract(epoch FROM {day}::timestamp AT TIME ZONE 'UTC') * 1000)::bigint"
    return f"(lpad(to_hex({milliseconds}), 12, '0') || repeat('0', 20))::uuid"


KEEPING_PARTITIONS: tuple[str, ...] = (
    f"""CREATE OR REPLACE FUNCTION keep_partitions() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET datestyle = ISO AS $$
    DECLARE
      today date = (now() AT TIME ZONE 'UTC')::date;
      starts date; ends date; suffix text; opens uuid; closes uuid; gone text;
    BEGIN
      FOR starts IN SELECT today + n FROM generate_series(-1, {DAYS_AHEAD - 1}) n LOOP
        ends = starts + 1;
        suffix = to_char(starts, 'YYYYMMDD');
        IF to_regclass('event_log_' || suffix) IS NULL THEN
          EXECUTE 'CREATE TABLE event_log_' || suffix || ' PARTITION OF event_log'
            || ' FOR VALUES FROM (' || quote_literal(starts || ' 00:00+00')
            || ') TO (' || quote_literal(ends || ' 00:00+00') || ')'
            || ' WITH (toast_tuple_target = {A_PAGE}, autovacuum_analyze_threshold = 100000,'
            || ' autovacuum_analyze_scale_factor = 1)';
        END IF;
        IF to_regclass('inbox_' || suffix) IS NULL THEN
          opens = {_first_id("starts")};
          closes = {_first_id("ends")};
          EXECUTE 'CREATE TABLE inbox_' || suffix || ' PARTITION OF inbox'
            || ' FOR VALUES FROM (' || quote_literal(opens)
            || ') TO (' || quote_literal(closes) || ')';
        END IF;
      END LOOP;
      FOR gone IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        JOIN (VALUES ('inbox', {INBOX_DAYS}), ('event_log', {EVENT_LOG_DAYS})) kept(name, days)
          ON i.inhparent = kept.name::regclass
        WHERE c.relname ~ '_[0-9]{{8}}$'
          AND c.relname < kept.name || '_' || to_char(today - kept.days, 'YYYYMMDD')
      LOOP
        EXECUTE 'DROP TABLE ' || quote_ident(gone);
      END LOOP;
    END $$""",  # noqa: S608 - constants of this module
    "REVOKE ALL ON FUNCTION keep_partitions() FROM PUBLIC",
)
"""A day's partitions of the event log and the inbox, made ahead of time and dropped past their
keeping. It runs with the rights of the owner, whoever calls it: a role that serves can neither make
nor drop a table, and by this one door nothing but what is too old. Replaced at every migration."""
KEEP_PARTITIONS = "SELECT keep_partitions()"

_HOT = (
    "autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000,"
    " autovacuum_analyze_scale_factor = 0.0, autovacuum_analyze_threshold = 5000,"
    " autovacuum_vacuum_cost_delay = 0"
)

V1: tuple[str, ...] = (
    f"""CREATE TABLE outbox (
        seq bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) CONSTRAINT pk_outbox PRIMARY KEY,
        id uuid NOT NULL, shard smallint NOT NULL, topic text NOT NULL, key text NOT NULL,
        aggregatetype text NOT NULL, aggregateid text NOT NULL, aggregate_version bigint NOT NULL,
        type text NOT NULL, headers jsonb NOT NULL, payload bytea NOT NULL,
        created_at timestamptz NOT NULL) WITH ({_HOT})""",
    "ALTER TABLE outbox ALTER payload SET STORAGE EXTERNAL, ALTER headers SET STORAGE EXTERNAL",
    "CREATE INDEX ix_outbox_shard_seq ON outbox (shard, seq)",
    "CREATE TABLE outbox_shard (shard smallint CONSTRAINT pk_outbox_shard PRIMARY KEY)",
    "INSERT INTO outbox_shard SELECT generate_series(0, 15)",
    """CREATE TABLE outbox_dead (
        seq bigint CONSTRAINT pk_outbox_dead PRIMARY KEY, id uuid NOT NULL, topic text NOT NULL,
        key text NOT NULL, type text NOT NULL, headers jsonb NOT NULL, payload bytea NOT NULL,
        created_at timestamptz NOT NULL, died_at timestamptz NOT NULL, error text NOT NULL)""",
    "CREATE INDEX ix_outbox_dead_key ON outbox_dead (key)",
    """CREATE TABLE event_log (
        published_at timestamptz NOT NULL, seq bigint NOT NULL, id uuid NOT NULL,
        topic text NOT NULL, key text NOT NULL, aggregateid text NOT NULL,
        aggregate_version bigint NOT NULL, type text NOT NULL, headers jsonb NOT NULL,
        payload bytea NOT NULL, created_at timestamptz NOT NULL,
        CONSTRAINT pk_event_log PRIMARY KEY (published_at, seq))
        PARTITION BY RANGE (published_at)""",
    "CREATE INDEX ix_event_log_aggregateid ON event_log (aggregateid)",
    """CREATE TABLE inbox (
        consumer text NOT NULL, event_id uuid NOT NULL, received_at timestamptz NOT NULL,
        CONSTRAINT pk_inbox PRIMARY KEY (consumer, event_id)) PARTITION BY RANGE (event_id)""",
    "CREATE TABLE inbox_default PARTITION OF inbox DEFAULT",
    """CREATE TABLE parked_key (
        consumer text NOT NULL, topic text NOT NULL, key text NOT NULL, status text NOT NULL,
        attempts integer NOT NULL, next_retry_at timestamptz NOT NULL, error_class text NOT NULL,
        error text NOT NULL, wake_key text, trace_id text, parked_at timestamptz NOT NULL,
        CONSTRAINT pk_parked_key PRIMARY KEY (consumer, topic, key))""",
    "CREATE INDEX ix_parked_key_due ON parked_key (consumer, next_retry_at)"
    " WHERE status = 'retrying'",
    "CREATE INDEX ix_parked_key_wake_key ON parked_key (wake_key) WHERE wake_key IS NOT NULL",
    """CREATE TABLE parked_message (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_parked_message PRIMARY KEY,
        consumer text NOT NULL, event_id uuid NOT NULL, topic text NOT NULL, key text NOT NULL,
        partition integer NOT NULL, kafka_offset bigint NOT NULL, type text, headers jsonb NOT NULL,
        raw bytea, state text NOT NULL, error text, journey_id uuid,
        parked_at timestamptz NOT NULL)""",
    "CREATE UNIQUE INDEX uq_parked_message_event ON parked_message (consumer, event_id)",
    "CREATE INDEX ix_parked_message_key ON parked_message (consumer, topic, key, id)",
    "CREATE INDEX ix_parked_message_journey_id ON parked_message (journey_id)",
    """CREATE TABLE gate (
        aggregate_id uuid NOT NULL, name text NOT NULL, opened_at timestamptz NOT NULL,
        aggregate text NOT NULL, journey_id uuid NOT NULL, number text NOT NULL,
        owner text NOT NULL, due_at timestamptz NOT NULL, overdue_at timestamptz,
        cleared_at timestamptz, cleared_by text, evidence text,
        CONSTRAINT pk_gate PRIMARY KEY (aggregate_id, name, opened_at))""",
    "CREATE INDEX ix_gate_journey_id ON gate (journey_id)",
    "CREATE INDEX ix_gate_due_at ON gate (due_at) WHERE cleared_at IS NULL AND overdue_at IS NULL",
    "CREATE TABLE subscription (consumer text NOT NULL, topic text NOT NULL,"
    " since timestamptz NOT NULL, CONSTRAINT pk_subscription PRIMARY KEY (consumer, topic))",
    "CREATE TABLE number_series (series text CONSTRAINT pk_number_series PRIMARY KEY,"
    " next_value bigint NOT NULL)",
)


def create_v1(execute: Callable[[str], object]) -> None:
    """Create the tables of the mechanics; ``execute`` is Alembic's ``op.execute``."""
    for statement in (*V1, *HTTP_V1, *KEEPING_PARTITIONS, KEEP_PARTITIONS):
        execute(statement)


HTTP_V1: tuple[str, ...] = (
    """CREATE TABLE idempotency_key (
        principal text NOT NULL, key text NOT NULL, request_hash text NOT NULL,
        status integer NOT NULL, headers jsonb NOT NULL, body bytea NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT pk_idempotency_key PRIMARY KEY (principal, key))""",
    "CREATE INDEX ix_idempotency_key_created_at ON idempotency_key (created_at)",
    """CREATE TABLE policy (
        name text NOT NULL, version integer NOT NULL, body jsonb NOT NULL, changed_by text NOT NULL,
        changed_at timestamptz NOT NULL, reason text NOT NULL,
        CONSTRAINT pk_policy PRIMARY KEY (name, version))""",
    """CREATE TABLE audit (
        id uuid CONSTRAINT pk_audit PRIMARY KEY, at timestamptz NOT NULL, actor_sub text NOT NULL,
        actor_name text NOT NULL, action text NOT NULL, object_type text NOT NULL,
        object_id text NOT NULL, before jsonb, after jsonb, reason text NOT NULL)""",
    "CREATE INDEX ix_audit_object_id ON audit (object_id)",
)


def keep_whole(execute: Callable[[str], object], table: str, *documents: str) -> None:
    """Suit a table to rows that are one document of a few KiB and are written anew two or three
    times: a row of up to a page stays in the page as it is, with room beside it for its next
    version. By default PostgreSQL compresses every row over 2 KiB, which costs more than all its
    indexes, and takes the documents apart again for statistics that no query asks for.
    """
    execute(f"ALTER TABLE {table} SET (toast_tuple_target = {A_PAGE}, fillfactor = 50)")
    columns = ", ".join(f"ALTER {column} SET STATISTICS 0" for column in documents)
    execute(f"ALTER TABLE {table} {columns}")


def keep_facts_whole(execute: Callable[[str], object]) -> None:
    """Version 2 of the mechanics' tables: the outbox, and the event log from its next day on."""
    execute(f"ALTER TABLE outbox SET (toast_tuple_target = {A_PAGE})")
    execute("ALTER TABLE outbox ALTER headers SET STATISTICS 0, ALTER payload SET STATISTICS 0")


def keep_audit(execute: Callable[[str], object]) -> None:
    """The audit only grows, whoever asks: for a service's next migration."""
    execute(
        """CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the audit is never changed'; END $$"""
    )
    execute(
        "CREATE TRIGGER keep_audit BEFORE UPDATE OR DELETE ON audit"
        " FOR EACH ROW EXECUTE FUNCTION keep_audit()"
    )


def create_acts(execute: Callable[[str], object]) -> None:
    """What people do to messages: edits that two agree on, acts on many, and of each act its
    journey. For a service's next migration."""
    for statement in ACTS:
        execute(statement)


ACTS: tuple[str, ...] = (
    "ALTER TABLE audit ADD journey_id uuid",
    "CREATE INDEX ix_audit_journey_id ON audit (journey_id) WHERE journey_id IS NOT NULL",
    """CREATE TABLE payload_edit (
        id uuid CONSTRAINT pk_payload_edit PRIMARY KEY, consumer text NOT NULL, topic text NOT NULL,
        key text NOT NULL, type text NOT NULL, event_id uuid NOT NULL, new_event_id uuid,
        journey_id uuid NOT NULL, status text NOT NULL, payload bytea NOT NULL, diff jsonb NOT NULL,
        reason text NOT NULL, proposed_by text NOT NULL, proposed_by_name text NOT NULL,
        proposed_at timestamptz NOT NULL, decided_by text, decided_by_name text,
        decided_at timestamptz)""",
    "CREATE INDEX ix_payload_edit_status ON payload_edit (status, id)",
    """CREATE TABLE bulk_run (
        id uuid CONSTRAINT pk_bulk_run PRIMARY KEY, action text NOT NULL, fingerprint text NOT NULL,
        reason text NOT NULL, actor_sub text NOT NULL, actor_name text NOT NULL,
        per_second integer NOT NULL, status text NOT NULL, next_at timestamptz NOT NULL,
        created_at timestamptz NOT NULL, finished_at timestamptz)""",
    "CREATE INDEX ix_bulk_run_due ON bulk_run (next_at) WHERE status = 'running'",
    """CREATE TABLE bulk_item (
        run_id uuid NOT NULL, n integer NOT NULL, topic text NOT NULL, key text NOT NULL,
        event_id uuid NOT NULL, outcome text, acted_at timestamptz,
        CONSTRAINT pk_bulk_item PRIMARY KEY (run_id, n))""",
)


def keep_tries(execute: Callable[[str], object]) -> None:
    """Of each parked message what its tries came to. For a service's next migration."""
    execute("ALTER TABLE parked_message ADD tries jsonb NOT NULL DEFAULT '[]'")


def keep_failures(execute: Callable[[str], object]) -> None:
    """What a timer cannot handle, and facts that a person has left out of Kafka. For a service's
    next migration."""
    execute(
        """CREATE TABLE timer_failure (
        timer text NOT NULL, row_id uuid NOT NULL, error_class text NOT NULL, error text NOT NULL,
        failed_at timestamptz NOT NULL, last_failed_at timestamptz NOT NULL,
        tries integer NOT NULL, next_at timestamptz NOT NULL,
        CONSTRAINT pk_timer_failure PRIMARY KEY (timer, row_id))"""
    )
    execute("ALTER TABLE outbox_dead ADD skipped_at timestamptz")


def create_number_sequence(execute: Callable[[str], object], series: str) -> None:
    """The sequence behind ``tx.number(series)``."""
    execute(f"CREATE SEQUENCE number_{series.lower()}")


def aggregate_columns(table: str) -> str:
    """The columns of `chassis.tables.AggregateRow`, for a CREATE TABLE in a service's migration."""
    return (
        f"id uuid CONSTRAINT pk_{table} PRIMARY KEY, journey_id uuid NOT NULL,"
        " number text NOT NULL, version bigint NOT NULL, revision bigint NOT NULL,"
        " created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, body jsonb NOT NULL"
    )


def first_id(moment: datetime) -> UUID:
    """The smallest UUIDv7 of an instant: its 48 bits of milliseconds, then zeros."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
