"""Invalid input at every public route: a problem that names the field, and nothing stored."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from testkit.actors.actor import Actor, Thing, cny, now
from testkit.actors.all_actors import ON_DELIVERY, Actors, Sale, a_company, wanted
from testkit.api_client import refused

pytestmark = pytest.mark.e2e

NAIVE = "2026-01-01T00:00:00"
MANY_BYTES = 300_000


def spoilt(form: Thing, pointer: str, value: Any) -> Thing:
    """A form with one field as it must not be."""
    changed = copy.deepcopy(form)
    *way, last = pointer.removeprefix("/").split("/")
    place: Any = changed
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    place[int(last) if isinstance(place, list) else last] = value
    return changed


def turned_away(
    actor: Actor, stage: str, path: str, form: Thing, pointer: str, value: Any, method: str = "POST"
) -> None:
    """The door refuses the spoilt form and names the field, or what holds it."""
    answer = actor.doors.send(
        method,
        stage,
        path,
        json=spoilt(form, pointer, value),
        headers={"Idempotency-Key": str(uuid4())},
    )
    named = refused(answer, 422)
    assert any(f"/body{pointer}".startswith(one) and one != "/body" for one in named), named


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/colour", "red"),
        ("/contact/name", 7),
        ("/contact/email", "nobody"),
        ("/budget/currency", "XXZ"),
        ("/budget/amount", "1.234"),
        ("/budget/amount", 12.5),
        ("/captured_at", NAIVE),
        ("/order/lines/0/quantity", -1),
        ("/order/lines/0/quantity", 10**30),
        ("/order/lines/0/discount_percent", "150"),
        ("/order/lines/0/discount", "5"),
        ("/order/currency", "XXZ"),
        ("/order/prepaid", "yes"),
    ],
)
def test_bad_input_lead_is_refused_and_not_stored(cast: Actors, pointer: str, value: Any) -> None:
    name = f"没有人 {uuid4().hex}"
    form = {
        "contact": {"name": name, "email": "x@example.cn"},
        "origin": {"channel": "website", "source_system": "shop", "external_id": uuid4().hex},
        "budget": cny("100.00"),
        "order": {"lines": [{"sku": "LIC-TEAM", "quantity": 1}], "currency": "CNY"},
    }
    turned_away(cast.web, "lead", "/leads", form, pointer, value)
    assert cast.rep.doors.get("lead", "/leads", q=name)["items"] == []


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/status", "won"),
        ("/title", None),
        ("/amount/currency", "XXZ"),
        ("/amount/amount", "1.234"),
        ("/amount/amount", "-1.00"),
        ("/lines/0/quantity", -1),
        ("/lines/0/quantity", 10**30),
        ("/lines/0/discount_percent", "150"),
        ("/lines/0/discount_percent", "-5"),
        ("/currency", "XXZ"),
        ("/payment_terms/kind", "never"),
    ],
)
def test_bad_input_deal_is_refused_and_not_stored(cast: Actors, pointer: str, value: Any) -> None:
    company = a_company()
    form = {
        "title": "t",
        "account": company,
        "amount": cny("100.00"),
        "lines": [wanted("LIC-TEAM", 1)],
        "payment_terms": {"kind": "on_delivery"},
        "currency": "CNY",
    }
    turned_away(cast.rep, "deal", "/deals", form, pointer, value)
    assert cast.rep.doors.get("deal", "/deals", account=company)["items"] == []


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/cost", "1.00"),
        ("/kind", "food"),
        ("/list_price/amount", "1.234"),
        ("/list_price/amount", "-1.00"),
        ("/list_price/currency", "XXZ"),
        ("/tax_percent", "101"),
    ],
)
def test_bad_input_price_is_refused_and_not_stored(cast: Actors, pointer: str, value: Any) -> None:
    sku = f"BAD-{uuid4().hex[:8]}"
    form = {"name": "n", "kind": "goods", "list_price": cny("1.00"), "tax_percent": "13"}
    path = f"/price-books/standard/CNY/{sku}"
    turned_away(cast.manager, "quote", path, form, pointer, value, method="PUT")
    book = cast.manager.doors.get("quote", "/price-books/standard/CNY")
    assert sku not in [price["sku"] for price in book]


@pytest.fixture(scope="module")
def unsigned(cast: Actors) -> tuple[Thing, str]:
    """A contract that waits for its customer's signature, and the customer's link."""
    deal = cast.rep.opens_deal(a_company(), [wanted("SVC-ONBOARD", 1)], ON_DELIVERY)
    cast.rep.asks_for_proposal(deal)
    link = cast.rep.link_to("quote", cast.rep.finds("quote", deal["journey_id"], "sent"))
    cast.customer.accepts(link, cast.customer.offer(link))
    contract = cast.rep.finds("contract", deal["journey_id"], "awaiting_signature")
    return contract, cast.rep.link_to("contract", contract)


@pytest.mark.parametrize(
    ("pointer", "value"),
    [("/agree", False), ("/text_hash", 7), ("/name", ""), ("/party", "company")],
)
def test_bad_input_signature_is_refused(
    cast: Actors, unsigned: tuple[Thing, str], pointer: str, value: Any
) -> None:
    contract, link = unsigned
    form = {"name": "王小明", "text_hash": contract["text_hash"], "agree": True}
    path = f"/signing/{link}/signature"
    turned_away(cast.customer, "contract", path, form, pointer, value)
    assert cast.rep.shows("contract", contract) == contract


def test_bad_input_signature_with_a_forged_link_is_refused(
    cast: Actors, unsigned: tuple[Thing, str]
) -> None:
    contract, link = unsigned
    form = {"name": "王小明", "text_hash": contract["text_hash"], "agree": True}
    forged = link[:-4] + ("AAAA" if link[-4:] != "AAAA" else "BBBB")
    answer = cast.customer.doors.send("POST", "contract", f"/signing/{forged}/signature", json=form)
    assert refused(answer, 404) == []
    assert cast.rep.shows("contract", contract) == contract


@pytest.fixture(scope="module")
def waiting(cast: Actors) -> Sale:
    """An order that waits for its shipment."""
    return cast.sell([wanted("HW-SENSOR", 5)], ON_DELIVERY)


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/carrier", "SF"),
        ("/lines/0/quantity", -1),
        ("/lines/0/quantity", "two"),
        ("/lines/0/price", "1.00"),
        ("/lines", []),
        ("/shipped_at", NAIVE),
        ("/erp_reference", ""),
    ],
)
def test_bad_input_shipment_is_refused_and_not_booked(
    cast: Actors, waiting: Sale, pointer: str, value: Any
) -> None:
    order = cast.erp.shows("order", waiting.order)
    form = {"lines": [{"line_no": 1, "quantity": 1}], "erp_reference": "ERP-1"}
    path = f"/orders/{order['id']}/shipments"
    turned_away(cast.erp, "order", path, form, pointer, value)
    assert cast.erp.shows("order", order) == order


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/lines/0/iban", "x"),
        ("/lines/0/amount/amount", "1.234"),
        ("/lines/0/amount/amount", "-1.00"),
        ("/lines/0/amount/amount", 12.5),
        ("/lines/0/amount/currency", "XXZ"),
        ("/lines/0/booked_at", NAIVE),
        ("/lines", []),
    ],
)
def test_bad_input_statement_is_refused_and_not_booked(
    cast: Actors, pointer: str, value: Any
) -> None:
    reference = f"BAD-{uuid4().hex}"
    line = {"bank_reference": reference, "amount": cny("1.00"), "booked_at": now()}
    turned_away(cast.bank, "billing", "/bank-statements", {"lines": [line]}, pointer, value)
    assert cast.accountant.doors.get("billing", "/payments", reference=reference)["items"] == []


def test_bad_input_statement_without_an_idempotency_key_is_refused(cast: Actors) -> None:
    reference = f"BAD-{uuid4().hex}"
    line = {"bank_reference": reference, "amount": cny("1.00"), "booked_at": now()}
    answer = cast.bank.doors.send("POST", "billing", "/bank-statements", json={"lines": [line]})
    assert refused(answer, 400) == []
    assert cast.accountant.doors.get("billing", "/payments", reference=reference)["items"] == []


BIG: dict[str, Callable[[Actors], tuple[Actor, str, str]]] = {
    "lead": lambda cast: (cast.web, "POST", "/leads"),
    "deal": lambda cast: (cast.rep, "POST", "/deals"),
    "quote": lambda cast: (cast.manager, "PUT", "/price-books/standard/CNY/BIG"),
    "contract": lambda cast: (cast.customer, "POST", "/signing/x/signature"),
    "order": lambda cast: (cast.erp, "POST", f"/orders/{uuid4()}/shipments"),
    "billing": lambda cast: (cast.accountant, "POST", f"/payments/{uuid4()}/allocations"),
}


@pytest.mark.parametrize("stage", BIG)
def test_bad_input_endless_body_is_refused_by_every_service(cast: Actors, stage: str) -> None:
    actor, method, path = BIG[stage](cast)
    body = b'{"name": "' + b"x" * MANY_BYTES + b'"}'
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
    assert refused(actor.doors.send(method, stage, path, content=body, headers=headers), 413) == []
