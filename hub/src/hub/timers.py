"""Time in the hub: the feed is folded into states, and its days come and go."""

from __future__ import annotations

from chassis.timers import Timers
from chassis.transaction import Transaction
from hub.feed import KEEP_FEED
from hub.folding import ANY_UNFOLDED, fold
from hub.webhooks.keeping import keep_time
from hub.webhooks.replays import ANY_RUNNING, deal_replays

timers = Timers()
keep_time(timers)
timers.when(ANY_RUNNING)(deal_replays)


@timers.every(3600)
async def keep_feed(tx: Transaction) -> int:
    """Make the next days' partitions and drop those past their keeping."""
    await tx.read(KEEP_FEED)
    return 0


@timers.when(ANY_UNFOLDED)
async def fold_states(tx: Transaction) -> int:
    """Take what the feed has gained into the states."""
    return await fold(tx)
