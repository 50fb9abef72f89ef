"""The way of a deal from lead to proposal, on real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from deal_builders import LEAD, a_lead_qualified, a_web_order, told

from contracts.contract import ContractSigned
from contracts.deal import DealLost, DealOpened, ProposalRequested
from contracts.ids import DealId, derived_id
from contracts.money import Money
from contracts.terms import Totals
from testkit.harness import JOURNEY, Harness


async def test_deal_opens_once_for_a_redelivered_qualification(deal_svc: Harness) -> None:
    await deal_svc.receives(a_lead_qualified(), times=2)

    [opened] = await deal_svc.published(DealOpened)
    assert opened.deal_id == DealId(derived_id(LEAD, "deal"))
    assert await deal_svc.said() == ["ltc.deal.opened.v1", "ltc.deal.gate_opened.v1"]


async def test_deal_title_is_the_need_in_one_line(deal_svc: Harness) -> None:
    need = "10 m² of\r\n\tpipe ½\u2033"
    await deal_svc.receives(a_lead_qualified().model_copy(update={"need": need}))

    [opened] = await deal_svc.published(DealOpened)
    assert opened.title == "10 m² of pipe ½\u2033"


async def test_deal_import_keeps_systems_and_customers_apart(deal_svc: Harness) -> None:
    names = [("a:b", "c", "Acme"), ("a", "b:c", "ＡＣＭＥ "), ("a", "d", "Acme Two")]
    rows = [
        {
            "source_system": system,
            "external_id": reference,
            "product": "GTX Pro",
            "stage": "engaging",
            "account": account,
        }
        for system, reference, account in names
    ]
    async with deal_svc.client("integration_import") as client:
        answer = (await client.post("/deals/batch", json={"deals": rows})).json()
    accounts = [opened.account for opened in await deal_svc.published(DealOpened)]

    assert answer["accepted"] == 3
    assert [account.name for account in accounts if account] == ["Acme", "ＡＣＭＥ", "Acme Two"]
    assert len({account.account_id for account in accounts if account}) == 2


async def test_deal_of_an_express_lead_requests_its_proposal_in_the_same_commit(
    deal_svc: Harness,
) -> None:
    await deal_svc.receives(a_lead_qualified(web_order=a_web_order()))

    assert await deal_svc.said() == ["ltc.deal.opened.v1", "ltc.deal.proposal_requested.v1"]
    [asked] = await deal_svc.published(ProposalRequested)
    assert asked.web_order == a_web_order()
    rows = await deal_svc.rows("SELECT journey_id, version, revision FROM deal")
    assert rows == [(JOURNEY, 2, 1)]


async def test_deal_import_creates_each_deal_once(deal_svc: Harness) -> None:
    rows = [
        {
            "source_system": "crm",
            "external_id": "A",
            "product": "GTX Pro",
            "stage": "won",
            "account": "Acme",
            "value": {"amount": "4514.00", "currency": "USD"},
            "engaged_at": "2016-10-20T00:00:00Z",
            "closed_at": "2017-03-01T00:00:00Z",
        },
        {
            "source_system": "crm",
            "external_id": "B",
            "product": "GTX Pro",
            "stage": "lost",
            "closed_at": "2017-03-02T00:00:00Z",
        },
        {"source_system": "crm", "external_id": "C", "product": "GTX Pro", "stage": "prospecting"},
        {"source_system": "crm", "external_id": "D", "product": "GTX Pro", "stage": "won"},
        {
            "source_system": "crm",
            "external_id": "A",
            "product": "GTX Pro",
            "stage": "won",
            "account": "Acme",
            "value": {"amount": "4514.00", "currency": "USD"},
            "closed_at": "2017-03-01T00:00:00Z",
        },
    ]
    async with deal_svc.client("integration_import") as client:
        answer = (await client.post("/deals/batch", json={"deals": rows})).json()
        again = (await client.post("/deals/batch", json={"deals": rows})).json()

    assert (answer["accepted"], answer["duplicates"], answer["refused"]) == (3, 1, 1)
    assert (again["accepted"], again["duplicates"], again["refused"]) == (0, 4, 1)
    [asked] = await deal_svc.published(ProposalRequested)
    assert asked.imported is not None
    assert asked.imported.agreed == Money(451400, "USD")
    [lost] = await deal_svc.published(DealLost)
    assert lost.lost_at == datetime(2017, 3, 2, tzinfo=UTC)


async def test_deal_won_for_zero_is_taken_over_as_won(deal_svc: Harness) -> None:
    row = {
        "source_system": "crm",
        "external_id": "free-1",
        "product": "GTX Pro",
        "stage": "won",
        "account": "Free Ltd",
        "value": {"amount": "0.00", "currency": "USD"},
        "closed_at": "2017-03-01T00:00:00Z",
    }
    async with deal_svc.client("integration_import", "sales_manager") as client:
        answer = (await client.post("/deals/batch", json={"deals": [row]})).json()
        [asked] = await deal_svc.published(ProposalRequested)
        deal_id = DealId(UUID(answer["results"][0]["deal_id"]))
        zero = Money.zero("USD")
        await deal_svc.receives(
            told(ContractSigned, deal_id=deal_id, totals=Totals(net=zero, tax=zero, gross=zero))
        )
        totals = await client.get("/deals/totals")

    assert asked.imported is not None
    assert (asked.imported.agreed, asked.payment_terms.kind) == (zero, "prepaid")
    assert await deal_svc.rows("SELECT status, amount_minor FROM deal") == [("won", 0)]
    assert totals.json()[0]["value"] == {"amount": "0.00", "currency": "USD"}


@pytest.mark.parametrize("field", ["engaged_at", "closed_at"])
@pytest.mark.parametrize(
    "moment", ["20170301", 42795, "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "2099-01-01"]
)
async def test_deal_import_refuses_an_instant_out_of_bounds_by_row(
    deal_svc: Harness, field: str, moment: str | int
) -> None:
    good = {"source_system": "crm", "external_id": "A", "product": "GTX Pro", "stage": "lost"}
    async with deal_svc.client("integration_import") as client:
        rows = [good | {"external_id": "B", field: moment}, good]
        answer = (await client.post("/deals/batch", json={"deals": rows})).json()

    assert [row["outcome"] for row in answer["results"]] == ["refused", "accepted"]
    assert answer["results"][0]["errors"][0]["pointer"] == f"/{field}"


@pytest.mark.parametrize("edge", ["-infinity", "infinity"])
async def test_deal_stored_at_the_edge_of_time_harms_no_total(deal_svc: Harness, edge: str) -> None:
    """An earlier release took 0001-01-01 and 9999-12-31, which the driver stores as infinity."""
    row = {"source_system": "crm", "product": "GTX Pro", "stage": "lost"}
    async with deal_svc.client("integration_import", "sales_manager") as client:
        rows = [row | {"external_id": n} for n in ("A", "B")]
        await client.post("/deals/batch", json={"deals": rows})
        await deal_svc.execute(
            "UPDATE deal SET status = 'won', closed_at = $1::text::timestamptz,"
            " opened_at = $1::text::timestamptz",
            edge,
        )
        totals = await client.get("/deals/totals", params={"by": "month"})
        first = await client.get("/deals", params={"limit": 1})
        second = await client.get("/deals", params={"limit": 1, "cursor": first.json()["next"]})

    assert totals.status_code == 200, totals.text
    assert [(total["by"], total["won"]) for total in totals.json()] == [("", 2)]
    assert len(first.json()["items"]) == len(second.json()["items"]) == 1


async def test_deal_goes_from_qualification_to_proposal_through_the_api(deal_svc: Harness) -> None:
    await deal_svc.receives(a_lead_qualified())
    deal_id = derived_id(LEAD, "deal")
    async with deal_svc.client("sales_rep") as client:
        too_early = await client.post(f"/deals/{deal_id}/proposal-request", json={})
        shown = await client.get(f"/deals/{deal_id}")
        stale = await client.put(
            f"/deals/{deal_id}/needs",
            headers={"If-Match": '"v99"'},
            json={"lines": [{"sku": "HW-GATEWAY", "quantity": 2}]},
        )
        needs = await client.put(
            f"/deals/{deal_id}/needs",
            headers={"If-Match": shown.headers["etag"]},
            json={"lines": [{"sku": "HW-GATEWAY", "quantity": 2}]},
        )
        asked = await client.post(f"/deals/{deal_id}/proposal-request", json={})

    assert too_early.status_code == 409
    assert too_early.json()["type"] == "urn:ltc:problem:checklist-incomplete"
    assert stale.status_code == 412
    assert needs.status_code == 200, needs.text
    assert asked.json()["gates"] == []
    assert "ltc.deal.proposal_requested.v1" in await deal_svc.said()
