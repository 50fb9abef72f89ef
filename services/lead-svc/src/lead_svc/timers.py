"""Time in lead-svc: keys of leads that the version before stored. The chassis sweeps its gates."""

from __future__ import annotations

from chassis.timers import Timers
from chassis.transaction import Transaction
from lead_svc.rekey import ANY_EARLIER, rekey

timers = Timers()


@timers.when(ANY_EARLIER)
async def derive_keys_anew(tx: Transaction) -> int:
    """Bring leads that the version before stored beside this one to the current rule."""
    return await tx.connection.run_sync(rekey)
