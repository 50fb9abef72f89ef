"""Replay from the event log: a consumer that lost events gets them, the others drop them."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.ops.replay import MARK
from contracts.catalog import PARTITIONS
from deal_svc.main import service as deal_service
from lead_svc.main import service as lead_service
from testkit.harness import Harness
from testkit.servers import kafka_bootstrap
from testkit.service_instances import Running, eventually, running
from tests.integration.test_first_hop import a_web_order

TOPIC = "ltc.lead.v1"


async def records_of(key: str) -> list[tuple[str, int, bool, bytes]]:
    """Of a key's records, in order: event id, number, whether it is a replay, and the bytes."""
    # A seek to the beginning is lost where the answer to the one to the end is under way.
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka_bootstrap(),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(TOPIC, n) for n in range(PARTITIONS)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found = []
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                for record in (
                    await consumer.getone(partition),
                    *((await consumer.getmany(partition, timeout_ms=200)).get(partition, [])),
                ):
                    headers = dict(record.headers)
                    if record.key == key.encode():
                        number = int(headers["ce_sequence"])
                        again = headers.get(MARK) == b"1"
                        found.append((headers["ce_id"].decode(), number, again, record.value))
        return found
    finally:
        await consumer.stop()


async def a_published_lead(lead: Running) -> tuple[UUID, UUID]:
    """The journey and id of a lead whose facts are all in Kafka."""
    async with lead.client("integration_web") as client:
        order = a_web_order(0)
        order["origin"]["external_id"] = str(uuid4())
        assert (await client.post("/leads", json=order)).is_success

    async def unpublished() -> Any:
        rows = await lead.rows("SELECT (SELECT count(*) FROM outbox), count(*) > 0 FROM event_log")
        return tuple(rows[0])

    await eventually(unpublished, (0, True))
    [(journey, lead_id)] = await lead.rows("SELECT journey_id, id FROM lead")
    return journey, lead_id


async def unheard(service: Running) -> int:
    """Records of the topic that a service has not dealt with."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka_bootstrap(),
        group_id=service.service.consumer.group,
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets([TopicPartition(TOPIC, n) for n in range(PARTITIONS)])
        return sum([end - (await consumer.committed(p) or 0) for p, end in ends.items()])
    finally:
        await consumer.stop()


async def converted(lead: Running) -> int:
    """Leads that know of their deal, and have published so."""
    rows = await lead.rows("SELECT count(*) FROM event_log WHERE type = 'ltc.lead.converted.v1'")
    return int(rows[0][0])


async def replay(lead: Harness | Running, **what: Any) -> Any:
    async with lead.client("ops") as ops:
        answer = await ops.post("/ops/replay", json={"reason": "deal-svc lost it", **what})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_ops_replay_delivers_lost_events_once_in_order() -> None:
    async with running(lead_service, "lead_svc") as lead:
        journey, lead_id = await a_published_lead(lead)
        said = [tuple(r) for r in await lead.rows("SELECT id FROM event_log ORDER BY seq")]
        async with running(deal_service, "deal_svc") as deal:  # it begins behind them

            async def deals() -> int:
                return int((await deal.rows("SELECT count(*) FROM deal"))[0][0])

            dry = await replay(lead, journey_id=str(journey), dry_run=True)
            assert [(UUID(f["event_id"]),) for f in dry["facts"]] == said
            assert await lead.rows("SELECT count(*) FROM outbox") == [(0,)]
            assert await deals() == 0

            await replay(lead, journey_id=str(journey))
            await eventually(deals, 1)
            await eventually(lambda: converted(lead), 1)
            for _ in range(2):
                await replay(lead, journey_id=str(journey))
            await replay(lead, event_id=str(said[-1][0]))

            async def unpublished() -> Any:
                return await lead.rows("SELECT count(*) FROM outbox")

            await eventually(unpublished, [(0,)])
            await eventually(partial(unheard, deal), 0)
            assert await deals() == 1
        records = await records_of(str(lead_id))
        logged = [tuple(r) for r in await lead.rows("SELECT id FROM event_log ORDER BY seq")]
        acts = await lead.rows("SELECT action, journey_id FROM audit")

    once = [(r[0], r[1], r[3]) for r in records if not r[2]]
    again = [(r[0], r[1], r[3]) for r in records if r[2]]
    n = len(said)
    assert n > 1
    assert again == [*once[:n], *once, *once, once[n - 1]]
    assert [r[1] for r in once] == [1, 2, 3]
    assert [str(row[0]) for row in logged] == [r[0] for r in once], "each fact is logged once"
    assert acts == [("replay", journey)] * 4
