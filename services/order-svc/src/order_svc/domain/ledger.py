"""The line ledger: every piece is open, shipped or cancelled, and delivered only once shipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel, model_validator

from chassis.domain import Refused
from contracts.terms import LineProgress, LineQuantity


class NoSuchLine(Refused):
    """The order has no line of that number."""


class TooMany(Refused):
    """More pieces than there are."""


class Line(BaseModel, frozen=True):
    """One ordered product. ``ordered = open + shipped + cancelled`` and ``delivered ≤ shipped``."""

    line_no: int
    sku: str
    name: str
    kind: str
    ordered: int
    shipped: int = 0
    delivered: int = 0
    cancelled: int = 0

    @property
    def open(self) -> int:
        return self.ordered - self.shipped - self.cancelled

    @property
    def done(self) -> bool:
        return self.delivered + self.cancelled == self.ordered

    @model_validator(mode="after")
    def _adds_up(self) -> Line:
        if min(self.open, self.shipped, self.delivered, self.cancelled) < 0:
            raise ValueError(f"line {self.line_no} does not add up")
        if self.delivered > self.shipped:
            raise ValueError(f"line {self.line_no} delivered more than it shipped")
        return self

    def progress(self) -> LineProgress:
        return LineProgress(
            line_no=self.line_no,
            sku=self.sku,
            ordered=self.ordered,
            shipped=self.shipped,
            delivered=self.delivered,
            cancelled=self.cancelled,
        )


def _changed(lines: Sequence[Line], parts: Sequence[LineQuantity], what: str) -> tuple[Line, ...]:
    """Apply quantities to lines. Raises NoSuchLine or TooMany naming the line."""
    by_number = {line.line_no: line for line in lines}
    for part in parts:
        line = by_number.get(part.line_no)
        if line is None:
            raise NoSuchLine(f"there is no line {part.line_no}")
        limit = line.shipped - line.delivered if what == "delivered" else line.open
        if not 0 < part.quantity <= limit:
            raise TooMany(f"line {part.line_no}: {part.quantity} of {limit} can be {what}")
        values = {**line.model_dump(), what: getattr(line, what) + part.quantity}
        by_number[part.line_no] = Line.model_validate(values)
    return tuple(by_number[line.line_no] for line in lines)


def quantities(parts: Sequence[LineQuantity]) -> Counter[int]:
    """How many pieces of each line; a line that is named twice counts with its sum."""
    pieces: Counter[int] = Counter()
    for part in parts:
        pieces[part.line_no] += part.quantity
    return pieces


def ship_services(lines: Sequence[Line], parts: Sequence[LineQuantity]) -> tuple[Line, ...]:
    """Services need no shipment of their own: of a delivery, ship the pieces that are not shipped
    yet, as far as the line has them."""
    delivered = quantities(parts)
    missing = {
        line.line_no: min(delivered[line.line_no] - (line.shipped - line.delivered), line.open)
        for line in lines
        if line.kind != "goods"
    }
    return ship(lines, [LineQuantity(line_no=n, quantity=q) for n, q in missing.items() if q > 0])


def ship(lines: Sequence[Line], parts: Sequence[LineQuantity]) -> tuple[Line, ...]:
    return _changed(lines, parts, "shipped")


def deliver(lines: Sequence[Line], parts: Sequence[LineQuantity]) -> tuple[Line, ...]:
    return _changed(lines, parts, "delivered")


def cancel(lines: Sequence[Line], parts: Sequence[LineQuantity]) -> tuple[Line, ...]:
    """Before the point of no return: what was shipped can only come back."""
    return _changed(lines, parts, "cancelled")
