"""What an observer cannot handle is set aside, loudly, and what comes behind it goes on.

The message is kept with its bytes as one that was given up, counted (the alert DeadLetters), and in
the audit as skipped by rule: no person has decided, and `ltc verify` misses it if it was a fact.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import UUID

from chassis import draining, parking, tries
from chassis.audit import audit
from chassis.delivery import Delivery
from chassis.draining import Head
from chassis.transaction import Transaction
from chassis.tries import Process

logger = logging.getLogger(__name__)


async def set_aside(
    tx: Transaction, consumer: str, failed: Sequence[tuple[Delivery, Exception]], by: Process
) -> None:
    """Go on past messages that nobody can read, which are not kept here yet."""
    await parking.keep_given_up(
        tx.connection,
        consumer,
        [delivery for delivery, _ in failed],
        now=tx.now,
        failed={d.event_id: tries.failed(error, tx.now, by) for d, error in failed},
    )
    for delivery, error in {d.event_id: (d, e) for d, e in failed}.values():
        _note(tx, delivery, delivery.event_id, error)


async def set_head_aside(
    tx: Transaction, consumer: str, head: Head, delivery: Delivery, error: Exception
) -> None:
    """Go on past the head of a parked key, after its last try."""
    await draining.set_head_aside(tx.connection, consumer, delivery.lane, head)
    _note(tx, delivery, head.event_id, error)


def _note(tx: Transaction, delivery: Delivery, event_id: UUID, error: Exception) -> None:
    envelope, (topic, key) = delivery.envelope, delivery.lane
    logger.error("set aside %s of %s: %s: %s", topic, key, type(error).__name__, tries.why(error))
    audit(
        tx,
        tx.actor,
        "skip",
        f"parked:{topic}",
        key,
        before={
            "event_id": str(event_id),
            "type": envelope.type if envelope else None,
            "error_class": type(error).__name__,
            "error": tries.why(error),
        },
        after={"event_id": str(event_id), "state": "skipped"},
        reason="by rule: an observer goes on past what it cannot handle",
        journey_id=envelope.journey_id if envelope else None,
    )
