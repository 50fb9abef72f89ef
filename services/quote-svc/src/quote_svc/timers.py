"""Time in quote-svc: offers that nobody answered lapse."""

from __future__ import annotations

from uuid import UUID

from chassis.timers import Timers
from chassis.transaction import Transaction
from quote_svc.commands.answer import expire_quote

timers = Timers()

LAPSED = """
SELECT id FROM quote WHERE status = 'sent' AND valid_until <= $1 AND {but_failing}
ORDER BY valid_until LIMIT 100 FOR UPDATE SKIP LOCKED
"""
ANY_LAPSED = "(SELECT min(valid_until) FROM quote WHERE status = 'sent') <= clock.now"


@timers.each(ANY_LAPSED, LAPSED)
async def expire(quote_id: UUID, tx: Transaction) -> None:
    """Expire what is past its validity; asked again under the lock, so an acceptance wins."""
    await expire_quote(quote_id, tx)
