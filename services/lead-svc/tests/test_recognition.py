"""Recognition of leads through the public interfaces: text as written, keys, candidates."""

from __future__ import annotations

from typing import Any

import pytest
from lead_builders import a_form, of_each, uploaded

from contracts.lead import LeadCaptured
from testkit.harness import Harness

MAPPING = """
columns: {Name: contact.name, Email: contact.email, Phone: contact.phone, Company: company.name,
          Country: contact.phone_region, Need: need}
constants: {origin.channel: import}
"""
HEADER = "Name,Email,Phone,Country,Company,Need\n"
ADDRESSES = (
    "Ann,ann@x.example,,,,\n"
    "Ann2,\u200bann@x.example,,,,\n"
    "Ann3,<ann@x.example>,,,,\n"
    "Ann4,mailto:ann@x.example,,,,\n"
    'Ann5,"ann@x.example,",,,,\n'
    "Ann6,ann@x.example;,,,,\n"
    "Bea,bea@münchen.example,,,,\n"
    "Bea2,bea@xn--mnchen-3ya.example,,,,\n"
)
NUMBERS = (
    "Ann,,+1 212 555 0123 ext. 101,,,\n"
    "Ben,,+1 212 555 0123 ext. 102,,,\n"
    "Cid,,13800138000.0,,,\n"
    "Dan,,13800138000,,,\n"
    "Eve,,(212) 555-0199,,,\n"
    "Fay,,(212) 555-0199,US,,\n"
)
NEED = "première ligne: 10 m² of ½\u2033 pipe\nＧＴＸ　①"


def person(
    name: str = "Ann Lee", company: str | None = "Acme Ltd", **contact: str
) -> dict[str, Any]:
    form = a_form(contact={"name": name, **contact})
    return form | ({"company": {"name": company}} if company else {})


