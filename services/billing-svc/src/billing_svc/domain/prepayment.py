"""Whether a prepayment counts: pure. Nobody else decides that."""

from __future__ import annotations

from typing import NamedTuple

from billing_svc.domain.account import BillingAccount
from billing_svc.domain.payment import Payment
from contracts.money import Money

OWN_SOURCES = frozenset({"bank", "imported"})
"""Names of sources that no provider may take."""


def source_of(provider: str) -> str:
    """The name under which a provider's payments are kept."""
    return " ".join(provider.casefold().split())


def is_trusted(provider: str, trusted: tuple[str, ...]) -> bool:
    """Whether a provider's confirmation is a line of its clearing account."""
    source = source_of(provider)
    return source not in OWN_SOURCES and source in map(source_of, trusted)


class Refusal(NamedTuple):
    """Why a prepayment does not count."""

    reason: str
    detail: str


def spent_elsewhere(account: BillingAccount, payment: Payment) -> bool:
    """Whether the payment paid for another contract, or went back."""
    others = (a.amount for a in payment.allocations if a.contract_id != account.id)
    used = Money.total(others, payment.amount.currency) + payment.returned
    return not used.is_zero


def refusal(
    account: BillingAccount, payment: Payment | None, provider: str, due: Money
) -> Refusal | None:
    """Why the prepayment of an account does not count; none when it does. ``payment`` is the money
    under its reference, as a trusted provider or the bank reported it."""
    if due.is_zero:
        return None
    if payment is None:
        detail = f"{provider} is no trusted provider, and the bank has not reported the reference"
        return Refusal("provider_not_trusted", detail)
    if payment.amount.currency != due.currency:
        return Refusal("other_currency", f"{payment.amount} was captured, and {due} is due")
    if spent_elsewhere(account, payment):
        detail = f"{payment.bank_reference} is {payment.number}, which was used for something else"
        return Refusal("reference_spent", detail)
    if payment.amount < due:
        return Refusal("amount_too_small", f"{payment.amount} was captured, and {due} is due")
    return None
