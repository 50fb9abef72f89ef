"""billing-svc: what was delivered is invoiced, paid, and in the ledger."""

from __future__ import annotations

from billing_svc import __version__
from billing_svc.api import router
from billing_svc.clearings import CLEARINGS
from billing_svc.consumers import consumer
from billing_svc.storage import BillingAccounts, Invoices, Payments
from billing_svc.timers import timers
from chassis.runtime import Service

service = Service(
    name="billing-svc",
    version=__version__,
    router=router,
    consumer=consumer,
    repositories=(BillingAccounts, Invoices, Payments),
    timers=timers,
    clearings=CLEARINGS,
    larger_bodies={
        "/bank-statements": 4 * 1024 * 1024,
        "/bank-statements/file": 4 * 1024 * 1024,
    },
    description="Invoices by the contract's schedule, applies payments, keeps the ledger.",
)
