"""Who may enter the console's doors."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from chassis.auth import Actor, roles

any_looker = roles(
    "ops",
    "admin",
    "auditor",
    "sales_rep",
    "sales_manager",
    "account_manager",
    "order_desk",
    "finance",
)
looker = Annotated[Actor, Depends(any_looker)]
"""Whoever works on journeys."""
operator = Annotated[Actor, Depends(roles("ops", "admin", "auditor"))]
"""Whoever looks after the installation."""
