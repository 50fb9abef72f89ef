"""Rows that a timer cannot handle: noted, left out until their next try, reported to on-call.

Imported by timers of the chassis and of services. A row is an aggregate or whatever else the timer
handles one by one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from chassis import bulk
from chassis.db import Database
from chassis.transaction import Transaction
from chassis.tries import why

logger = logging.getLogger(__name__)

NOTE = """
INSERT INTO timer_failure AS f (timer, row_id, error_class, error, failed_at, last_failed_at, tries,
                                next_at)
VALUES ($1, $2, $3, $4, $5, $5, 1, $5::timestamptz + interval '1 minute')
ON CONFLICT (timer, row_id) DO UPDATE SET error_class = excluded.error_class,
  error = excluded.error, last_failed_at = $5, tries = f.tries + 1,
  next_at = $5::timestamptz
            + least(interval '1 hour', interval '1 minute' * power(2, least(f.tries, 10)))
"""
"""Each failure doubles the wait, from a minute to an hour."""
STILL_FAILING = timedelta(hours=2)
"""A row that failed within this time still does: it is tried at least once an hour. A row that is
not due any more, since a person has handled it, is not tried again."""
FORGET = "DELETE FROM timer_failure WHERE timer = $1 AND row_id = ANY($2::uuid[])"


def but_failing(timer: str, row_id: str = "id", now: str = "$1") -> str:
    """A condition for the timer's query: the row does not wait for its next try."""
    return (
        f"NOT EXISTS (SELECT 1 FROM timer_failure f WHERE f.timer = '{timer}'"  # noqa: S608 - ours
        f" AND f.row_id = {row_id} AND f.next_at > {now})"
    )


async def note(database: Database, timer: str, row_id: UUID, error: Exception) -> None:
    """Report a row that could not be handled, after its transaction was rolled back."""
    async with database.transaction() as tx:
        await note_within(tx, timer, row_id, error)


async def note_within(tx: Transaction, timer: str, row_id: UUID, error: Exception) -> None:
    """Report a row that is left out of a transaction which goes on without it."""
    logger.error("timer %s fails on %s", timer, row_id, exc_info=error)
    said = (type(error).__name__, why(error))
    await bulk.execute(tx.connection, NOTE, timer, row_id, *said, tx.now)


async def forget(tx: Transaction, timer: str, handled: Sequence[UUID]) -> None:
    """These rows were handled: what failed before has passed."""
    await bulk.execute(tx.connection, FORGET, timer, list(handled))
