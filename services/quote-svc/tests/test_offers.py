"""Quotes from request to answer, on real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from quote_builders import NOW, QUOTE, a_lost_deal, a_reopened_deal, a_request, a_web_order

from contracts.ids import ContactId, LeadId
from contracts.journey import QUOTE_GATES
from contracts.money import Money
from contracts.parties import Contact
from contracts.quote import QuoteAccepted, QuoteDrafted, QuoteExpired, QuoteSuperseded
from contracts.terms import ImportedOutcome, WantedLine
from testkit.harness import Harness


async def test_quote_of_a_web_order_at_list_price_is_accepted_by_its_consent(
    quote_svc: Harness,
) -> None:
    line = WantedLine(sku="SVC-ONBOARD", quantity=1)
    await quote_svc.receives(a_request(line, web_order=a_web_order(line)), times=2)

    assert await quote_svc.said() == [
        "ltc.quote.drafted.v1",
        "ltc.quote.sent.v1",
        "ltc.quote.accepted.v1",
    ]
    [accepted] = await quote_svc.published(QuoteAccepted)
    assert accepted.totals.gross == Money(1060_00, "CNY")
    assert accepted.evidence.method == "web_order_consent"
    assert accepted.consent_covers_signature


async def test_quote_accepted_event_names_customer_and_lead(quote_svc: Harness) -> None:
    ada = Contact(contact_id=ContactId(UUID(int=3)), name="Ada", email="ada@acme.test")
    line = WantedLine(sku="SVC-ONBOARD", quantity=1)
    asked = a_request(line, web_order=a_web_order(line), contact=ada, lead_id=LeadId(UUID(int=4)))
    await quote_svc.receives(asked)

    [accepted] = await quote_svc.published(QuoteAccepted)
    assert (accepted.contact, accepted.lead_id) == (ada, LeadId(UUID(int=4)))


async def test_quote_import_finds_a_misspelt_product_and_keeps_the_agreed_price(
    quote_svc: Harness,
) -> None:
    closed = datetime(2017, 3, 1, tzinfo=UTC)
    record = ImportedOutcome(
        source_system="crm", external_id="A", agreed=Money(451400, "USD"), closed_at=closed
    )
    line = WantedLine(sku="GTXPro", quantity=1)
    await quote_svc.receives(a_request(line, currency="USD", imported=record))

    [accepted] = await quote_svc.published(QuoteAccepted)
    assert accepted.lines[0].sku == "GTX Pro"
    assert accepted.totals.net == Money(451400, "USD")
    assert accepted.accepted_at == closed


async def test_quote_with_a_large_discount_needs_approval_of_another_person(
    quote_svc: Harness,
) -> None:
    line = WantedLine(sku="HW-GATEWAY", quantity=2, discount_percent=Decimal(25))
    await quote_svc.receives(a_request(line, requested_by="boss"))
    async with quote_svc.client("sales_manager", sub="boss") as author:
        tag = (await author.get(f"/quotes/{QUOTE}")).headers["etag"]
        own = await author.post(f"/quotes/{QUOTE}/approval", headers={"If-Match": tag})
    async with quote_svc.client("sales_manager", sub="other") as other:
        approved = await other.post(f"/quotes/{QUOTE}/approval", headers={"If-Match": tag})

    assert own.status_code == 403
    assert approved.status_code == 200, approved.text
    said = await quote_svc.said()
    assert said.index("ltc.quote.approval_requested.v1") < said.index("ltc.quote.approved.v1")
    assert approved.json()["versions"][0]["status"] == "sent"


async def test_quote_is_accepted_through_the_signed_link(quote_svc: Harness) -> None:
    await quote_svc.receives(a_request())
    async with quote_svc.client("sales_rep") as seller, quote_svc.client() as customer:
        token = (await seller.get(f"/quotes/{QUOTE}/link")).json()["token"]
        offer = (await customer.get(f"/offers/{token}")).json()
        forged = await customer.get(f"/offers/{token[:-3]}AAA")
        form = {"name": "Ada", "version": 1, "version_hash": offer["version_hash"], "agree": True}
        other = {**form, "version_hash": "another"}
        changed = await customer.post(f"/offers/{token}/acceptance", json=other)
        accepted = await customer.post(f"/offers/{token}/acceptance", json=form)
        again = await customer.post(f"/offers/{token}/acceptance", json=form)

    assert forged.status_code == 404
    assert changed.status_code == 409
    assert accepted.json()["status"] == "accepted"
    assert again.status_code == 409
    [fact] = await quote_svc.published(QuoteAccepted)
    assert (fact.evidence.by, fact.evidence.method) == ("Ada", "signed_link")


async def test_quote_revision_supersedes_the_old_version(
    quote_svc: Harness,
) -> None:
    await quote_svc.receives(a_request())
    await quote_svc.receives(a_request(request_no=2))
    async with quote_svc.client("sales_rep") as seller, quote_svc.client() as customer:
        token = (await seller.get(f"/quotes/{QUOTE}/link")).json()["token"]
        form = {"name": "Ada", "version": 1, "version_hash": "x", "agree": True}
        late = await customer.post(f"/offers/{token}/acceptance", json=form)

    assert late.status_code == 409
    [superseded] = await quote_svc.published(QuoteSuperseded)
    assert (superseded.version, superseded.by_version) == (1, 2)
    assert len(await quote_svc.published(QuoteDrafted)) == 2


async def test_quote_link_shows_no_version_that_was_not_sent(quote_svc: Harness) -> None:
    """The second version waits for an approval: its price is not the customer's to know."""
    await quote_svc.receives(a_request())
    async with quote_svc.client("sales_rep") as seller, quote_svc.client() as customer:
        token = (await seller.get(f"/quotes/{QUOTE}/link")).json()["token"]
        first = (await customer.get(f"/offers/{token}")).json()
        cheaper = WantedLine(sku="HW-GATEWAY", quantity=2, discount_percent=Decimal(25))
        await quote_svc.receives(a_request(cheaper, request_no=2))
        shown = (await customer.get(f"/offers/{token}")).json()
        form = {"name": "Ada", "version": 2, "version_hash": "x", "agree": True}
        guessed = await customer.post(f"/offers/{token}/acceptance", json=form)

    assert (shown["version"], shown["status"]) == (1, "superseded")
    assert (shown["lines"], shown["totals"]) == (first["lines"], first["totals"])
    assert guessed.status_code == 409


