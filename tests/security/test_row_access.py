"""Row-level access: sellers see their own, their team's and unassigned objects only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.contract import ContractSigned
from contracts.deal import ProposalRequested
from contracts.ids import ContractId, DealId, QuoteId
from contracts.parties import Owner
from contracts.quote import QuoteAccepted
from contracts.roles import ROLES, SELLERS
from contracts.samples import sample
from ltc.settings import STAGES
from testkit.harness import Harness
from tests.security.apps import Operation, operations, rules

ME, TEAM = "me", "north"
OWNERS = {
    "mine": Owner(sub=ME, name="Me", team="north"),
    "my team's": Owner(sub="mate", name="Mate", team=TEAM),
    "nobody's": None,
    "another's": Owner(sub="other", name="Other", team="south"),
    "a loner's": Owner(sub="loner", name="Loner"),
}
SEEN = ("mine", "my team's", "nobody's")
TABLES = {"lead": ["lead"], "deal": ["deal"], "quote": ["quote"], "contract": ["contract"],
          "order": ["sales_order"], "billing": ["billing_account", "invoice"]}  # fmt: skip
BODIES: Mapping[str, Any] = {
    "contactLead": {"kind": "call", "note": "asked"},
    "disqualifyLead": {"reason": "no budget"},
    "qualifyLead": {"need": "a gateway"},
    "logLeadActivity": {"kind": "call", "note": "asked"},
    "logActivity": {"kind": "call", "note": "asked"},
    "holdDeal": {"reason": "later", "until": "2030-01-01T00:00:00Z"},
    "loseDeal": {"reason": "price"},
    "moveDeal": {"stage": "needs"},
    "recordNeeds": {"lines": [{"sku": "SVC-ONBOARD", "quantity": 1}]},
    "replaceLines": {"lines": [{"sku": "SVC-ONBOARD", "quantity": 1}]},
    "sendQuote": {},
    "voidQuote": {"reason": "gone"},
}
NEEDS_MORE = {"completeActivity": "an activity of its own: below"}


async def own_something(service: Harness, stage: str, owner: Owner | None) -> None:
    """One aggregate of a stage, and what comes with it, that belongs to somebody."""
    given = owner.model_dump() if owner else None
    async with service.client("sales_manager", sub="boss") as boss:
        if stage == "lead":
            form = {
                "contact": {"name": "A", "email": f"{uuid4().hex}@example.cn"},
                "company": {"name": uuid4().hex},
                "origin": {"channel": "exhibition"},
                **({"owner": given} if given else {}),
            }
            assert (await boss.post("/leads", json=form)).status_code == 201
        elif stage == "deal":
            form = {"title": "T", "account": uuid4().hex, **({"owner": given} if given else {})}
            answer = await boss.post("/deals", json=form, headers={"Idempotency-Key": uuid4().hex})
            assert answer.status_code == 201, answer.text
    ids = {
        "deal_id": DealId(uuid4()),
        "quote_id": QuoteId(uuid4()),
        "contract_id": ContractId(uuid4()),
    }
    heard = {
        "quote": ProposalRequested,
        "contract": QuoteAccepted,
        "order": ContractSigned,
        "billing": ContractSigned,
    }.get(stage)
    if heard is not None:
        changes = {k: v for k, v in ids.items() if k in heard.model_fields}
        changes |= {"owner": owner, "imported": None, "prepayment": None, "web_order": None}
        known = {k: v for k, v in changes.items() if k in heard.model_fields}
        fact = sample(heard).model_copy(update=known)
        await service.receives(fact, journey_id=uuid4())


async def whose(service: Harness, table: str) -> dict[str, list[UUID]]:
    """The ids of a table by whose they are."""
    rows = await service.rows(f"SELECT id, body->'owner'->>'sub' FROM {table}")  # noqa: S608
    by_sub = {owner.sub if owner else None: name for name, owner in OWNERS.items()}
    found: dict[str, list[UUID]] = {name: [] for name in OWNERS}
    for row_id, sub in rows:
        found[by_sub[sub]].append(row_id)
    return found


@pytest.fixture(params=STAGES)
async def owned(
    request: pytest.FixtureRequest, services: dict[str, Harness]
) -> tuple[str, Harness]:
    stage = request.param
    await services[stage].empty()
    for owner in OWNERS.values():
        await own_something(services[stage], stage, owner)
    return stage, services[stage]


async def answered(service: Harness, operation: Operation, whose_id: UUID, *roles: str) -> int:
    parameters = [p[1:-1] for p in operation.path.split("/") if p.startswith("{")]
    values = {parameters[0]: whose_id, "version": 1}
    headers = {"If-Match": '"v1"', "Idempotency-Key": uuid4().hex}
    async with service.client(*roles or ("sales_rep",), sub=ME, teams=(TEAM,)) as client:
        body = None if operation.method == "GET" else BODIES.get(operation.id, {})
        url = operation.at(values)
        if operation.id == "compareVersions":
            url += "?from=1&to=1"
        answer = await client.request(operation.method, url, json=body, headers=headers)
    return answer.status_code


async def test_row_access_object_of_others_is_404(owned: tuple[str, Harness]) -> None:
    stage, service = owned
    found, wrong = operations(service), []
    tables = {table: await whose(service, table) for table in TABLES[stage]}
    tried = 0
    for rule in rules(stage).values():
        operation = found[rule.operation]
        if rule.sight != "own" or "{" not in operation.path or operation.id in NEEDS_MORE:
            continue
        if operation.id == "showLeadImport":
            continue
        table = "invoice" if "{invoice_id}" in operation.path else TABLES[stage][0]
        for name, ids in tables[table].items():
            for aggregate in ids:
                tried += 1
                status = await answered(service, operation, aggregate)
                if (status == 404) == (name in SEEN) or status == 422:
                    wrong.append(f"{operation.id} of {name}: {status}")
                if status == 404 and operation.method == "GET":
                    assert await answered(service, operation, aggregate, "sales_manager") != 404

    assert not wrong, "; ".join(wrong)
    assert tried >= len(OWNERS)


async def test_row_access_follows_the_role_that_opens_the_operation(
    owned: tuple[str, Harness],
) -> None:
    """A seller's second role opens other operations; it shows and changes nothing here."""
    stage, service = owned
    found, wrong, tried = operations(service), [], 0
    tables = {table: await whose(service, table) for table in TABLES[stage]}
    for rule in rules(stage).values():
        operation = found[rule.operation]
        if rule.sight != "own" or "{" not in operation.path or operation.id in NEEDS_MORE:
            continue
        if operation.id == "showLeadImport":
            continue
        table = "invoice" if "{invoice_id}" in operation.path else TABLES[stage][0]
        [theirs, *_] = tables[table]["another's"]
        for second in sorted(ROLES.keys() - SELLERS - rule.roles):
            tried += 1
            status = await answered(service, operation, theirs, "sales_rep", second)
            if status != 404:
                wrong.append(f"{operation.id} as sales_rep and {second}: {status}")

    assert not wrong, "; ".join(wrong)
    assert tried


