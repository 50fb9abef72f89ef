"""Many journeys in the console's projection: copies of one that really ran."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

COPY_FACTS = """
INSERT INTO journey_event (journey_id, event_id, type, source, subject, sequence, said_at, seen_at,
    causation_id, trace_id, kafka_partition, kafka_offset, payload)
SELECT md5($2 || n)::uuid, md5(event_id || $2 || n)::uuid, type, source,
    md5(subject || $2 || n)::uuid::text, sequence, said_at, seen_at, NULL, trace_id,
    kafka_partition, kafka_offset,
    replace(payload, '-2026-', '-2026-' || $2 || n || '-')
FROM journey_event CROSS JOIN generate_series(1, $3::integer) n WHERE journey_id = $1
"""
COPY_SUMMARIES = """
INSERT INTO journey (journey_id, customer, stage, state, gate_stage, waits_for, due_at, seller,
    seller_team, last_fact_at)
SELECT md5($2 || n)::uuid, customer || ' ' || n, stage, state, gate_stage, waits_for,
    due_at - n * interval '1 s', seller, seller_team, last_fact_at - n * interval '1 s'
FROM journey CROSS JOIN generate_series(1, $3::integer) n WHERE journey_id = $1
"""
COPY_KEYS = """
INSERT INTO journey_key
SELECT replace(key, '-2026-', '-2026-' || $2 || n || '-'), md5($2 || n)::uuid
FROM journey_key CROSS JOIN generate_series(1, $3::integer) n
WHERE journey_id = $1 AND key LIKE '%-2026-%'
"""
FORGET = """
DELETE FROM {table} WHERE journey_id IN (SELECT md5($1 || n)::uuid FROM generate_series(1, $2) n)
"""


@asynccontextmanager
async def copied(
    console: asyncpg.Connection, copies: Mapping[UUID, tuple[str, int]]
) -> AsyncIterator[None]:
    """Each of these journeys so many times more, under numbers and ids of its own that have its
    mark. The copies are gone at the end."""
    try:
        for journey, (mark, count) in copies.items():
            for statement in (COPY_FACTS, COPY_SUMMARIES, COPY_KEYS):
                await console.execute(statement, journey, mark, count)
        await console.execute("VACUUM ANALYZE journey, journey_event, journey_key")
        yield
    finally:
        for mark, count in copies.values():
            for table in ("journey", "journey_key", "journey_event"):
                await console.execute(FORGET.format(table=table), mark, count)
