"""What is to be invoiced or credited once less is owed than was contracted: pure.

The ordinary way needs none of this: it invoices the schedule's items as they were agreed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from billing_svc.domain.account import BillingAccount
from billing_svc.domain.invoice import Invoice
from contracts.billing import InvoiceLine
from contracts.ids import InvoiceId
from contracts.money import Money
from contracts.terms import ScheduleItem

Sums = dict[int, tuple[Money, Money]]
"""Net and tax by line."""


def invoiced_of(account: BillingAccount, invoices: Iterable[Invoice]) -> Sums:
    """What was invoiced of each line, without what was credited."""
    zero = Money.zero(account.currency)
    sums: Sums = {line.line_no: (zero, zero) for line in account.lines}
    for part in (line for invoice in invoices for line in invoice.standing):
        net, tax = sums[part.line_no]
        sums[part.line_no] = net + part.net, tax + part.tax
    return sums


def rest_of_item(
    account: BillingAccount, item: ScheduleItem, invoices: Iterable[Invoice]
) -> tuple[InvoiceLine, ...]:
    """What an item still charges: it takes each line up to its share of what is owed now, so the
    last item always takes it up to all of it."""
    done = sum(i.amount.minor for i in account.schedule if account.has_charged(i.n))
    share, whole = done + item.amount.minor, account.totals.gross.minor
    sums = invoiced_of(account, invoices)
    lines = []
    for line in account.lines:
        net, tax = (
            Money(max(0, owed.minor * share // whole - had.minor), account.currency)
            for owed, had in zip(account.owed_of(line), sums[line.line_no], strict=True)
        )
        if not (net.is_zero and tax.is_zero):
            part = InvoiceLine(line_no=line.line_no, description=line.name, net=net, tax=tax)
            lines.append(part)
    return tuple(lines)


def over_of(account: BillingAccount, invoices: Sequence[Invoice]) -> Sums:
    """What was invoiced of each line beyond what is owed."""
    zero = Money.zero(account.currency)
    had = invoiced_of(account, invoices)
    over: Sums = {}
    for line in account.lines:
        net, tax = account.owed_of(line)
        had_net, had_tax = had[line.line_no]
        over[line.line_no] = max(had_net - net, zero), max(had_tax - tax, zero)
    return over


def excess(
    account: BillingAccount, invoices: Sequence[Invoice]
) -> list[tuple[InvoiceId, tuple[InvoiceLine, ...]]]:
    """What is to be credited because it is not owed, on the newest invoices first."""
    over = over_of(account, invoices)
    credits = []
    for invoice in reversed(invoices):
        parts = []
        for line in invoice.standing:
            net, tax = over[line.line_no]
            taken = min(net, line.net), min(tax, line.tax)
            over[line.line_no] = net - taken[0], tax - taken[1]
            if not all(side.is_zero for side in taken):
                parts.append(line.model_copy(update={"net": taken[0], "tax": taken[1]}))
        if parts:
            credits.append((InvoiceId(invoice.id), tuple(parts)))
    return credits


def beyond(lines: Sequence[InvoiceLine], over: Sums) -> tuple[InvoiceLine, ...]:
    """Of credited lines what was owed all the same: a gift, not a correction."""
    gifts = []
    for line in lines:
        net, tax = over[line.line_no]
        zero = Money.zero(net.currency)
        gift = {"net": max(line.net - net, zero), "tax": max(line.tax - tax, zero)}
        if not all(side.is_zero for side in gift.values()):
            gifts.append(line.model_copy(update=gift))
    return tuple(gifts)


def spread(lines: Sequence[InvoiceLine], amount: Money) -> tuple[InvoiceLine, ...]:
    """An amount over lines, net and tax, by what each has left; no cent is lost."""
    parts = amount.split(*(side.minor for line in lines for side in (line.net, line.tax)))
    return tuple(
        line.model_copy(update={"net": parts[2 * n], "tax": parts[2 * n + 1]})
        for n, line in enumerate(lines)
        if not (parts[2 * n].is_zero and parts[2 * n + 1].is_zero)
    )
