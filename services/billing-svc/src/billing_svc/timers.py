"""Time in billing-svc: instalments fall due, invoices become overdue."""

from __future__ import annotations

from billing_svc.commands.invoice import charge_due_items, mark_overdue
from chassis.timers import Timers
from chassis.transaction import Transaction

timers = Timers()

DUE = """
SELECT id FROM billing_account WHERE next_due_at <= $1
ORDER BY next_due_at LIMIT 100 FOR UPDATE SKIP LOCKED
"""
ANY_DUE = "(SELECT min(next_due_at) FROM billing_account) <= clock.now"
LATE = """
SELECT id FROM invoice WHERE NOT overdue AND outstanding_minor > 0 AND due_on < $1
ORDER BY due_on LIMIT 100 FOR UPDATE SKIP LOCKED
"""
ANY_LATE = """
(SELECT min(due_on) FROM invoice WHERE NOT overdue AND outstanding_minor > 0)
  < (clock.now AT TIME ZONE 'UTC')::date
"""


@timers.when(ANY_DUE)
async def charge_instalments(tx: Transaction) -> int:
    """Invoice the instalments whose day has come."""
    rows = (await tx.connection.exec_driver_sql(DUE, (tx.now,))).all()
    for (contract_id,) in rows:
        await charge_due_items(contract_id, tx)
    return len(rows)


@timers.when(ANY_LATE)
async def find_overdue(tx: Transaction) -> int:
    """Mark invoices whose due date has passed with something outstanding."""
    rows = (await tx.connection.exec_driver_sql(LATE, (tx.now.date(),))).all()
    for (invoice_id,) in rows:
        await mark_overdue(invoice_id, tx)
    return len(rows)
