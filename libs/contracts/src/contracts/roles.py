"""The roles that a token names. An issuer maps a company's groups to these."""

from __future__ import annotations

from typing import Final

ROLES: Final = {
    "sales_rep": "works leads, deals and quotes of their own, their team's, and those of nobody",
    "account_manager": "the same, for customers we have",
    "sales_manager": "sees and assigns all sales work; approves, gives up, signs for the company",
    "legal": "clauses and the policies of contracts",
    "order_desk": "deliveries, holds, cancellations",
    "finance": "invoices, payments, the ledger, credit",
    "auditor": "reads everything that is kept, changes nothing",
    "ops": "reads everything, unsticks what is stuck",
    "admin": "whatever a person may do",
    "subscriber": "a system outside: hears facts, as far as its grant goes",
    "integration_web": "the website: captures leads and orders",
    "integration_import": "takes over leads and deals from another system",
    "integration_erp": "tells of shipments and deliveries",
    "integration_bank": "tells of payments",
}
"""Each with what it is for."""

SELLERS: Final = frozenset({"sales_rep", "account_manager"})
"""Who has no other role sees only what is theirs, their team's, or nobody's yet."""

_SALES, _CHECKS = {*SELLERS, "sales_manager"}, {"admin", "auditor", "ops"}
READERS: Final = {
    "lead": frozenset({*_SALES, *_CHECKS}),
    "deal": frozenset({*_SALES, *_CHECKS, "finance", "order_desk"}),
    "quote": frozenset({*_SALES, *_CHECKS, "finance"}),
    "contract": frozenset({*_SALES, *_CHECKS, "finance", "legal", "order_desk"}),
    "order": frozenset({*_SALES, *_CHECKS, "finance", "integration_erp", "order_desk"}),
    "invoice": frozenset({*_SALES, *_CHECKS, "finance"}),
    "payment": frozenset({*_CHECKS, "finance", "integration_bank"}),
}
"""Who may read a lead, a deal and so on: the roles of each stage's own route. Who shows what stages
publish shows it to nobody else."""


def readers_of(event_type: str) -> frozenset[str]:
    """Who may read an event: ``ltc.lead.captured.v1`` is for those who may read leads."""
    noun = event_type.split(".")[1]
    kept = {"billing": "invoice", "journey": "invoice", "prepayment": "payment"}.get(noun, noun)
    return READERS.get(kept, frozenset(_CHECKS))


DEMO_PEOPLE: Final = {
    "ops-1": ("On call", "ops", "auditor"),
    "ops-2": ("Second on call", "ops", "auditor"),
    "rep-1": ("李雷", "sales_rep"),
    "boss-1": ("Margaret", "sales_manager"),
    "desk-1": ("Order desk", "order_desk"),
    "fin-1": ("周会计", "finance"),
    "audit-1": ("Auditor", "auditor"),
    "admin-1": ("Administrator", "admin"),
}
"""Who acts in a demo, by subject: a name, then the roles. The development issuer offers them."""
