"""Attempts of a parked message: time, error, stack and version of each, without personal values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pytest
from box_service import LABEL, BoxAnnounced, LabelPrinted, announced, consumer, printed
from pydantic import BaseModel

from chassis import tries
from chassis.delivery import RawRecord
from testkit.harness import JOURNEY, Harness, as_record

PARKED = f"/ops/parked/{LabelPrinted.topic}/{LABEL}"


async def shown(under_test: Harness, path: str = PARKED) -> list[dict[str, Any]]:
    async with under_test.client("ops") as ops:
        answer = await ops.get(path)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_attempts_show_time_and_error_and_the_stack_of_the_newest(
    box_svc: Harness,
) -> None:
    await box_svc.receives_raw(as_record(printed()), as_record(printed(), version=2))
    for _ in range(2):
        await box_svc.retry_parked()
    head, behind = await shown(box_svc)

    assert [one["error_class"] for one in head["tries"]] == ["DependencyMissing"] * 3
    times = [datetime.fromisoformat(one["at"]) for one in head["tries"]]
    assert times == sorted(set(times))
    assert [one["stack"] is None for one in head["tries"]] == [True, True, False]
    assert "box_service.py" in head["tries"][-1]["stack"]
    assert head["tries"][-1]["service_version"] == box_svc.service.version
    assert (head["schema_version"], head["understood_versions"]) == (1, [1])
    assert head["service_version"] == box_svc.service.version
    assert behind["tries"] == [], "it waits behind the head and was not attempted"


async def test_attempts_keep_only_the_newest_of_a_message(box_svc: Harness) -> None:
    await box_svc.receives_raw(as_record(printed()))
    for _ in range(tries.KEPT + 3):
        await box_svc.execute("UPDATE parked_key SET attempts = 0")
        await box_svc.retry_parked()

    [head] = await shown(box_svc)
    assert len(head["tries"]) == tries.KEPT


async def test_attempts_name_the_versions_that_the_consumer_can_decode(box_svc: Harness) -> None:
    good = as_record(announced())
    await box_svc.receives_raw(RawRecord(good.topic, 0, 1, b"k", b"{}", good.headers))
    [message] = await shown(box_svc, f"/ops/parked/{good.topic}/k")

    assert message["tries"][0]["error_class"] == "Undecodable"
    assert message["tries"][0]["stack"] is None, "no handler was called"
    assert tries.versions([BoxAnnounced.name], "ltc.supply.announced.v2") == (2, [1])
    assert tries.versions([BoxAnnounced.name], None) == (None, [])


async def test_attempts_contain_no_personal_values(
    box_svc: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Phone(BaseModel):
        digits: int

    async def fails(fact: BoxAnnounced, tx: object) -> None:
        Phone(digits=fact.sender)  # type: ignore[arg-type]

    [subscription] = consumer.subscriptions[BoxAnnounced.name]
    broken = type(subscription)(subscription.fact, fails, {})
    monkeypatch.setitem(consumer.subscriptions, BoxAnnounced.name, [broken])
    box = announced()
    await box_svc.receives(box)
    [message] = await shown(box_svc, f"/ops/parked/{box.topic}/{box.box_id}")
    async with box_svc.client("ops") as ops:
        [key] = (await ops.get("/ops/parked")).json()

    assert message["tries"][0]["error_class"] == "ValidationError"
    assert "/digits: int_parsing" in message["tries"][0]["error"]
    assert box.sender in message["payload"], "the payload is kept unchanged"
    assert box.sender not in orjson.dumps(message["tries"]).decode()
    assert box.sender not in key["error"]


async def test_ops_dead_letters_show_skipped_messages_with_their_attempts(box_svc: Harness) -> None:
    await box_svc.receives_raw(as_record(printed()))
    async with box_svc.client("ops") as ops:
        assert (await ops.post(f"{PARKED}/skip", json={"reason": "known"})).status_code == 200
        [letter] = (await ops.get("/ops/given-up")).json()
        others = (await ops.get("/ops/given-up", params={"key": "another"})).json()

    assert (letter["key"], letter["journey_id"]) == (str(LABEL), str(JOURNEY))
    assert letter["payload"] == printed().model_dump_json()
    assert len(letter["tries"]) == 1
    assert others == []


def test_attempts_escape_a_lone_surrogate_in_an_error() -> None:
    assert tries.why(RuntimeError("half \ud83d of it\0")) == "half \\ud83d of it"
