"""Time in the hub: the feed's days come and go."""

from __future__ import annotations

from chassis.timers import Timers
from chassis.transaction import Transaction
from hub.feed import KEEP_FEED
from hub.webhooks.keeping import keep_time

timers = Timers()
keep_time(timers)


@timers.every(3600)
async def keep_feed(tx: Transaction) -> int:
    """Make the next days' partitions and drop those past their keeping."""
    await tx.read(KEEP_FEED)
    return 0
