"""Invoices and payments into a journal for hledger; every transaction in it balances.

    python ledger.py books.journal --door feed --at https://hub.example
    hledger -f books.journal balance

The journal is its own checkpoint: each transaction bears the fact it comes from, and they are in
one file. What a crash cut short is cut off, and its fact comes again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import doors

import ltc_client
from contracts.billing import (
    InvoiceCredited,
    InvoiceIssued,
    PaymentAllocated,
    PaymentReceived,
    PaymentReturned,
    PaymentUnallocated,
)
from contracts.money import Money

TYPES = ("invoice.*", "payment.*")
Posting = tuple[str, Money]
RECEIVABLE, UNAPPLIED, BANK = "assets:receivable", "liabilities:unapplied payments", "assets:bank"
REVENUE, TAX = "income:sales", "liabilities:tax"
_END = "\n\n"
_FACT = re.compile(r"; fact:(\S+)$", re.MULTILINE)


def entry(fact: ltc_client.Fact) -> str | None:
    """The transaction that a fact makes; none when it moves no money."""
    match fact.said:
        case InvoiceIssued() as i:
            what = f"{i.number} {i.account.name}"
            return written(fact, i.issued_at.date(), what, invoiced(i))
        case InvoiceCredited() as i:
            return written(fact, i.credited_at.date(), f"{i.credit_note} {i.number}", credited(i))
        case PaymentReceived() as p:
            postings = [(BANK, p.amount), (UNAPPLIED, -p.amount)]
            return written(fact, p.received_at.date(), p.number, postings)
        case PaymentAllocated() as p:
            return written(fact, p.allocated_at.date(), p.number, applied(p, 1))
        case PaymentUnallocated() as p:
            return written(fact, p.unallocated_at.date(), f"{p.number} {p.reason}", applied(p, -1))
        case PaymentReturned() as p:
            postings = [(UNAPPLIED, p.amount), (BANK, -p.amount)]
            return written(fact, p.returned_at.date(), f"{p.number} {p.reason}", postings)
    return None


def invoiced(invoice: InvoiceIssued) -> list[Posting]:
    totals = invoice.totals
    return [(RECEIVABLE, totals.gross), (REVENUE, -totals.net), (TAX, -totals.tax)]


def credited(credit: InvoiceCredited) -> list[Posting]:
    """By its lines; one of before there were lines is all revenue."""
    tax = Money.zero(credit.amount.currency)
    for line in credit.lines:
        tax += line.tax
    return [(RECEIVABLE, -credit.amount), (REVENUE, credit.amount - tax), (TAX, tax)]


def applied(payment: PaymentAllocated | PaymentUnallocated, sign: int) -> Iterator[Posting]:
    for part in payment.allocations:
        yield UNAPPLIED, part.amount * sign
        yield RECEIVABLE, part.amount * -sign


def written(fact: ltc_client.Fact, day: date, what: str, postings: Iterable[Posting]) -> str:
    """As hledger reads it. Names come from outside: no line break or comment of theirs gets in."""
    clean = re.sub(r"[\s;|]+", " ", what).strip()
    lines = [f"{day.isoformat()} * {clean}  ; fact:{fact.id}"]
    lines += [f"    {account}  {amount.amount} {amount.currency}" for account, amount in postings]
    return "\n".join(lines) + _END


class Journal:
    """The file, and what is in it already."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+b")
        self._file.seek(0)
        text = self._file.read().decode(errors="ignore")
        whole = text[: text.rfind(_END) + len(_END)] if _END in text else ""
        self._file.truncate(len(whole.encode()))
        self._written = set(_FACT.findall(whole))

    def write(self, fact: ltc_client.Fact) -> None:
        """On the disk when this returns; a fact that is in it is not written twice."""
        transaction = entry(fact)
        if transaction is None or str(fact.id) in self._written:
            return
        self._file.write(transaction.encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._written.add(str(fact.id))


def main() -> None:
    options = doors.parser("Invoices and payments into a journal for hledger")
    options.add_argument("journal", type=Path)
    given = options.parse_args()
    journal = Journal(given.journal)
    kept = ltc_client.InFile(given.journal.with_suffix(".checkpoint"))
    with doors.subscribe(given, TYPES, kept) as facts:
        for fact in facts:
            journal.write(fact)


if __name__ == "__main__":
    main()
