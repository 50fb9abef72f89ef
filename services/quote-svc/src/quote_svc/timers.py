"""Time in quote-svc: offers that nobody answered lapse."""

from __future__ import annotations

from chassis.timers import Timers
from chassis.transaction import Transaction
from quote_svc.commands.answer import expire_quote

timers = Timers()

LAPSED = """
SELECT id FROM quote WHERE status = 'sent' AND valid_until <= $1
ORDER BY valid_until LIMIT 100 FOR UPDATE SKIP LOCKED
"""
ANY_LAPSED = "(SELECT min(valid_until) FROM quote WHERE status = 'sent') <= clock.now"


@timers.when(ANY_LAPSED)
async def expire(tx: Transaction) -> int:
    """Expire what is past its validity; asked again under the lock, so an acceptance wins."""
    rows = (await tx.connection.exec_driver_sql(LAPSED, (tx.now,))).all()
    for (quote_id,) in rows:
        await expire_quote(quote_id, tx)
    return len(rows)