async def test_recognition_of_one_address_in_eight_forms_is_two_leads(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        answer = await uploaded(client, HEADER + ADDRESSES, MAPPING)
        found = [(lead["number"], lead["contact"]["email"]) for lead in
                 (await client.get("/leads")).json()["items"]]  # fmt: skip
        keys = await lead_svc.rows("SELECT key FROM dedupe_key ORDER BY key")

    assert of_each(answer) == (8, 2, 6, 0)
    assert [r["of_row"] for r in answer.json()["repeated"]] == [2, 2, 2, 2, 2, 8]
    assert sorted(email for _, email in found) == ["ann@x.example", "bea@münchen.example"]
    assert [key for (key,) in keys] == [
        "email:ann@x.example",
        "email:bea@xn--mnchen-3ya.example",
    ]


async def test_recognition_of_numbers_keeps_extension_and_country(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        answer = await uploaded(client, HEADER + NUMBERS, MAPPING)
        leads = (await client.get("/leads")).json()["items"]

    assert of_each(answer) == (6, 4, 1, 1)
    assert [(e["row"], e["column"]) for e in answer.json()["errors"]] == [(6, "Phone")]
    assert {lead["contact"]["name"]: lead["contact"]["phone"] for lead in leads} == {
        "Ann": "+12125550123;ext=101",
        "Ben": "+12125550123;ext=102",
        "Cid": "+8613800138000",
        "Fay": "+12125550199",
    }


async def test_recognition_takes_the_region_of_a_whole_file(lead_svc: Harness) -> None:
    mapping = (
        "columns: {Name: contact.name, Phone: contact.phone}\n"
        "constants: {origin.channel: import, contact.phone_region: US}\n"
    )
    async with lead_svc.client("sales_rep") as client:
        answer = await uploaded(
            client, "Name,Phone\nEve,(212) 555-0199\nFay,13800138000\n", mapping
        )
        [lead] = (await client.get("/leads")).json()["items"]

    assert of_each(answer) == (2, 1, 0, 1)
    assert lead["contact"]["phone"] == "+12125550199"


async def test_recognition_leaves_text_as_written(lead_svc: Harness) -> None:
    form = person(" Zoe\u0308 ① ", "ＡＣＭＥ  Ltd", email="zoe@x.example") | {"need": f" {NEED}\n"}
    async with lead_svc.client("sales_rep") as client:
        answer = await client.post("/leads", json=form)
        shown = (await client.get(answer.headers["location"])).json()
        sought = [
            (await client.get("/leads", params={"q": q})).json()["items"]
            for q in ("acme", "ＡＣＭＥ", "zoë 1", "＿", "\uff3c")
        ]
    [event] = await lead_svc.published(LeadCaptured)

    assert (shown["contact"]["name"], shown["need"]) == ("Zoe\u0308 ①", NEED)
    assert shown["account"]["name"] == "ＡＣＭＥ  Ltd"
    assert (event.contact.name, event.need) == ("Zoe\u0308 ①", NEED)
    assert [len(found) for found in sought] == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("field", ["contact", "company", "need"])
async def test_recognition_refuses_control_characters_by_field(
    lead_svc: Harness, field: str
) -> None:
    form = person(email="a@x.example") | {"need": "pipes"}
    if field == "need":
        form["need"] = "pi\u0085pes"
    else:
        form[field] = {**form[field], "name": "A\u000bB"}
    async with lead_svc.client("sales_rep") as client:
        answer = await client.post("/leads", json=form)
        batch = await client.post("/leads/batch", json={"leads": [form]})

    assert answer.status_code == 422
    pointer = "/need" if field == "need" else f"/{field}/name"
    assert answer.json()["errors"][0]["pointer"] == f"/body{pointer}"
    assert batch.json()["results"][0]["errors"][0]["pointer"] == pointer
    assert await lead_svc.said() == []


async def test_recognition_by_names_alone_makes_candidates(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_manager") as client:
        first = (await client.post("/leads", json=person(email="ann@x.example"))).json()
        other = await client.post(
            "/leads", json=person("ＡＮＮ lee", "ACME Limited", email="lee@y.example")
        )
        stranger = await client.post("/leads", json=person("Bob", email="bob@x.example"))
        shown = await client.get(f"/leads/{other.json()['lead_id']}/candidates")
        none = await client.get(f"/leads/{stranger.json()['lead_id']}/candidates")
        batch = await client.post(
            "/leads/batch",
            json={"leads": [person(phone="138 0013 8000"), person(phone="139 0013 8000")]},
        )

    assert (other.status_code, other.json()["outcome"]) == (201, "accepted")
    assert other.json()["candidates"] == [first["number"]]
    assert [lead["number"] for lead in shown.json()] == [first["number"]]
    assert none.json() == stranger.json()["candidates"] == []
    third, fourth = batch.json()["results"]
    assert third["candidates"] == [other.json()["number"], first["number"]]
    assert fourth["candidates"] == [third["number"], *third["candidates"]]


async def test_recognition_shows_sellers_their_own_candidates(lead_svc: Harness) -> None:
    owner = {"owner": {"sub": "somebody-else", "name": "Else"}}
    async with lead_svc.client("admin") as admin, lead_svc.client("sales_rep") as seller:
        await admin.post("/leads", json=person(email="ann@x.example") | owner)
        mine = (await admin.post("/leads", json=person(email="ann@y.example"))).json()
        seen = await admin.get(f"/leads/{mine['lead_id']}/candidates")
        narrowed = await seller.get(f"/leads/{mine['lead_id']}/candidates")

    assert len(seen.json()) == 1
    assert narrowed.json() == []


async def test_recognition_of_a_lead_without_address_or_number_is_by_names(
    lead_svc: Harness,
) -> None:
    async with lead_svc.client("sales_rep") as client:
        first = await client.post("/leads", json=person())
        again = await client.post("/leads", json=person("ann  lee", "ACME Limited"))
        called = await client.post("/leads", json=person(phone="138 0013 8000"))

    assert (first.status_code, again.status_code, called.status_code) == (201, 200, 201)
    assert called.json()["candidates"] == [first.json()["number"]]


async def test_recognition_of_the_longest_names_is_stored(lead_svc: Harness) -> None:
    names = "".join(chr(0xFDFA if n % 2 else 0x4E00 + n * 37) for n in range(200))
    async with lead_svc.client("sales_rep") as client:
        answer = await client.post("/leads", json=person(names, names[::-1]))
        again = await client.post("/leads", json=person(names, names[::-1]))

    assert (answer.status_code, again.status_code) == (201, 200)


async def test_recognition_of_references_keeps_systems_apart(lead_svc: Harness) -> None:
    forms = [
        person() | {"origin": {"channel": "import", "source_system": a, "external_id": b}}
        for a, b in (("a:b", "c"), ("a", "b:c"), ("a%3ab", "c"), ("a:b", "c"))
    ]
    async with lead_svc.client("sales_rep") as client:
        answers = [(await client.post("/leads", json=form)).status_code for form in forms]

    assert answers == [201, 201, 201, 200]
