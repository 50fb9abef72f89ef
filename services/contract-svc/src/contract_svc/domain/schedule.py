"""When which part of the price is due: items always add up to the contract."""

from __future__ import annotations

from decimal import Decimal

from chassis.domain import Refused
from contracts.money import Money
from contracts.terms import PaymentTerms, ScheduleItem


class ScheduleIncomplete(Refused):
    """Instalments must be a hundred per cent."""


def schedule(terms: PaymentTerms, gross: Money) -> tuple[ScheduleItem, ...]:
    """The payment schedule of a contract; no cent is lost between instalments."""
    if terms.kind == "prepaid":
        return (ScheduleItem(n=1, due="on_signature", amount=gross),)
    if not terms.instalments:
        return (ScheduleItem(n=1, due="on_delivery", amount=gross),)
    if sum(part.percent for part in terms.instalments) != 100:
        raise ScheduleIncomplete("the instalments are not 100 per cent together")
    weights = [int(part.percent * Decimal(10_000)) for part in terms.instalments]
    return tuple(
        ScheduleItem(n=n, due=part.due, days=part.days, amount=amount)
        for n, (part, amount) in enumerate(
            zip(terms.instalments, gross.split(*weights), strict=True), start=1
        )
    )
