"""What order-svc decides without a person."""

from __future__ import annotations

from decimal import Decimal

from chassis.policies import Policies, Policy


class Fulfilment(Policy):
    """What is delivered at once, what waits for money or for the ERP."""

    deliver_confirmed_prepayments: bool = True
    """Services and digital goods of an order with a confirmed prepayment go out at once."""
    promise_days: int = 14
    erp_within_hours: int = 48
    prepayment_within_days: int = 7
    credit_limit: Decimal = Decimal(5_000_000)
    """Gross of one order, in the currency's major unit, up to which nobody asks finance."""


policies = Policies(fulfilment=Fulfilment)
