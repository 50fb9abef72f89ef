"""Time in the console: spans are kept for a week."""

from __future__ import annotations

from chassis.timers import Timers
from chassis.transaction import Transaction
from console.spans import forget_old_spans

timers = Timers()


@timers.every(600)
async def forget_spans(tx: Transaction) -> int:
    """Drop spans older than a week, a portion at a time."""
    return await forget_old_spans(tx)
