"""What waits in a service's database, read when its metrics are asked for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import cast

from sqlalchemy.pool import QueuePool

from chassis import bulk
from chassis.db import Database
from chassis.metrics import Metrics
from chassis.schema import first_id
from chassis.timer_failures import STILL_FAILING

logger = logging.getLogger(__name__)

FRESH_S = 2.0
"""However many ask for the metrics, the database is not read more often."""
READ_WITHIN_S = 2.0
"""After that the metrics are told without what the database would add."""

STATE = """
SELECT (SELECT count(*) FROM outbox),
       (SELECT extract(epoch FROM now() - min(created_at)) FROM outbox),
       (SELECT count(*) FROM parked_key WHERE status = 'retrying'),
       (SELECT count(*) FROM parked_key WHERE status = 'dead'),
       (SELECT count(*) FROM parked_message WHERE state IN ('waiting', 'dead')),
       (SELECT extract(epoch FROM now() - min(parked_at)) FROM parked_key),
       (SELECT count(*) FROM parked_message WHERE state = 'dead')
         + (SELECT count(*) FROM outbox_dead WHERE skipped_at IS NULL),
       (SELECT count(*) FROM outbox_dead WHERE skipped_at IS NULL),
       (SELECT count(*) FROM audit WHERE id > $1 AND action = 'skip'
          AND object_type LIKE 'parked:%' AND actor_sub LIKE 'system:%'),
       (SELECT count(*) FROM timer_failure WHERE last_failed_at > now() - $2::interval),
       g.open_now, g.overdue, g.oldest_s, g.p95_s,
       (SELECT extract(epoch FROM now() - min(xact_start)) FROM pg_stat_activity
        WHERE datname = current_database() AND state <> 'idle')
FROM (SELECT count(*) AS open_now, count(overdue_at) AS overdue,
             extract(epoch FROM now() - min(opened_at)) AS oldest_s,
             percentile_cont(0.95) WITHIN GROUP (
               ORDER BY extract(epoch FROM now() - opened_at)) AS p95_s
      FROM gate WHERE cleared_at IS NULL) g
"""
CLASSES = """
SELECT error_class, count(*), extract(epoch FROM now() - min(parked_at))
FROM parked_key GROUP BY error_class
"""
LATE_GATES = """
SELECT name, CASE WHEN owner LIKE 'person:%' THEN 'person' ELSE owner END, count(*),
       max(extract(epoch FROM now() - due_at))
FROM gate WHERE cleared_at IS NULL AND overdue_at IS NOT NULL GROUP BY 1, 2
"""
"""Who a person is stays out of the metrics."""

LATELY = timedelta(hours=1)
"""So long a message that was set aside by rule is told of: no act of a person ends that."""


class Gauges:
    """What a process reads from its database for its metrics, once for all who ask at a time."""

    def __init__(self) -> None:
        self.readers: list[Callable[[], Awaitable[None]]] = []
        self._reading = asyncio.Lock()
        self._read_at = -FRESH_S

    async def refresh(self) -> None:
        """Read what is older than `FRESH_S`. A reader that fails leaves its gauges as they are."""
        async with self._reading:
            if time.monotonic() - self._read_at < FRESH_S:
                return
            for read in self.readers:
                try:
                    async with asyncio.timeout(READ_WITHIN_S):
                        await read()
                except Exception as error:
                    logger.info("state not read: %s: %s", type(error).__name__, error)
            self._read_at = time.monotonic()


async def report(database: Database, metrics: Metrics) -> None:
    """Set the gauges of outbox, parking, gates, transactions and connections."""
    lately = first_id(datetime.now(UTC) - LATELY)
    [row] = await bulk.ask(database.engine, STATE, lately, STILL_FAILING)
    pending, age, *parked, letters, refused, aside, failing = row[:10]
    retrying, dead, messages, parked_age = parked
    open_gates, overdue, stage_age, stage_p95, oldest = row[10:]
    classes = await bulk.ask(database.engine, CLASSES) if retrying + dead else []
    late = await bulk.ask(database.engine, LATE_GATES) if overdue else []
    metrics.outbox_state(pending, float(age or 0))
    metrics.refused_facts(refused)
    metrics.parked_state(retrying, dead, messages, float(parked_age or 0))
    metrics.parked_classes({name: (keys, float(s)) for name, keys, s in classes})
    metrics.dead_letters(letters, aside)
    metrics.failing_rows(failing)
    metrics.gates_state(open_gates, overdue)
    metrics.late_gates({(gate, owner): (n, float(s)) for gate, owner, n, s in late})
    metrics.stage_age(float(stage_age or 0), float(stage_p95 or 0))
    metrics.oldest_transaction(float(oldest or 0))
    pool = cast(QueuePool, database.engine.pool)
    metrics.pool(pool.checkedout(), pool.checkedin(), pool.size() + pool._max_overflow)
