"""Catalogue and schemas, served without a token."""

from __future__ import annotations

import json

from contracts.catalog import FACTS, STAGES
from contracts.schema import PACKAGE, SCHEMAS
from testkit.harness import Harness

WON = "ltc.deal.won.v1"


async def test_console_serves_every_schema_at_its_dataschema_url(
    console_svc: Harness,
) -> None:
    async with console_svc.client() as stranger:
        for name in FACTS:
            answer = await stranger.get(f"/schemas/{name}")
            committed = (PACKAGE / SCHEMAS / f"{name}.json").read_text(encoding="utf-8")
            assert answer.text == committed
            assert answer.headers["content-type"] == "application/schema+json"


async def test_console_finds_a_schema_by_type_and_version(console_svc: Harness) -> None:
    async with console_svc.client() as stranger:
        ways = ["ltc.deal.won.v1", "ltc.deal.won/v1", "ltc.deal.won/1", "ltc.deal.won.v1/1"]
        found = [await stranger.get(f"/schemas/{way}") for way in [*ways, f"{WON}.json"]]
        absent = [await stranger.get(f"/schemas/{way}") for way in ("ltc.deal.won/v9", "nothing")]

    assert {json.loads(answer.text)["x-type"] for answer in found} == {WON}
    assert {answer.status_code for answer in absent} == {404}
    assert {answer.headers["content-type"] for answer in absent} == {"application/problem+json"}


async def test_console_serves_state_schemas_at_their_dataschema_url(console_svc: Harness) -> None:
    async with console_svc.client() as stranger:
        for stage in STAGES:
            for way in (f"ltc.{stage}.state.v1", f"ltc.{stage}.state/v1"):
                schema = (await stranger.get(f"/schemas/{way}")).json()
                assert schema["$id"] == f"/schemas/ltc.{stage}.state.v1"


async def test_console_serves_catalogue_pages_and_no_other_file(console_svc: Harness) -> None:
    async with console_svc.client() as stranger:
        first = await stranger.get("/catalogue", follow_redirects=True)
        deal = await stranger.get("/catalogue/deal.html")
        beside = [
            await stranger.get(f"/catalogue/{page}")
            for page in ("__init__.py", "..%2f..%2fcatalog.py", "nothing.html")
        ]

    assert first.text.count("<tr>") == len(FACTS) + 1
    assert f'<h2 id="{WON}">' in deal.text
    assert "default-src 'none'" in deal.headers["content-security-policy"]
    assert {answer.status_code for answer in beside} == {404}