async def test_quote_gate_is_cleared_by_the_customer_whatever_name_is_typed(
    quote_svc: Harness,
) -> None:
    await quote_svc.receives(a_request())
    async with quote_svc.client("sales_rep") as seller, quote_svc.client() as customer:
        token = (await seller.get(f"/quotes/{QUOTE}/link")).json()["token"]
        offer = (await customer.get(f"/offers/{token}")).json()
        form = {"name": "person:boss", "version": 1, "version_hash": offer["version_hash"]}
        accepted = await customer.post(f"/offers/{token}/acceptance", json=form | {"agree": True})

    assert accepted.status_code == 200, accepted.text
    [cleared] = await quote_svc.published(QUOTE_GATES.cleared)
    assert (cleared.gate, cleared.cleared_by) == ("customer_answer", "party:customer")


async def test_quote_without_an_answer_expires(quote_svc: Harness) -> None:
    await quote_svc.receives(a_request(requested_at=NOW - timedelta(days=40)))

    assert await quote_svc.tick("expire") == 1
    assert await quote_svc.tick("expire") == 0
    assert len(await quote_svc.published(QuoteExpired)) == 1


async def test_quote_without_a_price_waits_at_a_gate(quote_svc: Harness) -> None:
    await quote_svc.receives(a_request(WantedLine(sku="NO-SUCH", quantity=1)))

    assert await quote_svc.said() == ["ltc.quote.gate_opened.v1"]
    [gate] = await quote_svc.published(QUOTE_GATES.opened)
    assert gate.gate == "pricing"


async def test_quote_is_withdrawn_with_a_lost_deal(quote_svc: Harness) -> None:
    await quote_svc.receives(a_request())
    await quote_svc.receives(a_lost_deal(), times=2)

    [superseded] = await quote_svc.published(QuoteSuperseded)
    assert superseded.reason == "budget cut"


async def test_quote_stays_closed_after_the_deal_is_reopened(quote_svc: Harness) -> None:
    await quote_svc.receives(a_request())
    await quote_svc.receives(a_reopened_deal(), times=2)
    await quote_svc.receives(a_request(request_no=2))

    [superseded] = await quote_svc.published(QuoteSuperseded)
    assert (superseded.version, superseded.reason) == (1, "new budget")
    assert [d.version for d in await quote_svc.published(QuoteDrafted)] == [1, 2]


async def test_quote_answered_does_not_expire_and_an_expired_one_is_not_accepted(
    quote_svc: Harness,
) -> None:
    await quote_svc.receives(a_request())
    async with quote_svc.client("sales_rep") as seller, quote_svc.client() as customer:
        token = (await seller.get(f"/quotes/{QUOTE}/link")).json()["token"]
        refused = await customer.post(
            f"/offers/{token}/refusal", json={"name": "Ada", "version": 1, "reason": "too dear"}
        )
    await quote_svc.execute("UPDATE quote SET valid_until = now() - interval '1 day'")

    assert refused.json()["status"] == "declined"
    assert await quote_svc.tick("expire") == 0
    assert await quote_svc.published(QuoteExpired) == []


async def test_quote_gate_overdue_is_published_once(quote_svc: Harness) -> None:
    await quote_svc.receives(a_request(send_when_approved=False))

    assert await quote_svc.let_gates_lapse() == 1
    assert await quote_svc.let_gates_lapse() == 0
    [overdue] = await quote_svc.published(QUOTE_GATES.overdue)
    assert (overdue.gate, overdue.owner) == ("sending", "person:u-1")
