"""Keys of leads that an earlier version stored are derived anew, whenever it stops."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from lead_builders import ACME, ADA, a_form, a_lead

from chassis.migrate import upgrade
from contracts.parties import Account, Contact
from contracts.terms import Origin
from lead_svc.rekey import _columns as columns
from testkit.harness import Harness
from testkit.servers import create_database, drop_database

STORE_LEAD = """
INSERT INTO lead (id, journey_id, number, version, revision, created_at, updated_at, body, status,
                  channel, captured_at)
VALUES ($1, $1, $2, 1, 1, now(), now(), $3::jsonb, 'new', 'import', now())
"""
STORE_KEY = "INSERT INTO dedupe_key (key, lead_id, number) VALUES ($1, $2, $3)"
KEYS = "SELECT key, number, rule FROM dedupe_key ORDER BY key, number"

EARLIER: list[tuple[dict[str, Any], list[str]]] = [
    ({"email": "ann@x.example"}, ["email:ann@x.example", "person:acme:ann"]),
    ({"email": "<ann@x.example>"}, ["email:<ann@x.example>"]),
    ({"email": "bea@münchen.example"}, ["email:bea@münchen.example"]),
    ({"email": "odd@x..example"}, ["email:odd@x..example"]),
    ({"phone": "+8613800138000"}, ["phone:+8613800138000"]),
    ({"name": "Bob"}, ["person:acme:bob"]),
]


def stored(n: int, **changes: Any) -> tuple[UUID, str, str]:
    """A lead as the earlier version stored it: id, number, body."""
    contact = Contact(contact_id=ADA.contact_id, **{"name": "Ann", **changes})
    account = Account(account_id=ACME.account_id, name="Acme Ltd")
    lead = a_lead(
        id=UUID(int=n),
        number=f"L-{n}",
        contact=contact,
        account=account,
        origin=Origin(channel="x"),
    )
    return lead.id, lead.number, lead.model_dump_json()


async def keep(connection: Any) -> None:
    for n, (contact, keys) in enumerate(EARLIER, start=1):
        lead_id, number, body = stored(n, **contact)
        await connection.execute(STORE_LEAD, lead_id, number, body)
        for key in keys:
            await connection.execute(STORE_KEY, key, lead_id, number)


EXPECTED = [
    ("email:<ann@x.example>", "L-2", 0),
    ("email:ann@x.example", "L-1", 2),
    ("email:bea@münchen.example", "L-3", 0),
    ("email:bea@xn--mnchen-3ya.example", "L-3", 2),
    ("email:odd@x..example", "L-4", 2),
    ("name:acme:bob", "L-6", 2),
    ("person:acme:ann", "L-1", 0),
    ("person:acme:bob", "L-6", 0),
    ("phone:+8613800138000", "L-5", 2),
]


@pytest.mark.parametrize("stops_after", [None, 0, 1, 2])
async def test_rekey_of_a_migration_goes_on_where_it_stopped(
    stops_after: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"t_rekey_{uuid4().hex[:8]}"
    url = create_database(name)
    driver = url.replace("postgresql://", "postgresql+asyncpg://", 1)
    statements = 0

    def stop(rows: list[tuple[str, Any, str]]) -> tuple[list[Any], ...]:
        nonlocal statements
        statements += 1
        if statements > (stops_after or 0):
            raise InterruptedError
        return columns(rows)

    try:
        await upgrade("lead_svc", driver, revision="0006")
        connection = await asyncpg.connect(url)
        await keep(connection)
        if stops_after is not None:
            with monkeypatch.context() as patch:
                patch.setattr("lead_svc.rekey._columns", stop)
                with pytest.raises(InterruptedError):
                    await upgrade("lead_svc", driver)
        await upgrade("lead_svc", driver)

        assert [tuple(row) for row in await connection.fetch(KEYS)] == EXPECTED
        shared = await connection.fetch(
            "SELECT key, number FROM candidate_key ORDER BY key, number"
        )
        assert [row["number"] for row in shared if row["key"] == "email:ann@x.example"] == [
            "L-1",
            "L-2",
        ]
        await connection.close()
    finally:
        drop_database(name)


async def test_rekey_takes_up_leads_that_the_version_before_stores(lead_svc: Harness) -> None:
    lead_id, number, body = stored(1, email="mailto:ann@x.example")
    await lead_svc.execute(STORE_LEAD, lead_id, number, body)
    await lead_svc.execute(STORE_KEY, "email:mailto:ann@x.example", lead_id, number)
    await lead_svc.execute(STORE_KEY, "person:acme:lost", UUID(int=9), "L-9")
    dealt_with = [await lead_svc.tick("derive_keys_anew") for _ in range(2)]
    async with lead_svc.client("sales_rep") as client:
        answer = await client.post("/leads", json=a_form("ann@x.example"))

    assert dealt_with == [2, 0]
    assert (answer.status_code, answer.json()["number"]) == (200, "L-1")


async def test_rekey_leaves_a_key_with_the_lead_that_has_it(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_manager") as client:
        first = (await client.post("/leads", json=a_form("bea@xn--mnchen-3ya.example"))).json()
        lead_id, number, body = stored(1, email="bea@münchen.example")
        await lead_svc.execute(STORE_LEAD, lead_id, number, body)
        await lead_svc.execute(STORE_KEY, "email:bea@münchen.example", lead_id, number)
        await lead_svc.tick("derive_keys_anew")
        again = await client.post("/leads", json=a_form("bea@münchen.example"))
        candidates = await client.get(f"/leads/{lead_id}/candidates")

    assert again.json()["number"] == first["number"]
    assert [lead["number"] for lead in candidates.json()] == [first["number"]]
