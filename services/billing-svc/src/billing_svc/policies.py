"""What billing-svc decides without a person."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from chassis.bounds import AmountLimit, Code
from chassis.policies import Policies, Policy


class Cash(Policy):
    """Which money counts as received before the bank's own line, and who may give credit."""

    trust_providers: tuple[Code, ...] = Field(
        default=("alipay", "wechatpay", "stripe"), max_length=100
    )
    """Payment providers whose confirmation is a statement line of their clearing account."""
    credit_without_second_person: AmountLimit = Decimal(1_000)
    """Gross, in the currency's major unit, up to which one person may credit."""


policies = Policies(cash=Cash)
