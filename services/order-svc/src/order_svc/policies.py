"""What order-svc decides without a person."""

from __future__ import annotations

from decimal import Decimal

from chassis.bounds import AmountLimit, Days, Hours
from chassis.policies import Policies, Policy


class Fulfilment(Policy):
    """What is delivered at once, what waits for money or for the ERP."""

    deliver_confirmed_prepayments: bool = True
    """Services and digital goods of an order with a confirmed prepayment go out at once."""
    promise_days: Days = 14
    erp_within_hours: Hours = 48
    prepayment_within_days: Days = 7
    credit_limit: AmountLimit = Decimal(5_000_000)
    """Gross of one order, in the currency's major unit, up to which nobody asks finance."""


policies = Policies(fulfilment=Fulfilment)
