"""Reports of shipments and deliveries: each is booked once, by the reference of its note."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel

from chassis.domain import Refused
from contracts.terms import LineQuantity
from order_svc.domain.ledger import quantities


class OtherContent(Refused):
    """This reference is known, with other lines: one of the two reports is wrong."""


class Report(BaseModel, frozen=True):
    """A shipment or a delivery, by the reference of its note."""

    kind: Literal["shipment", "delivery"]
    reference: str
    lines: tuple[LineQuantity, ...]
    """One entry for each line of the order."""

    def __str__(self) -> str:
        pieces = (f"{part.quantity} of line {part.line_no}" for part in self.lines)
        return f"{self.kind} {self.reference} with {', '.join(pieces)}"


def report_of(
    kind: Literal["shipment", "delivery"], reference: str, parts: Sequence[LineQuantity]
) -> Report:
    """The report of these pieces, comparable with another of the same reference."""
    lines = quantities(parts).items()
    return Report(
        kind=kind,
        reference=reference,
        lines=tuple(LineQuantity(line_no=n, quantity=q) for n, q in sorted(lines)),
    )


def is_known(reports: Iterable[Report], report: Report) -> bool:
    """Whether it is among these. Raises OtherContent when its reference is, with other lines."""
    for known in reports:
        if (known.kind, known.reference) == (report.kind, report.reference):
            if known != report:
                raise OtherContent(f"{known} is booked already; this is {report}")
            return True
    return False
