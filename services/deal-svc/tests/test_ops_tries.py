"""What a parked message shows: each try with its time, error, place in the code and version."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pytest
from deal_builders import a_lead_qualified
from pydantic import BaseModel
from test_ops_failures import a_quote_sent

from chassis import tries
from chassis.delivery import RawRecord
from chassis.testing import JOURNEY, Harness, as_record
from contracts.lead import LeadQualified
from contracts.quote import QuoteSent
from deal_svc.consumers import consumer

LANE = f"/ops/parked/{QuoteSent.topic}/{a_quote_sent(0).quote_id}"


async def shown(under_test: Harness, path: str = LANE) -> list[dict[str, Any]]:
    async with under_test.client("ops") as ops:
        answer = await ops.get(path)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_every_try_is_told_with_its_time_and_the_newest_with_its_stack(
    deal_svc: Harness,
) -> None:
    await deal_svc.receives_raw(as_record(a_quote_sent(0)), as_record(a_quote_sent(0), version=2))
    for _ in range(2):
        await deal_svc.retry_parked()
    head, behind = await shown(deal_svc)

    assert [one["error_class"] for one in head["tries"]] == ["DependencyMissing"] * 3
    times = [datetime.fromisoformat(one["at"]) for one in head["tries"]]
    assert times == sorted(set(times))
    assert [one["stack"] is None for one in head["tries"]] == [True, True, False]
    assert "deal_svc/consumers.py" in head["tries"][-1]["stack"]
    assert head["tries"][-1]["service_version"] == deal_svc.service.version
    assert (head["schema_version"], head["understood_versions"]) == (1, [1])
    assert head["service_version"] == deal_svc.service.version
    assert behind["tries"] == [], "it was not tried: it waits behind the other"


async def test_as_many_tries_are_kept_as_are_of_use(deal_svc: Harness) -> None:
    await deal_svc.receives_raw(as_record(a_quote_sent(0)))
    for _ in range(tries.KEPT + 3):
        await deal_svc.execute("UPDATE parked_key SET attempts = 0")
        await deal_svc.retry_parked()

    [head] = await shown(deal_svc)
    assert len(head["tries"]) == tries.KEPT


async def test_a_version_that_nobody_here_understands_is_told_as_such(deal_svc: Harness) -> None:
    good = as_record(a_lead_qualified())
    await deal_svc.receives_raw(RawRecord(good.topic, 0, 1, b"k", b"{}", good.headers))
    [message] = await shown(deal_svc, f"/ops/parked/{good.topic}/k")

    assert message["tries"][0]["error_class"] == "Undecodable"
    assert message["tries"][0]["stack"] is None, "nobody's code has failed"
    assert tries.versions([LeadQualified.name], "ltc.lead.qualified.v2") == (2, [1])
    assert tries.versions([LeadQualified.name], None) == (None, [])


async def test_what_people_gave_is_in_no_error_and_no_stack(
    deal_svc: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Phone(BaseModel):
        digits: int

    async def fails(fact: LeadQualified, tx: object) -> None:
        Phone(digits=fact.contact.name)  # type: ignore[arg-type]

    [subscription] = consumer.subscriptions[LeadQualified.name]
    broken = type(subscription)(subscription.fact, fails, {})
    monkeypatch.setitem(consumer.subscriptions, LeadQualified.name, [broken])
    lead = a_lead_qualified()
    await deal_svc.receives(lead)
    [message] = await shown(deal_svc, f"/ops/parked/{lead.topic}/{lead.lead_id}")
    async with deal_svc.client("ops") as ops:
        [key] = (await ops.get("/ops/parked")).json()

    assert message["tries"][0]["error_class"] == "ValidationError"
    assert "/digits: int_parsing" in message["tries"][0]["error"]
    assert lead.contact.name in message["payload"], "the bytes are kept as they came"
    assert lead.contact.name not in orjson.dumps(message["tries"]).decode()
    assert lead.contact.name not in key["error"]


async def test_what_was_given_up_is_still_to_be_seen(deal_svc: Harness) -> None:
    await deal_svc.receives_raw(as_record(a_quote_sent(0)))
    async with deal_svc.client("ops") as ops:
        assert (await ops.post(f"{LANE}/skip", json={"reason": "known"})).status_code == 200
        [letter] = (await ops.get("/ops/given-up")).json()
        others = (await ops.get("/ops/given-up", params={"key": "another"})).json()

    assert (letter["key"], letter["journey_id"]) == (str(a_quote_sent(0).quote_id), str(JOURNEY))
    assert letter["payload"] == a_quote_sent(0).model_dump_json()
    assert len(letter["tries"]) == 1
    assert others == []


def test_half_a_character_in_an_error_stops_nobody() -> None:
    assert tries.why(RuntimeError("half \ud83d of it\0")) == "half \\ud83d of it"
