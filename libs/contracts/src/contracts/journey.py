"""Gates: the waits of a journey, said by whoever waits. One set of types per stage's aggregate."""

from __future__ import annotations

from typing import ClassVar, NamedTuple
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict

from contracts.event import Event


class GateFact(Event):
    """A named wait of one aggregate: who must act, and by when."""

    key: ClassVar[str] = "aggregate_id"

    aggregate_id: UUID
    number: str
    gate: str
    owner: str
    """``role:finance``, ``person:<sub>``, ``party:customer``, ``system:erp``."""
    opened_at: AwareDatetime
    due_at: AwareDatetime


class GateOpened(GateFact):
    """Somebody must act before the journey can go on."""


class GateCleared(GateFact):
    """They did, on this evidence."""

    cleared_at: AwareDatetime
    cleared_by: str
    evidence: str = ""


class GateOverdue(GateFact):
    """They did not, in the time agreed."""

    overdue_at: AwareDatetime
    overdue_for_s: int
    """Seconds between the due time and when the sweeper found it."""


class GateFacts(NamedTuple):
    """The three types of one stage."""

    opened: type[GateOpened]
    cleared: type[GateCleared]
    overdue: type[GateOverdue]


def _gates(stage: str) -> GateFacts:
    topic = f"ltc.{stage}.v1"

    def subclass(base: type[GateFact], suffix: str) -> type[GateFact]:
        return type(
            f"{stage.title()}{base.__name__}",
            (base,),
            {
                "__module__": __name__,
                "__doc__": base.__doc__,
                # The base has read them; here pydantic would search this whole file, 18 times.
                "model_config": ConfigDict(use_attribute_docstrings=False),
                "name": f"ltc.{stage}.{suffix}.v1",
                "topic": topic,
                "__annotations__": {"name": ClassVar[str], "topic": ClassVar[str]},
            },
        )

    return GateFacts(
        subclass(GateOpened, "gate_opened"),  # type: ignore[arg-type]
        subclass(GateCleared, "gate_cleared"),  # type: ignore[arg-type]
        subclass(GateOverdue, "gate_overdue"),  # type: ignore[arg-type]
    )


LEAD_GATES = _gates("lead")
DEAL_GATES = _gates("deal")
QUOTE_GATES = _gates("quote")
CONTRACT_GATES = _gates("contract")
ORDER_GATES = _gates("order")
BILLING_GATES = _gates("billing")
