"""What contract-svc decides without a person."""

from __future__ import annotations

from decimal import Decimal

from chassis.policies import Policies, Policy


class Signing(Policy):
    """Which contracts need no lawyer, and who signs for the company."""

    legal_entity: str = "LTC-CN"
    clauses: tuple[str, ...] = ("delivery", "payment", "liability", "law")
    """The standard clauses, by library id; each in its newest version."""
    company_signs_below: Decimal = Decimal(100_000)
    """Gross, in the currency's major unit: below it the company's signature is a policy's."""
    express: bool = True
    """Whether a customer's consent to the signature, given with an order, is one."""
    sign_within_days: int = 14
    execute_within_days: int = 90


policies = Policies(signing=Signing)
