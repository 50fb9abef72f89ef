"""What contract-svc decides without a person."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from chassis.bounds import AmountLimit, Code, Days
from chassis.policies import Policies, Policy


class Signing(Policy):
    """Which contracts need no lawyer, and who signs for the company."""

    legal_entity: Code = "LTC-CN"
    clauses: tuple[Code, ...] = Field(
        default=("delivery", "payment", "liability", "law"), max_length=100
    )
    """The standard clauses, by library id; each in its newest version."""
    company_signs_below: AmountLimit = Decimal(100_000)
    """Gross, in the currency's major unit: below it the company's signature is a policy's."""
    express: bool = True
    """Whether a customer's consent to the signature, given with an order, is one."""
    sign_within_days: Days = 14
    execute_within_days: Days = 90


policies = Policies(signing=Signing)
