"""What the load sends: web orders, spoilt ones, and enquiries that people must work on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from contracts.consents import STANDARD_HASH

GROSS = {
    "SVC-ONBOARD": Decimal("1060.00"),
    "SVC-TRAINING": Decimal("3180.00"),
    "LIC-TEAM": Decimal("2712.00"),
}
"""What one piece costs with tax: what the customer has prepaid must be what is invoiced."""


def web_order(key: str, chance: Random) -> dict[str, Any]:
    """An order that needs nobody: list price, standard terms, consent, prepaid."""
    at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    chosen = chance.sample(sorted(GROSS), k=chance.randint(1, 2))
    quantities = {sku: chance.randint(1, 3) for sku in chosen}
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]
    amount = sum(GROSS[sku] * quantity for sku, quantity in quantities.items())
    return {
        "contact": {"name": f"Buyer {key}", "email": f"{key.replace('#', '.')}@example.cn"},
        "company": {"name": f"Buyer {key} Ltd"},
        "origin": {"channel": "website", "source_system": "load", "external_id": key},
        "order": {
            "lines": lines,
            "currency": "CNY",
            "consent": {
                "given_by": f"Buyer {key}",
                "given_at": at,
                "text_hash": STANDARD_HASH,
                "covers": ["price", "terms", "signature"],
            },
            "prepayment": {
                "provider": "alipay",
                "reference": f"PAY-{key}",
                "amount": {"amount": str(amount), "currency": "CNY"},
                "captured_at": at,
            },
        },
    }


def provider_line(order: dict[str, Any]) -> dict[str, Any]:
    """What the payment provider's statement says of an order."""
    prepaid = order["order"]["prepayment"]
    return {
        "source": prepaid["provider"],
        "reference": prepaid["reference"],
        **prepaid["amount"],
        "direction": "in",
        "at": prepaid["captured_at"],
    }


def _no_name(order: dict[str, Any]) -> None:
    order["contact"]["name"] = ""


def _no_mail(order: dict[str, Any]) -> None:
    order["contact"]["email"] = "not an address"


def _nothing_ordered(order: dict[str, Any]) -> None:
    order["order"]["lines"][0]["quantity"] = 0


def _float_money(order: dict[str, Any]) -> None:
    order["order"]["prepayment"]["amount"]["amount"] = "12.345"


def _foreign_field(order: dict[str, Any]) -> None:
    order["status"] = "qualified"


SPOILERS: tuple[Callable[[dict[str, Any]], None], ...] = (
    _no_name,
    _no_mail,
    _nothing_ordered,
    _float_money,
    _foreign_field,
)


def spoilt(order: dict[str, Any], chance: Random) -> dict[str, Any]:
    """The same order with one thing wrong, so that it must be refused."""
    chance.choice(SPOILERS)(order)
    return order


def enquiry(key: str) -> dict[str, Any]:
    """A lead without an order: people qualify, sell, sign, deliver and pay."""
    return {
        "contact": {"name": f"Prospect {key}", "email": f"{key}@example.cn"},
        "company": {"name": f"Prospect {key} Ltd"},
        "origin": {"channel": "exhibition", "source_system": "load", "external_id": key},
    }
