"""What the services' code promises: which moves each lifecycle allows. Domains are pure, so that
importing all of them takes no longer than a look at a database."""

from __future__ import annotations

import importlib

from ltc.verify.sources import CannotCheck

AGGREGATES = {
    "lead": "lead_svc.domain.lead",
    "deal": "deal_svc.domain.deal",
    "quote": "quote_svc.domain.quote",
    "contract": "contract_svc.domain.contract",
    "order": "order_svc.domain.order",
    "billing_account": "billing_svc.domain.account",
    "invoice": "billing_svc.domain.invoice",
    "payment": "billing_svc.domain.payment",
}


def moves() -> list[tuple[str, str, str]]:
    """As (aggregate, from, to). Raises CannotCheck when the services are not installed here."""
    try:
        return [
            (aggregate, source.value, target.value)
            for aggregate, module in AGGREGATES.items()
            for source, targets in importlib.import_module(module).LIFECYCLE.moves.items()
            for target in sorted(targets)
        ]
    except ImportError as error:
        raise CannotCheck(f"the services' code cannot be read: {error}") from error
