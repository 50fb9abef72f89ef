"""One hash for the business content of each database, clocks excluded: equal before and after a
replay when the replay changed nothing, and after a rebuild when it gave back the same."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from ltc.verify.databases import snapshots
from ltc.verify.sources import Sources

MECHANICS = {
    "alembic_version",
    "audit",
    "bulk_item",
    "bulk_run",
    "event_log",
    "idempotency_key",
    "inbox",
    "outbox",
    "outbox_dead",
    "outbox_shard",
    "parked_key",
    "parked_message",
    "payload_edit",
    "subscription",
    "timer_failure",
}
"""How facts travel, not what they made."""
BESIDE = {"span", "browser_session", "unfolded"}
"""Kept beside the facts and for a time only."""
CLOCKS = {"created_at", "updated_at", "seen_at", "posted_at", "written_at", "first_seen_at"}
"""When we wrote something down, as against when it happened."""
PLACES = {"kafka_partition", "kafka_offset"}
"""Where a fact stood in Kafka: what was fed from an event log does not say so."""

TABLES = """
SELECT c.relname, array_agg(a.attname ORDER BY a.attname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
GROUP BY c.relname ORDER BY c.relname
"""


@dataclass(frozen=True)
class TableHash:
    """The content of one table."""

    rows: int
    hash: str


async def database_hashes(sources: Sources) -> dict[str, dict[str, TableHash]]:
    """By service and table, over every column but clocks, rows in any order. Raises CannotCheck."""
    async with snapshots(sources) as connections:
        return {name: await _tables(connection) for name, connection in sorted(connections.items())}


async def _tables(connection: asyncpg.Connection) -> dict[str, TableHash]:
    found: dict[str, TableHash] = {}
    for table, columns in await connection.fetch(TABLES):
        if table in MECHANICS | BESIDE:
            continue
        kept = ", ".join(f'"{column}"' for column in columns if column not in CLOCKS | PLACES)
        row = await connection.fetchrow(
            "SELECT count(*), md5(coalesce(string_agg(h, '' ORDER BY h COLLATE \"C\"), '')) FROM"  # noqa: S608
            f' (SELECT md5(ROW({kept})::text) AS h FROM "{table}") rows'
        )
        found[table] = TableHash(row[0], row[1])
    return found
