"""Double entry: every business event is a transaction whose entries add up to zero."""

from __future__ import annotations

from pydantic import BaseModel

from contracts.money import Money
from contracts.terms import Totals

RECEIVABLE = "receivable"
LIABILITY = "contract_liability"
REVENUE = "revenue"
TAX = "tax_payable"
UNAPPLIED = "unapplied_cash"
BANK = "bank"


class Entry(BaseModel, frozen=True):
    """One side of a transaction: debits are positive, credits negative."""

    account: str
    amount: Money


Entries = tuple[Entry, ...]


def _balanced(*entries: Entry) -> Entries:
    """Leave out what is zero; refuse what does not add up."""
    kept = tuple(entry for entry in entries if not entry.amount.is_zero)
    if kept and sum(entry.amount.minor for entry in kept) != 0:
        raise ValueError(f"entries do not add up: {kept}")
    return kept


def cash_account(source: str) -> str:
    """Where money of a source lies: the bank, or a provider's clearing account."""
    return BANK if source in ("bank", "imported") else f"clearing:{source}"


def issue(totals: Totals) -> Entries:
    """An invoice: the customer owes us, we owe delivery and tax."""
    return _balanced(
        Entry(account=RECEIVABLE, amount=totals.gross),
        Entry(account=LIABILITY, amount=-totals.net),
        Entry(account=TAX, amount=-totals.tax),
    )


def recognise(net: Money) -> Entries:
    """What was delivered is earned."""
    return _balanced(Entry(account=LIABILITY, amount=net), Entry(account=REVENUE, amount=-net))


def receive(source: str, amount: Money) -> Entries:
    """Money arrived; what for is told by allocations."""
    return _balanced(
        Entry(account=cash_account(source), amount=amount),
        Entry(account=UNAPPLIED, amount=-amount),
    )


def pay_out(source: str, amount: Money) -> Entries:
    """A provider paid to the bank what it had captured for us."""
    return _balanced(
        Entry(account=BANK, amount=amount), Entry(account=cash_account(source), amount=-amount)
    )


def give_back(source: str, amount: Money, from_bank: Money) -> Entries:
    """Money went back to its payer: from the bank, and the rest was kept back by the provider."""
    return _balanced(
        Entry(account=UNAPPLIED, amount=amount),
        Entry(account=BANK, amount=-from_bank),
        Entry(account=cash_account(source), amount=from_bank - amount),
    )


def allocate(amount: Money) -> Entries:
    """Received money settles what a customer owes."""
    return _balanced(
        Entry(account=UNAPPLIED, amount=amount), Entry(account=RECEIVABLE, amount=-amount)
    )


def credit(net: Money, tax: Money, earned: Money) -> Entries:
    """A credit note: the reverse of issuing; what of it counted as earned no longer does."""
    return _balanced(
        Entry(account=RECEIVABLE, amount=-(net + tax)),
        Entry(account=LIABILITY, amount=net - earned),
        Entry(account=REVENUE, amount=earned),
        Entry(account=TAX, amount=tax),
    )


def reverse(entries: Entries) -> Entries:
    """What was booked is taken back by a booking of its own; nothing is ever erased."""
    return tuple(Entry(account=entry.account, amount=-entry.amount) for entry in entries)
