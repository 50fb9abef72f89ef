"""Edits of a quote version before it is sent, and comparison of versions, through the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest
from answers import all_pages, is_problem
from quote_builders import DEAL, QUOTE, a_request

from contracts.journey import QUOTE_GATES
from contracts.quote import QuoteApprovalRequested, QuoteDrafted, QuoteSent, QuoteSuperseded
from contracts.terms import WantedLine
from testkit.harness import Harness

LINES = f"/quotes/{QUOTE}/versions/1/lines"
TWO = {"lines": [{"sku": "HW-SENSOR", "quantity": 5}, {"sku": "hw-gateway", "quantity": 1}]}
DISCOUNTED = WantedLine(sku="HW-GATEWAY", quantity=2, discount_percent=Decimal(25))


async def edit(
    client: httpx.AsyncClient, lines: dict[str, Any] = TWO, path: str = LINES, **more: str
) -> httpx.Response:
    tag = (await client.get(f"/quotes/{QUOTE}")).headers["etag"]
    return await client.put(path, json=lines, headers={"If-Match": tag, **more})


async def test_quote_edit_recalculates_prices_and_waits_to_be_sent(quote_svc: Harness) -> None:
    await quote_svc.receives(a_request(send_when_approved=False))
    async with quote_svc.client("sales_manager", sub="rep-2") as client:
        answer = await edit(client)

    [version] = answer.json()["versions"]
    assert version["status"] == "approved"
    assert version["totals"]["net"] == {"amount": "7200.00", "currency": "CNY"}
    assert [gate["name"] for gate in answer.json()["gates"]] == ["sending"]
    first, second = await quote_svc.published(QuoteDrafted)
    assert first.version == second.version == 1
    assert second.version_hash == version["hash"] != first.version_hash
    [row] = await quote_svc.rows("SELECT actor_sub, before, after FROM audit")
    assert row[0] == "rep-2"
    assert (len(row[1]["lines"]), len(row[2]["lines"])) == (1, 2)


async def test_quote_edit_voids_the_approval(
    quote_svc: Harness,
) -> None:
    await quote_svc.receives(a_request(DISCOUNTED, send_when_approved=False))
    async with (
        quote_svc.client("sales_manager", sub="boss") as boss,
        quote_svc.client("sales_rep", sub="u-1") as rep,
    ):
        tag = (await boss.get(f"/quotes/{QUOTE}")).headers["etag"]
        await boss.post(f"/quotes/{QUOTE}/approval", headers={"If-Match": tag})
        more = {"lines": [{"sku": "HW-GATEWAY", "quantity": 3, "discount_percent": "25"}]}
        answer = await edit(rep, more)
        stale = await boss.post(f"/quotes/{QUOTE}/approval", headers={"If-Match": tag})
        unsent = await rep.post(f"/quotes/{QUOTE}/sending")

    assert answer.json()["versions"][0]["status"] == "pending_approval"
    assert answer.json()["versions"][0]["approved_by"] is None
    is_problem(stale, 412, "stale")
    is_problem(unsent, 409, "illegal-transition")
    assert len(await quote_svc.published(QuoteApprovalRequested)) == 2
    assert await quote_svc.published(QuoteSent) == []


async def test_quote_edit_prices_the_exact_name(quote_svc: Harness) -> None:
    await quote_svc.receives(a_request(send_when_approved=False))
    form = {"name": "x", "kind": "goods", "tax_percent": "0"}
    async with quote_svc.client("admin", sub="rep-2") as client:
        for sku, price in (("AB-1", "1.00"), ("ab-1", "900.00"), (" ab-1 ", "901.00")):
            body = form | {"list_price": {"amount": price, "currency": "CNY"}}
            set_price = await client.put(f"/price-books/standard/CNY/{sku}", json=body)
            assert set_price.status_code == 200, set_price.text
        blank = await client.put("/price-books/standard/CNY/%20", json=body)
        control = await client.put("/price-books/standard/CNY/a%0Bb", json=body)
        lines = [{"sku": sku, "quantity": 1} for sku in ("AB-1", "ab-1 ")]
        answer = await edit(client, {"lines": lines})
        unsure = await edit(client, {"lines": [{"sku": "Ab-1", "quantity": 1}]})
        await quote_svc.execute("DELETE FROM price WHERE sku ILIKE 'ab-1'")

    assert (blank.status_code, control.status_code) == (422, 422)
    [version] = answer.json()["versions"]
    assert [(x["sku"], x["net"]["amount"]) for x in version["lines"]] == [
        ("AB-1", "1.00"),
        ("ab-1", "901.00"),
    ]
    is_problem(unsure, 422, "not-in-the-price-book")


async def test_quote_edit_finds_a_missing_price(quote_svc: Harness) -> None:
    await quote_svc.receives(a_request(WantedLine(sku="NO-SUCH", quantity=1)))
    async with quote_svc.client("sales_rep") as client:
        answer = await edit(client)

    assert [gate["name"] for gate in answer.json()["gates"]] == ["sending"]
    assert [g.gate for g in await quote_svc.published(QUOTE_GATES.cleared)] == ["pricing"]


async def test_quote_edit_that_is_invalid_changes_nothing(quote_svc: Harness) -> None:
    await quote_svc.receives(a_request(send_when_approved=False))
    said = await quote_svc.said()
    async with quote_svc.client("sales_rep") as client, quote_svc.client("finance") as finance:
        is_problem(await client.put(LINES, json=TWO), 428, "if-match-missing")
        stale = await client.put(LINES, json=TWO, headers={"If-Match": '"v99"'})
        is_problem(stale, 412, "stale")
        unknown = await edit(client, {"lines": [{"sku": "NO-SUCH", "quantity": 1}]})
        is_problem(unknown, 422, "not-in-the-price-book")
        other = await edit(client, path=LINES.replace("/1/", "/2/"))
        is_problem(other, 409, "not-the-current-version")
        missing = await client.put(
            LINES.replace(str(QUOTE), str(uuid4())), json=TWO, headers={"If-Match": '"v1"'}
        )
        is_problem(missing, 404, "not-found")
        is_problem(await edit(finance), 403, "forbidden")

    assert await quote_svc.said() == said


@pytest.mark.parametrize(
    "line",
    [
        {"sku": "HW-SENSOR", "quantity": 0},
        {"sku": "", "quantity": 1},
        {"sku": "HW-SENSOR", "quantity": 1, "discount_percent": "100.01"},
        {"sku": "HW-SENSOR", "quantity": 1, "discount_percent": "-1"},
        {"sku": "HW-SENSOR", "quantity": 1, "net": {"amount": "1.00", "currency": "CNY"}},
    ],
)
async def test_quote_line_that_is_invalid_is_refused_by_field(
    quote_svc: Harness, line: dict[str, Any]
) -> None:
    await quote_svc.receives(a_request(send_when_approved=False))
    async with quote_svc.client("sales_rep") as client:
        answer = await edit(client, {"lines": [line]})

    is_problem(answer, 422, "invalid")
    assert answer.json()["errors"][0]["pointer"].startswith("/body/lines/0/")


async def test_quote_version_sent_to_the_customer_is_not_edited(quote_svc: Harness) -> None:
    await quote_svc.receives(a_request())
    async with quote_svc.client("sales_rep") as client:
        is_problem(await edit(client), 409, "already-out")


async def test_quote_edit_with_one_idempotency_key_is_one_edit(quote_svc: Harness) -> None:
    await quote_svc.receives(a_request(send_when_approved=False))
    async with quote_svc.client("sales_rep") as client:
        tag = (await client.get(f"/quotes/{QUOTE}")).headers["etag"]
        headers = {"If-Match": tag, "Idempotency-Key": "edit-1"}
        first = await client.put(LINES, json=TWO, headers=headers)
        again = await client.put(LINES, json=TWO, headers=headers)

    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]
    assert len(await quote_svc.published(QuoteDrafted)) == 2


async def test_quote_version_rejected_waits_for_its_author(quote_svc: Harness) -> None:
    await quote_svc.receives(a_request(DISCOUNTED))
    async with (
        quote_svc.client("sales_manager", sub="boss") as boss,
        quote_svc.client("sales_rep", sub="u-1") as rep,
    ):
        by_rep = await rep.post(f"/quotes/{QUOTE}/rejection", json={"reason": "r"})
        rejected = await boss.post(f"/quotes/{QUOTE}/rejection", json={"reason": "too cheap"})
        answer = await edit(rep)

    is_problem(by_rep, 403, "forbidden")
    assert [(g["name"], g["owner"]) for g in rejected.json()["gates"]] == [
        ("revision", "person:u-1")
    ]
    assert answer.json()["versions"][0]["status"] == "approved"
    assert [gate["name"] for gate in answer.json()["gates"]] == ["sending"]


async def test_quote_version_voided_has_no_gate_and_cannot_be_accepted(
    quote_svc: Harness,
) -> None:
    await quote_svc.receives(a_request())
    async with quote_svc.client("sales_rep") as seller, quote_svc.client("finance") as finance:
        token = (await seller.get(f"/quotes/{QUOTE}/link")).json()["token"]
        reason = {"reason": "wrong product"}
        is_problem(await finance.post(f"/quotes/{QUOTE}/voiding", json=reason), 403, "forbidden")
        voided = await seller.post(f"/quotes/{QUOTE}/voiding", json=reason)
        form = {"name": "Ada", "version": 1, "agree": True}
        form |= {"version_hash": voided.json()["versions"][0]["hash"]}
        late = await seller.post(f"/offers/{token}/acceptance", json=form)
        twice = await seller.post(f"/quotes/{QUOTE}/voiding", json=reason)

    assert (voided.json()["versions"][0]["status"], voided.json()["gates"]) == ("voided", [])
    is_problem(late, 409, "illegal-transition")
    is_problem(twice, 409, "illegal-transition")
    [fact] = await quote_svc.published(QuoteSuperseded)
    assert (fact.by_version, fact.reason) == (None, "wrong product")


async def test_quote_versions_are_compared(quote_svc: Harness) -> None:
    await quote_svc.receives(a_request())
    await quote_svc.receives(
        a_request(
            WantedLine(sku="HW-GATEWAY", quantity=3),
            WantedLine(sku="SVC-TRAINING", quantity=1),
            request_no=2,
        )
    )
    path = f"/quotes/{QUOTE}/difference"
    async with quote_svc.client("auditor") as client:
        found = (await client.get(path, params={"from": 1, "to": 2})).json()
        missing = await client.get(path, params={"from": 1, "to": 3})
        vague = await client.get(path)

    assert [line["sku"] for line in found["added"]] == ["SVC-TRAINING"]
    assert found["removed"] == []
    assert [c["after"]["quantity"] for c in found["changed"]] == [3]
    assert found["net_change"] == {"amount": "8600.00", "currency": "CNY"}
    is_problem(missing, 404, "not-found")
    is_problem(vague, 422, "invalid")


async def test_quote_list_is_paged(quote_svc: Harness) -> None:
    for n in range(5):
        await quote_svc.receives(a_request(deal_id=uuid4(), number=f"D-{n}"))
    async with quote_svc.client("sales_rep") as client, quote_svc.client("order_desk") as other:
        listed = await all_pages(client, "/quotes", limit=3)
        one = (await client.get("/quotes", params={"deal": "D-2"})).json()["items"]
        is_problem(await other.get("/quotes"), 403, "forbidden")

    numbers = [quote["deal_number"] for quote in listed]
    assert numbers == ["D-4", "D-3", "D-2", "D-1", "D-0"]
    assert [quote["deal_number"] for quote in one] == ["D-2"]
    assert DEAL not in [quote["deal_id"] for quote in one]


async def test_price_is_set_in_the_currency_of_its_book(quote_svc: Harness) -> None:
    form = {
        "name": "Cable",
        "kind": "goods",
        "list_price": {"amount": "12.50", "currency": "CNY"},
        "tax_percent": "13",
    }
    async with quote_svc.client("finance") as finance, quote_svc.client("sales_rep") as rep:
        good = await finance.put("/price-books/tests/CNY/CABLE", json=form)
        other = await finance.put("/price-books/tests/USD/CABLE", json=form)
        by_rep = await rep.put("/price-books/tests/CNY/CABLE", json=form)
        listed = (await rep.get("/price-books/tests/CNY")).json()

    assert good.json()["list_price"]["amount"] == "12.50"
    is_problem(other, 422, "another-currency")
    is_problem(by_rep, 403, "forbidden")
    assert [price["sku"] for price in listed] == ["CABLE"]
