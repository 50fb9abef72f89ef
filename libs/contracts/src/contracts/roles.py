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
