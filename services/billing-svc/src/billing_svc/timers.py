"""Time in billing-svc: instalments fall due, invoices become overdue."""

from __future__ import annotations

from uuid import UUID

from billing_svc.commands.invoice import charge_due_items, mark_overdue
from billing_svc.commands.prepayment import decide_late
from chassis.timers import Timers
from chassis.transaction import Transaction

timers = Timers()

DUE = """
SELECT id FROM billing_account WHERE next_due_at <= $1 AND {but_failing}
ORDER BY next_due_at LIMIT 100 FOR UPDATE SKIP LOCKED
"""
ANY_DUE = "(SELECT min(next_due_at) FROM billing_account) <= clock.now"
LATE = """
SELECT id FROM invoice WHERE NOT overdue AND outstanding_minor > 0
  AND due_on < ($1 AT TIME ZONE 'UTC')::date AND {but_failing}
ORDER BY due_on LIMIT 100 FOR UPDATE SKIP LOCKED
"""
ANY_LATE = """
(SELECT min(due_on) FROM invoice WHERE NOT overdue AND outstanding_minor > 0)
  < (clock.now AT TIME ZONE 'UTC')::date
"""

UNDECIDED = """
SELECT id FROM billing_account WHERE prepayment_undecided AND {but_failing}
ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED
"""
ANY_UNDECIDED = (
    "(SELECT min(created_at) FROM billing_account WHERE prepayment_undecided) <= clock.now"
)


@timers.each(ANY_UNDECIDED, UNDECIDED)
async def decide_prepayments(contract_id: UUID, tx: Transaction) -> None:
    """Decide for accounts that a version before this one opened."""
    await decide_late(contract_id, tx)


@timers.each(ANY_DUE, DUE)
async def charge_instalments(contract_id: UUID, tx: Transaction) -> None:
    """Invoice the instalments whose day has come."""
    await charge_due_items(contract_id, tx)


@timers.each(ANY_LATE, LATE)
async def find_overdue(invoice_id: UUID, tx: Transaction) -> None:
    """Mark invoices whose due date has passed with something outstanding."""
    await mark_overdue(invoice_id, tx)
