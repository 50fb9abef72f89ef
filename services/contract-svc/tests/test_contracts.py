"""Contracts on real PostgreSQL: API, gates and fulfilment."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from contract_builders import (
    CONTRACT,
    DEAL,
    GROSS,
    NOW,
    QUOTE,
    a_big_acceptance,
    a_cancellation,
    a_credit,
    a_fulfilment,
    a_payment,
    a_settlement,
    an_acceptance,
    an_invoice,
    an_order,
)

from chassis.gates import sweep_overdue
from contract_svc.storage import Contracts
from contracts.contract import (
    ContractDeclined,
    ContractDrafted,
    ContractSigned,
    ContractTerminated,
    ContractWithdrawn,
)
from contracts.ids import QuoteId
from contracts.money import Money
from contracts.quote import QuoteDeclined, QuoteExpired, QuoteSuperseded
from contracts.terms import Evidence
from testkit.harness import Harness

PATH = f"/contracts/{CONTRACT}"
SIGNED = an_acceptance(consent_covers_signature=True)


async def gates(contract_svc: Harness) -> list[str]:
    rows = await contract_svc.rows("SELECT name FROM gate WHERE cleared_at IS NULL ORDER BY name")
    return [name for (name,) in rows]


async def show(contract_svc: Harness) -> Any:
    async with contract_svc.client("auditor") as auditor:
        return (await auditor.get(PATH)).json()


async def test_contract_declined_by_the_customer(contract_svc: Harness) -> None:
    await contract_svc.receives(an_acceptance())
    async with contract_svc.client("sales_rep") as seller, contract_svc.client() as customer:
        token = (await seller.get(f"{PATH}/link")).json()["token"]
        form = {"name": "Ada", "reason": "too long"}
        first = await customer.post(f"/signing/{token}/refusal", json=form)
        again = await customer.post(f"/signing/{token}/refusal", json=form)
        forged = await customer.post(f"/signing/{token[:-3]}abc/refusal", json=form)

    assert (first.json()["status"], again.status_code) == ("declined", 409)
    assert forged.status_code in (403, 404)
    [declined] = await contract_svc.published(ContractDeclined)
    assert (declined.party, declined.reason) == ("customer", "too long")
    assert await gates(contract_svc) == []


async def test_contract_above_the_limit_needs_a_countersignature(contract_svc: Harness) -> None:
    await contract_svc.receives(a_big_acceptance(), times=2)
    assert await gates(contract_svc) == ["signature:company", "signature:customer"]
    text_hash = (await show(contract_svc))["text_hash"]
    async with contract_svc.client("sales_manager") as manager:
        tag = (await manager.get(PATH)).headers["ETag"]
        form, path = {"text_hash": text_hash}, f"{PATH}/signature"
        blind = await manager.post(path, json=form)
        stale = await manager.post(path, json=form, headers={"If-Match": '"v99"'})
        other = await manager.post(path, json={"text_hash": "x"}, headers={"If-Match": tag})
        done = await manager.post(path, json=form, headers={"If-Match": tag})

    assert [a.status_code for a in (blind, stale, other, done)] == [428, 412, 409, 200]
    assert done.json()["status"] == "awaiting_signature"
    assert await gates(contract_svc) == ["signature:customer"]
    assert await contract_svc.published(ContractSigned) == []


async def test_contract_unsigned_is_withdrawn_by_a_manager(contract_svc: Harness) -> None:
    await contract_svc.receives(an_acceptance())
    async with contract_svc.client("sales_manager") as manager:
        done = await manager.post(f"{PATH}/withdrawal", json={"reason": "wrong entity"})
        again = await manager.post(f"{PATH}/withdrawal", json={"reason": "wrong entity"})

    assert (done.json()["status"], again.status_code) == ("withdrawn", 409)
    assert again.json()["type"] == "urn:ltc:problem:illegal-transition"
    assert len(await contract_svc.published(ContractWithdrawn)) == 1


EVIDENCE = Evidence(by="Ada", at=NOW, method="signed_link")
ABOUT: dict[str, Any] = {"quote_id": QUOTE, "number": "Q-1", "deal_id": DEAL, "version": 1}


@pytest.mark.parametrize(
    "gone",
    [
        QuoteDeclined(**ABOUT, reason="no", evidence=EVIDENCE, declined_at=NOW),
        QuoteExpired(**ABOUT, valid_until=NOW, expired_at=NOW),
        QuoteSuperseded(**ABOUT, by_version=2, reason="new price", superseded_at=NOW),
    ],
    ids=lambda fact: type(fact).__name__,
)
@pytest.mark.parametrize("signed", [False, True])
async def test_contract_draft_is_voided_with_its_quote_and_a_signed_one_stays(
    contract_svc: Harness, gone: Any, *, signed: bool
) -> None:
    await contract_svc.receives(SIGNED if signed else an_acceptance())
    await contract_svc.receives(gone, times=2)

    assert len(await contract_svc.published(ContractWithdrawn)) == (not signed)


async def test_contract_completes_after_deliveries_invoices_and_settlement(
    contract_svc: Harness,
) -> None:
    facts = (an_order(), a_fulfilment(), an_invoice(), a_credit(Money(60_00, "CNY")), a_payment())
    await contract_svc.receives(SIGNED, *facts, a_settlement(), times=2)

    contract = await show(contract_svc)
    assert contract["status"] == "completed"
    assert contract["execution"]["order_number"] == "O-1"
    [invoice] = contract["execution"]["invoices"]
    assert invoice["paid"]
    assert invoice["credited"] == {"amount": "60.00", "currency": "CNY"}
    assert invoice["gross"] == {"amount": GROSS.amount, "currency": "CNY"}


async def test_contract_events_wait_until_their_contract_exists(contract_svc: Harness) -> None:
    await contract_svc.receives(a_settlement())
    await contract_svc.receives(an_order(), a_fulfilment())
    await contract_svc.receives(an_invoice(), a_payment())
    assert await contract_svc.said() == []

    await contract_svc.receives(SIGNED)
    await contract_svc.retry_parked()

    assert (await show(contract_svc))["status"] == "completed"
    assert await contract_svc.rows("SELECT count(*) FROM parked_message") == [(0,)]


async def ask(contract_svc: Harness) -> None:
    async with contract_svc.client("sales_manager") as manager:
        form = {"reason": "bankrupt"}
        assert (await manager.post(f"{PATH}/termination-request", json=form)).is_success
    assert "termination" in await gates(contract_svc)


async def test_contract_ends_early_after_the_order_cancelled_the_rest(
    contract_svc: Harness,
) -> None:
    await contract_svc.receives(SIGNED)
    await ask(contract_svc)
    await contract_svc.receives(a_cancellation(0, 0, 1))
    assert await contract_svc.published(ContractTerminated) == []
    await contract_svc.receives(a_cancellation(0, 0, 2), a_fulfilment(0), times=2)

    [ended] = await contract_svc.published(ContractTerminated)
    assert (ended.reason, ended.terminated_by) == ("bankrupt", "desk-1")
    assert await gates(contract_svc) == []


async def test_contract_termination_waits_for_shipped_goods(contract_svc: Harness) -> None:
    await contract_svc.receives(SIGNED)
    await ask(contract_svc)
    await contract_svc.receives(a_cancellation(1, 0, 1))
    assert await contract_svc.published(ContractTerminated) == []
    await contract_svc.receives(a_fulfilment(1))

    assert len(await contract_svc.published(ContractTerminated)) == 1


async def test_contract_goes_on_when_termination_is_refused_or_all_is_delivered(
    contract_svc: Harness,
) -> None:
    await contract_svc.receives(SIGNED)
    await ask(contract_svc)
    async with contract_svc.client("order_desk") as desk:
        path, form = f"{PATH}/termination-refusal", {"reason": "packed already"}
        done, again = await desk.post(path, json=form), await desk.post(path, json=form)
    assert (done.status_code, again.status_code) == (200, 409)
    await ask(contract_svc)
    await contract_svc.receives(a_fulfilment())

    assert await gates(contract_svc) == []
    assert await contract_svc.published(ContractTerminated) == []
    async with contract_svc.client("sales_manager") as manager:
        late = await manager.post(f"{PATH}/termination-request", json={"reason": "x"})
    assert (late.status_code, late.json()["type"]) == (409, "urn:ltc:problem:nothing-left")


async def test_contract_late_signature_publishes_one_overdue_event(contract_svc: Harness) -> None:
    await contract_svc.receives(a_big_acceptance())
    await contract_svc.execute(
        "UPDATE contract SET body = jsonb_set(body, '{gates}',"
        " (SELECT jsonb_agg(g || $1::text::jsonb) FROM jsonb_array_elements(body->'gates') g))",
        '{"due_at": "2026-01-01T00:00:00Z"}',
    )
    await contract_svc.execute("UPDATE gate SET due_at = '2026-01-01'")
    marked = [await sweep_overdue(contract_svc.database, {"contract": Contracts}) for _ in "ab"]

    assert marked == [2, 0]
    assert (await contract_svc.said())[-2:] == ["ltc.contract.gate_overdue.v1"] * 2


@pytest.mark.parametrize(
    ("role", "path", "form"),
    [
        ("sales_rep", "withdrawal", {"reason": "x"}),
        ("sales_rep", "termination-request", {"reason": "x"}),
        ("sales_manager", "termination-refusal", {"reason": "x"}),
        ("legal", "signature", {"text_hash": "x"}),
    ],
)
async def test_contract_routes_refuse_other_roles(
    contract_svc: Harness, role: str, path: str, form: dict[str, str]
) -> None:
    await contract_svc.receives(an_acceptance())
    before = await contract_svc.said()
    async with contract_svc.client(role) as client, contract_svc.client() as nobody:
        answers = [await c.post(f"{PATH}/{path}", json=form) for c in (client, nobody)]

    assert [a.status_code for a in answers] == [403, 401]
    assert all(a.headers["content-type"] == "application/problem+json" for a in answers)
    assert await contract_svc.said() == before


@pytest.mark.parametrize("form", [{}, {"reason": ""}, {"reason": "x", "more": 1}])
async def test_contract_request_without_a_reason_names_the_field(
    contract_svc: Harness, form: dict[str, Any]
) -> None:
    await contract_svc.receives(an_acceptance())
    async with contract_svc.client("sales_manager") as manager:
        answer = await manager.post(f"{PATH}/withdrawal", json=form)
        missing = await manager.post(f"/contracts/{uuid4()}/withdrawal", json={"reason": "x"})

    assert (answer.status_code, missing.status_code) == (422, 404)
    assert answer.json()["errors"][0]["pointer"].startswith("/body/")


async def test_contract_list_is_paged(contract_svc: Harness) -> None:
    quotes = [QuoteId(UUID(int=n)) for n in range(100, 105)]
    await contract_svc.receives(*(an_acceptance(quote_id=q) for q in quotes))
    async with contract_svc.client("legal") as lawyer:
        found, cursor = [], {}
        while cursor is not None:
            page = (await lawyer.get("/contracts", params={"limit": 2, **cursor})).json()
            found += [contract["quote_id"] for contract in page["items"]]
            cursor = {"cursor": page["next"]} if page["next"] else None
        broken = await lawyer.get("/contracts?cursor=nonsense")

    assert sorted(found) == sorted(map(str, quotes))
    assert broken.status_code in (400, 422)
    assert len(await contract_svc.published(ContractDrafted)) == 5


async def test_contract_clause_version_applies_to_later_contracts_only(
    contract_svc: Harness,
) -> None:
    await contract_svc.receives(an_acceptance())
    clause = {"title_zh": "法", "title_en": "Law", "text_zh": "新", "text_en": "new"}
    async with contract_svc.client("legal") as lawyer, contract_svc.client("admin") as admin:
        added = await lawyer.post("/clauses/law", json=clause)
        await contract_svc.receives(an_acceptance(quote_id=QuoteId(UUID(int=99))))
        texts = [
            (await admin.get(f"/contracts/{row[0]}/text")).text
            for row in await contract_svc.rows(
                "SELECT id FROM contract ORDER BY created_at, number"
            )
        ]
    await contract_svc.execute("DELETE FROM clause WHERE version > 1")

    assert added.status_code == 201
    assert ["law@1" in text for text in texts] == [True, False]
