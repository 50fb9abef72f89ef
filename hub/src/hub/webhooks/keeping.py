"""How long deliveries, attempts, and who reads old versions are kept."""

from __future__ import annotations

from datetime import timedelta

from chassis.timers import Timers
from chassis.transaction import Transaction

KEEP = timedelta(days=30)
PORTION = 5000

OLD_ATTEMPTS = """
DELETE FROM attempt WHERE id = ANY(ARRAY(SELECT id FROM attempt WHERE at < $1 LIMIT $2))
"""
OLD_DELIVERIES = """
DELETE FROM delivery WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM delivery WHERE ended_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
"""
OLD_REPLAYS = "DELETE FROM replay WHERE ended_at < $1"
OLD_READERS = "DELETE FROM old_reader WHERE last_at < $1"
ORPHANS = """
DELETE FROM delivery WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM delivery d WHERE NOT EXISTS (SELECT 1 FROM endpoint e WHERE e.id = d.endpoint_id)
  LIMIT $1 FOR UPDATE SKIP LOCKED))
"""


def keep_time(timers: Timers) -> None:
    """Have what is too old, and what belongs to endpoints that are gone, dropped in portions."""

    @timers.every(600)
    async def forget_attempts(tx: Transaction) -> int:
        return await _changed(tx, OLD_ATTEMPTS, tx.now - KEEP, PORTION)

    @timers.every(600)
    async def forget_deliveries(tx: Transaction) -> int:
        return await _changed(tx, OLD_DELIVERIES, tx.now - KEEP, PORTION)

    @timers.every(600)
    async def forget_replays(tx: Transaction) -> int:
        return await _changed(tx, OLD_REPLAYS, tx.now - KEEP)

    @timers.every(600)
    async def forget_old_readers(tx: Transaction) -> int:
        return await _changed(tx, OLD_READERS, tx.now - KEEP)

    @timers.every(600)
    async def forget_orphans(tx: Transaction) -> int:
        return await _changed(tx, ORPHANS, PORTION)


async def _changed(tx: Transaction, statement: str, *values: object) -> int:
    return (await tx.connection.exec_driver_sql(statement, values)).rowcount
