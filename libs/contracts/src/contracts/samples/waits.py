"""The sample journey's waits: one gate of each stage, opened, cleared and overdue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from contracts.event import Event
from contracts.journey import (
    BILLING_GATES,
    CONTRACT_GATES,
    DEAL_GATES,
    LEAD_GATES,
    ORDER_GATES,
    QUOTE_GATES,
    GateFacts,
)
from contracts.samples.parts import CONTRACT, DEAL, LEAD, ORDER, QUOTE, at

_WAITING: Final[tuple[tuple[GateFacts, UUID, str, str, str], ...]] = (
    (LEAD_GATES, LEAD, "L-2026-000042", "qualification", "person:sales-07"),
    (DEAL_GATES, DEAL, "D-2026-000042", "needs", "role:sales_rep"),
    (QUOTE_GATES, QUOTE, "Q-2026-000042", "approval", "role:sales_manager"),
    (CONTRACT_GATES, CONTRACT, "C-2026-000042", "signature:customer", "party:customer"),
    (ORDER_GATES, ORDER, "O-2026-000042", "erp_confirmation", "system:erp"),
    (BILLING_GATES, CONTRACT, "C-2026-000042", "payment", "party:customer"),
)


def _waits() -> Iterator[Event]:
    for facts, aggregate_id, number, gate, owner in _WAITING:
        base: dict[str, Any] = {
            "aggregate_id": aggregate_id,
            "number": number,
            "gate": gate,
            "owner": owner,
            "opened_at": at(3),
            "due_at": at(51),
        }
        yield facts.opened(**base)
        yield facts.cleared(
            **base, cleared_at=at(20), cleared_by="person:sales-07", evidence="call of 3 March"
        )
        yield facts.overdue(**base, overdue_at=at(52), overdue_for_s=3600)


WAITS: Final[tuple[Event, ...]] = tuple(_waits())