async def test_row_access_lists_omit_objects_of_others(owned: tuple[str, Harness]) -> None:
    stage, service = owned
    path = {"billing": "/invoices", "order": "/orders"}.get(stage, f"/{stage}s")
    async with (
        service.client("sales_rep", sub=ME, teams=(TEAM,)) as me,
        service.client("sales_manager") as boss,
    ):
        mine = (await me.get(path)).json()["items"]
        every = (await boss.get(path)).json()["items"]

    def subs(items: list[Any]) -> set[str | None]:
        return {item["owner"]["sub"] if item["owner"] else None for item in items}

    assert subs(mine) == {ME, "mate", None}
    assert subs(every) == {ME, "mate", None, "other", "loner"}


@pytest.mark.parametrize(
    ("stage", "path", "count"),
    [("lead", "/lead-stats", "leads"), ("deal", "/deals/pipeline", "deals"),
     ("billing", "/totals", "accounts")],
)  # fmt: skip
async def test_row_access_sums_omit_objects_of_others(
    services: dict[str, Harness], stage: str, path: str, count: str
) -> None:
    service = services[stage]
    await service.empty()
    for owner in OWNERS.values():
        await own_something(service, stage, owner)

    async def summed(role: str) -> int:
        async with service.client(role, sub=ME, teams=(TEAM,)) as client:
            return sum(row[count] for row in (await client.get(path)).json())

    assert await summed("sales_rep") == 3
    assert await summed("sales_manager") == 5


