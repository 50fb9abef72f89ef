"""Facts as the tests of the hub send them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chassis.delivery import RawRecord
from contracts.event import Event
from contracts.ids import LeadId, new_id
from contracts.lead import LeadCaptured
from contracts.samples import sample
from testkit.harness import as_record


def a_capture(number: int = 1) -> LeadCaptured:
    return sample(LeadCaptured).model_copy(
        update={"lead_id": LeadId(new_id()), "number": f"L-2026-{number:06d}"}
    )


def a_record(fact: Event, offset: int = 0, **more: Any) -> RawRecord:
    return as_record(fact, offset=offset, **{"event_id": new_id(), **more})


def number_of(event: dict[str, Any]) -> str:
    return str(event["data"]["number"])


def lead_of(fact: LeadCaptured) -> UUID:
    return fact.lead_id
