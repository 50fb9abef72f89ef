"""Time in the console: journeys are folded, spans kept a week, sessions until they end."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chassis.timers import Timers
from chassis.transaction import Transaction
from console.sessions import forget_ended
from console.spans import forget_old_spans
from console.summaries import ANY_UNFOLDED, UNFOLDED, fold_all

timers = Timers()


@timers.every(600)
async def forget_spans(tx: Transaction) -> int:
    """Drop spans older than a week, a portion at a time."""
    return await forget_old_spans(tx)


@timers.portions(ANY_UNFOLDED, UNFOLDED, row_id="u.journey_id")
async def fold_journeys(journeys: Sequence[UUID], tx: Transaction) -> None:
    """Bring the summaries of journeys up to their facts."""
    await fold_all(journeys, tx)


@timers.every(600)
async def forget_sessions(tx: Transaction) -> int:
    """Drop sessions whose time is over."""
    return await forget_ended(tx)