async def test_row_access_unknown_roles_give_no_access(services: dict[str, Harness]) -> None:
    """Issuers add further roles to every token."""
    service = services["lead"]
    await service.empty()
    await own_something(service, "lead", OWNERS["another's"])
    async with service.client("sales_rep", "offline_access", sub=ME) as me:
        assert (await me.get("/leads")).json()["items"] == []
    async with service.client("sales_rep", "sales_manager", sub=ME) as boss:
        assert len((await boss.get("/leads")).json()["items"]) == 1


async def test_row_access_activity_of_others_cannot_be_completed(
    services: dict[str, Harness],
) -> None:
    service = services["deal"]
    await service.empty()
    await own_something(service, "deal", OWNERS["another's"])
    [(deal,)] = await service.rows("SELECT id FROM deal")
    todo = {"kind": "call", "note": "ask", "due_at": "2030-01-01T00:00:00Z"}
    async with service.client("sales_manager") as boss:
        made = await boss.post(f"/deals/{deal}/activities", json=todo)
    path = f"/deals/{deal}/activities/{made.json()['id']}/completion"

    async with service.client("sales_rep", sub=ME) as me, service.client("sales_manager") as boss:
        assert (await me.post(path, json={})).status_code == 404
        assert (await boss.post(path, json={})).status_code == 200


async def test_row_access_import_report_is_for_its_sender(services: dict[str, Harness]) -> None:
    service = services["lead"]
    await service.empty()
    files = {
        "file": ("leads.csv", b"name,email\nA,a@example.cn\n"),
        "mapping": ("m.yaml", b"columns: {name: contact.name, email: contact.email}\n"
                    b"constants: {origin.channel: exhibition}\n"),
    }  # fmt: skip
    async with service.client("sales_rep", sub="sender") as sender:
        sent = await sender.post("/leads/imports", files=files)
        assert sent.status_code == 201, sent.text
        place = sent.headers["location"]
        assert (await sender.get(place)).status_code == 200
        assert len((await sender.get("/leads/imports")).json()["items"]) == 1
    async with service.client("sales_rep", sub=ME) as me, service.client("auditor") as auditor:
        assert (await me.get(place)).status_code == 404
        assert (await me.get("/leads/imports")).json()["items"] == []
        assert (await auditor.get(place)).status_code == 200


async def test_row_access_journey_of_others_is_hidden(services: dict[str, Harness]) -> None:
    """Neither by any of its numbers nor by its spans."""
    console, journey = services["console"], uuid4()
    await console.empty()
    fact = sample(ContractSigned).model_copy(update={"owner": OWNERS["another's"]})
    await console.receives(fact, journey_id=journey)
    for role, sub, status in (
        ("sales_rep", ME, 404), ("sales_rep", "other", 200), ("order_desk", ME, 200),
    ):  # fmt: skip
        async with console.client(role, sub=sub) as client:
            for key in (str(journey), fact.number):
                assert (await client.get(f"/journeys/{key}")).status_code == status
                assert (await client.get(f"/journeys/{key}/spans")).status_code == status
