"""Valid forms and files of the public interfaces, each new by its own reference."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from hypothesis import strategies as st

from contracts.consents import STANDARD_HASH
from tests.fuzzing.naughty import spoiled, texts

PAST = "2026-11-01T08:00:00Z"


def lead() -> dict[str, Any]:
    unique = uuid4().hex[:10]
    return {
        "contact": {"name": "王 Ann", "email": f"{unique}@x.example", "phone": None},
        "company": {"name": f"Acme {unique}", "domain": None},
        "origin": {"channel": "exhibition", "campaign": "A"},
        "need": "10 m² of\npipe",
        "budget": {"amount": "10.00", "currency": "CNY"},
        "captured_at": PAST,
    }


def order() -> dict[str, Any]:
    """A web order that becomes cash by itself."""
    reference = uuid4().hex[:12]
    return lead() | {
        "origin": {"channel": "website", "source_system": "shop", "external_id": reference},
        "order": {
            "lines": [{"sku": "SVC-ONBOARD", "quantity": 1}],
            "currency": "CNY",
            "consent": {
                "given_by": "王 Ann",
                "given_at": PAST,
                "text_hash": STANDARD_HASH,
                "covers": ["price", "terms", "signature"],
            },
            "prepayment": {
                "provider": "alipay",
                "reference": f"PAY-{reference}",
                "amount": {"amount": "1060.00", "currency": "CNY"},
                "captured_at": PAST,
            },
        },
    }


def deal() -> dict[str, Any]:
    return {
        "title": "T",
        "account": f"Acme {uuid4().hex[:6]}",
        "lines": [{"sku": "SVC-ONBOARD", "quantity": 1, "discount_percent": "0"}],
        "payment_terms": {"kind": "on_delivery", "net_days": 30},
        "currency": "CNY",
    }


def moved_deal() -> dict[str, Any]:
    return {
        "source_system": "crm",
        "external_id": uuid4().hex[:10],
        "product": "GTX Pro",
        "account": "Acme",
        "stage": "won",
        "value": {"amount": "4514.00", "currency": "USD"},
        "engaged_at": "2017-01-20T00:00:00Z",
        "closed_at": "2017-03-01T00:00:00Z",
    }


def bank_line() -> dict[str, Any]:
    return {
        "bank_reference": f"BB-{uuid4().hex[:10]}",
        "amount": {"amount": "0.01", "currency": "CNY"},
        "booked_at": PAST,
        "payer": "Acme",
        "remittance": "INV-2026-000001",
    }


def price() -> dict[str, Any]:
    return {
        "name": "Pipe",
        "kind": "goods",
        "list_price": {"amount": "1.00", "currency": "CNY"},
        "tax_percent": "13",
    }


FORMS: dict[str, Any] = {
    "captureLead": lambda: lead() if uuid4().int % 2 else order(),
    "captureLeads": lambda: {"leads": [lead(), order(), lead()]},
    "openDeal": deal,
    "takeOverDeals": lambda: {"deals": [moved_deal(), moved_deal()]},
    "bookStatement": lambda: {"lines": [bank_line(), bank_line()]},
    "setPrice": price,
}
"""By operation, what is accepted as it stands. Other forms are generated from OpenAPI."""


@st.composite
def table(draw: st.DrawFn, heading: tuple[str, ...], *rows: list[str]) -> bytes:
    """A CSV file with naughty cells, rows of other widths, and other ends of lines."""
    changed = [draw(spoiled(row, most=1)) for row in rows]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=draw(st.sampled_from(["\n", "\r\n"])))
    writer.writerow(heading)
    writer.writerows([[str(cell) for cell in row] for row in changed])
    text = buffer.getvalue() + draw(st.sampled_from(["", "\n\n", '"open', "\0", ",,,,,,,,,,,,\n"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "gb18030"]))
    return text.encode(encoding, "replace")


LEADS = ("Name", "Email", "Phone", "Country", "Company", "Date", "Need")
LEADS_MAP = (
    "columns: {Name: contact.name, Email: contact.email, Phone: contact.phone,"
    " Country: contact.phone_region, Company: company.name, Date: captured_at, Need: need}\n"
    "constants: {origin.channel: import}\n"
)
STATEMENT = ("bank_reference", "amount", "currency", "booked_at", "payer", "remittance")


def leads_file() -> st.SearchStrategy[bytes]:
    row = ["Ann", "ann@x.example", "+1 212 555 0123 ext. 1", "US", "Acme", "2026-11-01", "pipes"]
    other = ["Bob", "bob@x.example", "", "", "", "", ""]
    return table(LEADS, row, [*other], [*row])


def statement_file() -> st.SearchStrategy[bytes]:
    booked = datetime(2026, 11, 1, tzinfo=UTC).isoformat()
    return st.builds(uuid4).flatmap(
        lambda unique: table(
            STATEMENT,
            [f"CB-{unique}", "0.01", "CNY", booked, "Acme", "INV-2026-000001"],
            [f"CC-{unique}", "0.02", "CNY", booked, "", ""],
        )
    )


def mapping() -> st.SearchStrategy[bytes]:
    return st.one_of(
        st.just(LEADS_MAP.encode()),
        texts.map(lambda text: f"{LEADS_MAP}timezone: {text!r}\n".encode("utf-8", "replace")),
        texts.map(lambda text: text.encode("utf-8", "replace")),
    )
