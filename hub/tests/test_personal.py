"""Personal data: no value of a canary person leaves the hub without the grant."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hub_builders import a_record

from contracts.catalog import FACTS, STAGES
from contracts.event import Event
from contracts.samples import sample
from contracts.schema import inlined, schema_of
from hub.personal import part_of, without_personal
from testkit.harness import Harness

CANARY = "Kanarienvogel"


def with_canary(value: Any, schema: dict[str, Any]) -> Any:
    """The value with the canary wherever the schema marks a person."""
    options = [schema, *schema.get("anyOf", [])]
    if any(option.get("x-personal") for option in options):
        return CANARY if value is not None else None
    for option in options:
        if isinstance(value, dict) and "properties" in option:
            known = option["properties"]
            return {n: with_canary(v, known[n]) if n in known else v for n, v in value.items()}
        if isinstance(value, list) and isinstance(option.get("items"), dict):
            return [with_canary(v, option["items"]) for v in value]
    return value


def told_of_canary(fact: type[Event]) -> Event:
    value = orjson.loads(sample(fact).model_dump_json())
    return fact.model_validate(with_canary(value, inlined(schema_of(fact))))


TELLING = [fact for fact in FACTS.values() if CANARY in told_of_canary(fact).model_dump_json()]


def test_personal_data_cases_cover_several_stages() -> None:
    assert {fact.topic for fact in TELLING} >= {"ltc.lead.v1", "ltc.deal.v1", "ltc.contract.v1"}


async def test_personal_data_leaves_the_feed_only_with_the_grant(hub_svc: Harness) -> None:
    await hub_svc.receives_raw(*(a_record(told_of_canary(fact)) for fact in TELLING))
    async with hub_svc.client("subscriber", sub="bi") as bi:
        without = await bi.get("/events", params={"limit": 200})
        await hub_svc.execute("INSERT INTO subscriber VALUES ('bi', true, NULL, now())")
        granted = await bi.get("/events", params={"limit": 200})
        await hub_svc.execute("UPDATE subscriber SET personal = false, stages = '{deal}'")
        of_deals = await bi.get("/events", params={"limit": 200})

    assert len(without.json()["events"]) == len(granted.json()["events"]) == len(TELLING)
    assert CANARY not in without.text
    assert {e["type"] for e in granted.json()["events"] if CANARY in str(e)} == {
        fact.name for fact in TELLING
    }
    assert {e["type"].split(".")[1] for e in of_deals.json()["events"]} == {"deal"}
    assert CANARY not in of_deals.text


async def test_personal_data_is_in_states_only_with_the_grant(hub_svc: Harness) -> None:
    await hub_svc.receives_raw(*(a_record(told_of_canary(fact)) for fact in TELLING))
    while await hub_svc.tick("fold_states"):
        pass

    async def states() -> str:
        async with hub_svc.client("subscriber", sub="bi") as bi:
            pages = [await bi.get("/states", params={"stage": stage}) for stage in STAGES]
        assert all(page.json()["states"] for page in pages[:2])
        return "".join(page.text for page in pages)

    without = await states()
    await hub_svc.execute("INSERT INTO subscriber VALUES ('bi', true, NULL, now())")
    granted = await states()

    assert CANARY not in without
    assert CANARY in granted


@pytest.mark.parametrize("fact", FACTS.values(), ids=lambda fact: fact.name)
def test_personal_filter_leaves_other_fields_unchanged(fact: type[Event]) -> None:
    value = orjson.loads(sample(fact).model_dump_json())
    seen = without_personal(fact.name, value)
    if fact not in TELLING:
        assert seen == value
    assert seen.keys() <= value.keys()


def test_personal_filter_removes_fields_unknown_to_the_schema() -> None:
    value = orjson.loads(sample(FACTS["ltc.lead.captured.v1"]).model_dump_json())
    value["wechat"] = CANARY
    value["account"] = {**(value.get("account") or {}), "director": CANARY}
    assert CANARY not in str(without_personal("ltc.lead.captured.v1", value))
    assert without_personal("ltc.lead.cloned.v1", value) == {}


def test_personal_annotation_on_one_alternative_covers_the_field() -> None:
    assert part_of({"anyOf": [{"type": "string", "x-personal": True}, {"type": "null"}]}) is None
    table = part_of({"additionalProperties": {"properties": {"a": {}, "b": {"x-personal": True}}}})
    assert table is not None
    assert table.of({"k": {"a": 1, "b": 2}}) == {"k": {"a": 1}}
