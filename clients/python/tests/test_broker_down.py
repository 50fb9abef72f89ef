"""Kafka stops or is killed under a subscriber and comes back: no event is missed or repeated."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from speaking import a_deal, deals_everywhere, heard, publish

import ltc_client
from chassis.cluster import Cluster
from local_infra.kafka import Kafka
from local_infra.ports import free_port
from local_infra.topics import ensure_topics

DEALS = 40


def kill(kafka: Kafka) -> None:
    """SIGKILL, in the midst of whatever it does."""
    process = kafka.child.process()
    assert process is not None
    process.kill()
    process.wait(10)


@pytest.mark.parametrize("end", [Kafka.stop, kill], ids=["stopped", "killed"])
@pytest.mark.parametrize("group", [None, "acme.board"], ids=["alone", "in a group"])
async def test_client_misses_and_repeats_nothing_when_kafka_restarts(
    tmp_path: Path, group: str | None, end: Callable[[Kafka], object]
) -> None:
    kafka = Kafka(tmp_path / "kafka", free_port(), free_port())
    await asyncio.to_thread(kafka.start)
    try:
        await ensure_topics(Cluster(kafka.bootstrap))
        kept = ltc_client.InFile(tmp_path / "here")
        async with ltc_client.kafka(
            kafka.bootstrap, types="deal.*", checkpoint=kept, group=group
        ) as facts:
            await publish(kafka.bootstrap, [fact for n in range(DEALS) for fact in a_deal(n)])
            found = await heard(facts, 50)
            more = asyncio.create_task(heard(facts, DEALS * 6 - 50))
            await asyncio.to_thread(end, kafka)
            await asyncio.to_thread(kafka.start)
            await publish(kafka.bootstrap, [fact for n in range(DEALS) for fact in a_deal(n)])
            found += await more
            last = deals_everywhere()
            await publish(kafka.bootstrap, [fact for deal in last for fact in deal])
            found += await heard(facts, len(last) * 3)
    finally:
        await asyncio.to_thread(kafka.stop)
    sequences = defaultdict(list)
    for fact in found:
        sequences[fact.subject].append(fact.sequence)
    assert list(sequences.values()) == [[1, 2, 3]] * (DEALS * 2 + len(last))
