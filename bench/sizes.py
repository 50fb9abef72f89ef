"""How large the tables and indexes of an installation are, and how much of them is dead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg

from bench.platform import Platform
from local_infra.postgres import Postgres
from ltc.settings import SERVICES

TABLES = """
SELECT coalesce((SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = c.oid),
                c.relname) AS name,
       sum(pg_table_size(c.oid))::bigint AS heap, sum(pg_indexes_size(c.oid))::bigint AS indexes,
       sum(coalesce(s.n_live_tup, 0))::bigint AS live,
       sum(coalesce(s.n_dead_tup, 0))::bigint AS dead,
       sum(coalesce(s.n_tup_upd, 0))::bigint AS updated,
       sum(coalesce(s.n_tup_hot_upd, 0))::bigint AS hot,
       sum(coalesce(s.seq_tup_read, 0))::bigint AS scanned
FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
GROUP BY 1
"""
WAL = "SELECT wal_bytes::bigint, wal_fpi, wal_records FROM pg_stat_wal"
CHECKPOINTS = "SELECT num_timed + num_requested FROM pg_stat_checkpointer"


async def sizes(platform: Platform) -> dict[str, Any]:
    """MiB of each database's tables and indexes, of the log of PostgreSQL and of Kafka; rows that
    sequential scans have read so far."""
    found: dict[str, Any] = {}
    for name in SERVICES:
        rows = await _tables(platform, name)
        found[name] = {
            "tables_mib": sum(row["heap"] for row in rows) / 2**20,
            "indexes_mib": sum(row["indexes"] for row in rows) / 2**20,
            "dead_rows": sum(row["dead"] for row in rows),
            "scanned_rows": sum(row["scanned"] for row in rows),
        }
    return found | {"postgres": await _log(platform), "kafka": {"log_mib": _kafka_mib(platform)}}


async def tables(platform: Platform) -> dict[str, dict[str, int]]:
    """Of each table of each database: bytes, rows, dead rows, updates."""
    return {
        f"{name}.{row['name']}": {key: row[key] for key in row.keys() if key != "name"}  # noqa: SIM118
        for name in SERVICES
        for row in await _tables(platform, name)
        if row["live"] or row["dead"] or row["scanned"]
    }


async def _tables(platform: Platform, name: str) -> list[Any]:
    connection = await asyncpg.connect(platform.dsn(name))
    try:
        return list(await connection.fetch(TABLES))
    finally:
        await connection.close()


async def _log(platform: Platform) -> dict[str, float]:
    settings = platform.settings
    admin = await asyncpg.connect(Postgres(settings.home, settings.pg_port).admin_dsn)
    try:
        wal, images, records = await admin.fetchrow(WAL)
        checkpoints = await admin.fetchval(CHECKPOINTS)
    finally:
        await admin.close()
    return {
        "wal_mib": wal / 2**20,
        "full_page_images": float(images),
        "wal_records": float(records),
        "checkpoints": float(checkpoints),
    }


def _kafka_mib(platform: Platform) -> float:
    logs = Path(platform.settings.home / "data" / "kafka").rglob("*.log")
    return sum(file.stat().st_blocks * 512 for file in logs) / 2**20
