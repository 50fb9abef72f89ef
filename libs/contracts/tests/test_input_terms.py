"""Terms that a caller enters: which values are accepted and which are refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from contracts.asked import AskedLine, AskedOrder, AskedTerms

LINE = {"sku": "LIC-TEAM", "quantity": 1}
CONSENT = {"given_by": "王", "given_at": "2026-01-01T00:00:00Z", "text_hash": "h"}
PREPAYMENT = {
    "provider": "alipay",
    "reference": "A-1",
    "amount": {"amount": "1.00", "currency": "CNY"},
    "captured_at": "2026-01-01T00:00:00Z",
}
ORDER = {"lines": [LINE], "currency": "CNY", "consent": CONSENT, "prepayment": PREPAYMENT}


def part(percent: str, due: str = "on_signature") -> dict[str, str]:
    return {"percent": percent, "due": due}


@pytest.mark.parametrize(
    ("model", "good"),
    [
        (AskedLine, LINE | {"discount_percent": "99.99"}),
        (AskedTerms, {"kind": "prepaid"}),
        (AskedTerms, {"kind": "instalments", "instalments": [part("33.33"), part("66.67")]}),
        (AskedOrder, ORDER),
    ],
)
def test_input_terms_accept_valid_values(model: type[BaseModel], good: dict[str, Any]) -> None:
    model.model_validate(good)


@pytest.mark.parametrize(
    ("model", "good", "bad", "said"),
    [
        (AskedLine, LINE, {"sku": ""}, "at least 1 character"),
        (AskedLine, LINE, {"quantity": 0}, "greater than or equal to 1"),
        (AskedLine, LINE, {"quantity": 10**7}, "less than or equal to 1000000"),
        (AskedLine, LINE, {"discount_percent": "100.01"}, "less than or equal to 100"),
        (AskedLine, LINE, {"discount_percent": "-1"}, "greater than or equal to 0"),
        (AskedLine, LINE, {"discount_percent": "1.001"}, "2 decimal places"),
        (AskedLine, LINE, {"discount_percent": "NaN"}, "finite number"),
        (AskedLine, LINE, {"discount": "5"}, "not permitted"),
        (AskedTerms, {"kind": "prepaid"}, {"kind": "never"}, "should be"),
        (AskedTerms, {"kind": "prepaid"}, {"net_days": -1}, "greater than or equal to 0"),
        (AskedTerms, {"kind": "instalments"}, {}, "needs them"),
        (AskedTerms, {"kind": "prepaid"}, {"instalments": [part("100")]}, "belong to"),
        (AskedTerms, {"kind": "instalments"}, {"instalments": [part("50")]}, "not 100"),
        (
            AskedTerms,
            {"kind": "instalments"},
            {"instalments": [part("100", "on_full_moon")]},
            "should be",
        ),
        (AskedOrder, ORDER, {"lines": []}, "at least 1 item"),
        (AskedOrder, ORDER, {"currency": "XXZ"}, "ISO 4217"),
        (AskedOrder, ORDER, {"currency": "USD"}, "not in USD"),
        (AskedOrder, ORDER, {"prepaid": "yes"}, "not permitted"),
        (AskedOrder, ORDER, {"consent": CONSENT | {"covers": ["everything"]}}, "should be"),
    ],
)
def test_input_terms_refuse_invalid_values(
    model: type[BaseModel], good: dict[str, Any], bad: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        model.model_validate(good | bad)
