"""Who may enter billing-svc."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from chassis.auth import Actor, roles
from chassis.domain import DomainError
from chassis.idempotency import idempotency_key_required

FINANCE = ("finance", "admin")
MOVES_MONEY = Depends(idempotency_key_required)

accountant = Annotated[Actor, Depends(roles(*FINANCE))]
bank = Annotated[Actor, Depends(roles("integration_bank", *FINANCE))]
auditor = Annotated[Actor, Depends(roles(*FINANCE, "auditor"))]
treasurer = Annotated[Actor, Depends(roles(*FINANCE, "auditor", "ops", "integration_bank"))]
"""Who may read what came in: payments name customers' bank accounts."""
looker = Annotated[
    Actor,
    Depends(
        roles(
            *FINANCE,
            "sales_rep",
            "sales_manager",
            "account_manager",
            "auditor",
            "ops",
        )
    ),
]


class NeedsSecondPerson(DomainError):
    """Beyond the limit, another person than the one who asks must credit."""

    status = 403
