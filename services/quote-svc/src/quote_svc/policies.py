"""What quote-svc decides without a person."""

from __future__ import annotations

from decimal import Decimal

from chassis.bounds import AmountLimit, Hours
from chassis.policies import Policies, Policy
from contracts.asked import Percent


class Approval(Policy):
    """Which offers may go out without a second pair of eyes."""

    discount_percent: Percent = Decimal(10)
    """Largest discount over the whole document."""
    gross_limit: AmountLimit = Decimal(1_000_000)
    """Largest gross amount, in the currency's major unit."""
    within_hours: Hours = 24


class Express(Policy):
    """Whether a web order's own consent accepts its offer, and an imported record cites one."""

    accept_web_orders: bool = True
    accept_imported: bool = True


policies = Policies(approval=Approval, express=Express)
