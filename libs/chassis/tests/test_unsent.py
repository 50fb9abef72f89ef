"""An event that Kafka refuses blocks its key, is visible, and is edited or skipped by people."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from aiokafka.errors import MessageSizeTooLargeError
from box_service import BoxAnnounced, BoxOpened

from chassis import bulk, queues
from chassis.cluster import Cluster
from chassis.domain import FactTooLarge
from chassis.outbox import LARGEST, outbox_row
from chassis.relay import Relay
from chassis.tables import OutboxRow, table_of
from contracts.event import Event
from contracts.lead import LeadCaptured
from contracts.samples import sample
from testkit.harness import JOURNEY, Harness

A, B = UUID(int=1), UUID(int=2)
WHY = {"reason": "agreed with the team"}
LARGE = b'"' + b"x" * (LARGEST + 1) + b'"'


class Kafka:
    """A broker that takes or refuses all that a round brings, as Kafka does with a batch."""

    def __init__(self, limit: int = 1_048_576) -> None:
        self.limit = limit
        self.taken: list[tuple[str, str]] = []
        self._batch: list[tuple[tuple[str, str], bytes, asyncio.Future[None]]] = []

    async def send(
        self, topic: str, value: bytes, *, key: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> asyncio.Future[None]:
        if len(value) > 1_048_576:
            raise MessageSizeTooLargeError
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if not self._batch:
            loop.call_soon(loop.call_soon, self._answer)
        sequence = dict(headers)["ce_sequence"].decode().lstrip("0")
        self._batch.append(((key.decode()[-1], sequence), value, future))
        return future

    def _answer(self) -> None:
        batch, self._batch = self._batch, []
        refused = any(len(value) > self.limit for _, value, _ in batch)
        for name, _, future in batch:
            if refused:
                future.set_exception(MessageSizeTooLargeError())
            else:
                self.taken.append(name)
                future.set_result(None)


async def said(box_svc: Harness, *facts: tuple[UUID, int, bytes | None]) -> None:
    rows = []
    for box, version, payload in facts:
        row = outbox_row(
            BoxOpened(box_id=box),
            source="/ltc/box-svc",
            journey_id=JOURNEY,
            version=version,
            now=datetime.now(UTC),
            cause=None,
        )
        rows.append(row | ({"payload": payload} if payload else {}))
    async with bulk.begun(box_svc.database.engine) as connection:
        await bulk.insert(connection, table_of(OutboxRow), rows)


def a_relay(box_svc: Harness, kafka: Any) -> Relay:
    relay = Relay(
        box_svc.database.engine,
        cluster=Cluster("127.0.0.1:1"),
        client_id="test",
        said=asyncio.Event(),
        metrics=box_svc.app.state.metrics,
    )
    relay._producer = kafka
    return relay


async def drain(box_svc: Harness, kafka: Kafka) -> list[tuple[str, str]]:
    """Rounds until nothing can be sent; what Kafka has taken, in its order."""
    relay = a_relay(box_svc, kafka)
    while (await relay._round()).more:
        pass
    return kafka.taken


async def test_relay_sends_nothing_of_a_key_behind_an_event_that_is_too_large(
    box_svc: Harness,
) -> None:
    await said(box_svc, (A, 1, None), (A, 2, LARGE), (B, 1, None), (A, 3, None), (B, 2, None))

    assert await drain(box_svc, Kafka()) == [("1", "1"), ("2", "1"), ("2", "2")]
    assert await box_svc.rows("SELECT aggregate_version FROM outbox") == [(3,)]
    [(error,)] = await box_svc.rows("SELECT error FROM outbox_dead")
    assert str(LARGEST) in error


async def test_relay_finds_the_one_event_that_a_broker_refuses_in_a_batch(box_svc: Harness) -> None:
    """The topic may take less than we do."""
    await said(box_svc, (A, 1, None), (B, 1, LARGE[:5000]), (A, 2, None), (B, 2, None))

    assert await drain(box_svc, Kafka(limit=2000)) == [("1", "1"), ("1", "2")]
    assert await box_svc.rows("SELECT key FROM outbox_dead") == [(str(B),)]
    assert await box_svc.rows("SELECT aggregate_version FROM outbox") == [(2,)]


async def test_unsent_event_is_shown_and_counted_until_it_is_skipped(box_svc: Harness) -> None:
    await said(box_svc, (A, 1, LARGE), (A, 2, None), (A, 3, None))
    await drain(box_svc, Kafka())
    metrics = box_svc.app.state.metrics
    async with box_svc.client("ops") as ops, box_svc.client("packer") as packer:
        [shown] = (await ops.get("/ops/unsent")).json()
        path = f"/ops/unsent/{shown['event_id']}"
        whole = (await ops.get(path)).json()
        journey = (await ops.get(f"/ops/journeys/{JOURNEY}")).json()
        await queues.report(box_svc.database, metrics)
        assert "ltc_outbox_refused 1.0" in metrics.render().decode()
        refused = await packer.post(f"{path}/skip", json=WHY)
        skipped = await ops.post(f"{path}/skip", json=WHY)
        again = await ops.post(f"{path}/skip", json=WHY)
        assert (await ops.get("/ops/unsent")).json() == []

    assert (shown["behind"], shown["bytes"]) == (2, len(LARGE))
    assert whole["payload"] == LARGE.decode()
    assert [u["error"] is not None for u in journey["unpublished"]] == [True, False, False]
    assert (refused.status_code, skipped.status_code, again.status_code) == (403, 200, 404)
    assert await drain(box_svc, Kafka()) == [("1", "2"), ("1", "3")]
    [(action, place, reason)] = await box_svc.rows("SELECT action, object_type, reason FROM audit")
    assert (action, place, reason) == ("skip", f"unsent:{BoxOpened.topic}", WHY["reason"])
    await queues.report(box_svc.database, metrics)
    await box_svc.rows("SELECT 1")
    assert await box_svc.rows("SELECT count(skipped_at) FROM outbox_dead") == [(1,)]


async def test_unsent_event_is_sent_before_those_behind_it_when_it_is_tried_again(
    box_svc: Harness,
) -> None:
    await said(box_svc, (A, 1, LARGE[:5000]), (A, 2, None))
    assert await drain(box_svc, Kafka(limit=2000)) == []
    async with box_svc.client("ops") as ops:
        [shown] = (await ops.get("/ops/unsent")).json()
        sent = await ops.post(f"/ops/unsent/{shown['event_id']}/retry", json=WHY)

    assert sent.status_code == 200, sent.text
    assert await drain(box_svc, Kafka()) == [("1", "1"), ("1", "2")]


async def test_unsent_event_is_edited_by_two_people_and_keeps_its_place(box_svc: Harness) -> None:
    lead = sample(LeadCaptured).model_copy(update={"lead_id": A})
    await said(box_svc, (A, 1, LARGE), (A, 2, None))
    large = lead.model_dump_json().encode()[:-1] + b',"note":' + LARGE + b"}"
    await box_svc.execute(
        "UPDATE outbox SET type = $1, payload = $2 WHERE aggregate_version = 1",
        LeadCaptured.name,
        large,
    )
    await drain(box_svc, Kafka())
    proposal = {"payload": orjson.loads(lead.model_dump_json()), **WHY}
    async with box_svc.client("ops") as ops, box_svc.client("ops", sub="u-2") as second:
        [shown] = (await ops.get("/ops/unsent")).json()
        path = f"/ops/unsent/{shown['event_id']}/edit"
        unchanged = await ops.post(path, json={"payload": orjson.loads(large), **WHY})
        other = {**proposal["payload"], "lead_id": str(B)}
        strange = await ops.post(path, json={**proposal, "payload": other})
        proposed = await ops.post(path, json=proposal)
        approve = f"/ops/edits/{proposed.json()['id']}/approve"
        alone = await ops.post(approve, json=WHY)
        approved = await second.post(approve, json=WHY)

    assert (unchanged.status_code, strange.status_code) == (413, 422)
    assert (proposed.status_code, alone.status_code) == (201, 403)
    assert approved.status_code == 200, approved.text
    kafka = Kafka()
    assert await drain(box_svc, kafka) == [("1", "1"), ("1", "2")]
    [(payload, event_id)] = await box_svc.rows(
        "SELECT payload, id FROM event_log WHERE aggregate_version = 1"
    )
    assert LeadCaptured.model_validate_json(payload) == lead
    assert str(event_id) == shown["event_id"]
    acts = await box_svc.rows("SELECT action, object_type FROM audit ORDER BY id")
    assert acts == [("propose edit", f"unsent:{BoxOpened.topic}"), ("edit", acts[0][1])]


@pytest.mark.parametrize(("size", "fits"), [(LARGEST - 2000, True), (LARGEST, False)])
def test_event_that_could_never_be_sent_is_not_said(size: int, fits: bool) -> None:
    def say(fact: Event) -> None:
        outbox_row(
            fact, source="/x", journey_id=JOURNEY, version=1, now=datetime.now(UTC), cause=None
        )

    fact = BoxAnnounced(box_id=A, sender="x" * size)
    if fits:
        say(fact)
    else:
        with pytest.raises(FactTooLarge, match=str(LARGEST)):
            say(fact)
