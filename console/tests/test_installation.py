"""Topics, services and event types as the console shows them: real Kafka, real HTTP."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from chassis.app import create_app
from chassis.cluster import Cluster
from chassis.metrics import Metrics
from chassis.problems import Problem
from chassis.queues import Gauges
from chassis.revisions import of_package
from console import kafka_look, shared_look
from console.kafka_look import GroupLag, KafkaLook
from console.peers import Peers
from console.shared_look import SharedLook
from contracts.catalog import CATALOG, PARTITIONS, PUBLIC_TOPICS, STATE_TOPICS
from contracts.lead import LeadCaptured
from contracts.samples import sample
from local_infra.ports import free_port
from testkit.deadline import DEADLINE_S
from testkit.harness import Harness, over_http
from testkit.servers import kafka_bootstrap
from testkit.service_instances import eventually, start_at_end

TOPIC = "ltc.lead.v1"
PLACE = TopicPartition(TOPIC, 0)
CLOCK_S = 0.002
"""Kafka counts time in milliseconds, and a look rounds to them."""


def kafka() -> KafkaLook:
    return KafkaLook(Cluster(kafka_bootstrap()))


async def lag_of(look: KafkaLook, group: str) -> GroupLag:
    [topic] = [topic for topic in await look.look() if topic.topic == TOPIC]
    [found] = [said for said in topic.groups if said.group == group]
    return found


async def aged(look: KafkaLook, group: str) -> GroupLag:
    """As soon as the age was found out: a read that takes too long is given up."""
    while (found := await lag_of(look, group)).lag_s is None:
        pass
    return found


async def test_consumer_lag_shows_the_age_of_the_oldest_unread_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kafka_look, "WITHIN_S", DEADLINE_S)
    group = f"thing-{uuid4().hex[:8]}"
    ours = (group, f"other-{group}")  # one is read right where two are not
    groups = kafka_look._groups

    async def of_this_test(admin: Any) -> dict[str, tuple[str, int]]:
        """Other tests have left groups behind here, many of them with larger backlogs."""
        return {name: seen for name, seen in (await groups(admin)).items() if name in ours}

    monkeypatch.setattr(kafka_look, "_groups", of_this_test)
    for name in ours:
        await start_at_end(kafka_bootstrap(), name, [TOPIC])
    look = kafka()
    before, sent_at = await lag_of(look, group), time.time()
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap()) as producer:
        for _ in range(3):
            await producer.send_and_wait(TOPIC, b"{}", partition=0)
    behind, later = await aged(look, group), await aged(look, group)
    since = time.time() - sent_at
    async with AIOKafkaConsumer(
        TOPIC, bootstrap_servers=kafka_bootstrap(), group_id=group, enable_auto_commit=False
    ) as member:
        await member.getmany(timeout_ms=int(DEADLINE_S * 1000))
        joined = await lag_of(look, group)
        end = (await member.end_offsets([PLACE]))[PLACE]
        await member.commit({PLACE: end})
        caught_up = await lag_of(look, group)
    topics = {topic.topic: topic for topic in await look.look()}

    assert (before.lag, before.lag_s, before.members, before.state) == (0, 0.0, 0, "Empty")
    assert behind.lag == 3
    assert 0 < (behind.lag_s or 0) < (later.lag_s or 0) <= since + CLOCK_S
    assert (joined.members, joined.state, joined.lag) == (1, "Stable", 3)
    assert (caught_up.lag, caught_up.lag_s) == (0, 0.0)
    assert set(topics) == {*PUBLIC_TOPICS, *STATE_TOPICS}
    assert topics[TOPIC].partitions == PARTITIONS
    assert topics[TOPIC].rate_per_s is not None
    assert topics[TOPIC].rate_per_s > 0


async def test_consumer_lag_reports_a_kafka_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_look, "WITHIN_S", 0.2)
    with pytest.raises(Problem) as refused:
        await KafkaLook(Cluster(f"127.0.0.1:{free_port()}")).look()

    assert refused.value.status_code == 503
    assert "does not answer" in str(refused.value.detail)


async def test_topics_page_is_for_roles_of_the_platform_team(console_svc: Harness) -> None:
    settings = console_svc.settings.model_copy(update={"kafka_bootstrap": kafka_bootstrap()})
    app = create_app(console_svc.service, settings)
    app.state.authenticator = console_svc.app.state.authenticator
    like = Harness(console_svc.service, settings, app, "console")
    try:
        async with like.client("auditor") as auditor, like.client("sales_rep") as seller:
            told, refused = await auditor.get("/topics"), await seller.get("/topics")
    finally:
        await like.close()

    assert {topic["topic"] for topic in told.json()} == {*PUBLIC_TOPICS, *STATE_TOPICS}
    assert refused.status_code == 403


async def test_ttl_cache_shares_one_query_and_its_error_between_callers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, looks = 0.0, 0
    monkeypatch.setattr(shared_look, "time", SimpleNamespace(monotonic=lambda: now))

    async def look() -> int:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        if looks == 3:
            raise ConnectionError("away")
        return looks

    shared = SharedLook(look, every_s=1)
    assert await asyncio.gather(*(shared.found() for _ in range(20))) == [1] * 20
    now = 0.9
    assert await shared.found() == 1, "asked again too soon"
    now = 1.0
    assert await shared.found() == 2
    now = 2.0
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await shared.found()
    assert looks == 3


async def test_ttl_cache_query_survives_a_cancelled_caller() -> None:
    over = asyncio.Event()

    async def look() -> str:
        await over.wait()
        return "found"

    shared = SharedLook(look, every_s=5)
    impatient, patient = (asyncio.create_task(shared.found()) for _ in range(2))
    await asyncio.sleep(0)  # both have asked
    impatient.cancel()
    await asyncio.wait([impatient])
    over.set()

    assert await patient == "found"


@pytest.fixture
def mute() -> Iterator[str]:
    """A process that hangs: its port takes connections and never says anything."""
    with socket.socket() as hanging:
        hanging.bind(("127.0.0.1", 0))
        hanging.listen(16)
        yield f"http://127.0.0.1:{hanging.getsockname()[1]}"


async def test_services_page_answers_while_half_of_the_services_are_down(
    console_svc: Harness, mute: str
) -> None:
    """One of them never answers."""
    app = create_app(console_svc.service, console_svc.settings)
    metrics: Metrics = app.state.metrics
    metrics.outbox_state(7, 12.5)
    metrics.parked_state(2, 1, 5, 60.0)
    metrics.oldest_transaction(0.25)
    metrics.lag(3, {"ltc.deal.v1": 1.5})
    consuming = SimpleNamespace(obstacle=None, hearing=True)
    app.state.runtime = SimpleNamespace(vigil=consuming, gauges=Gauges())
    app.state.ready = True
    starting = create_app(console_svc.service, console_svc.settings)
    async with over_http(app) as one, over_http(starting) as two:
        console_svc.app.state.peers = Peers(
            {"one": one, "two": two, "gone": f"http://127.0.0.1:{free_port()}", "mute": mute}
        )
        try:
            async with console_svc.client("ops") as ops:
                told: list[dict[str, Any]] = []

                async def status() -> dict[str, str]:
                    told[:] = (await ops.get("/services")).json()
                    return {state["service"]: state["status"] for state in told}

                expected = {"one": "ready", "two": "starting", "gone": "away", "mute": "away"}
                await eventually(status, expected)
        finally:
            await console_svc.app.state.peers.close()
            del console_svc.app.state.peers, console_svc.app.state.shared_looks
    for served in (app, starting):
        await served.state.database.close()
    by_name = {state["service"]: state for state in told}

    assert by_name["one"] == {
        "service": "one",
        "status": "ready",
        "version": console_svc.service.version,
        "hearing": True,
        "database_revision": of_package("console")[-1],
        "outbox_rows": 7,
        "outbox_age_s": 12.5,
        "parked_keys": 2,
        "dead_keys": 1,
        "oldest_transaction_s": 0.25,
        "lag_s": 1.5,
        "error": None,
    }
    assert by_name["two"]["outbox_rows"] is None
    assert all(by_name[name]["error"] for name in ("two", "gone", "mute"))


async def test_catalogue_counts_received_events_by_type(console_svc: Harness) -> None:
    captured = sample(LeadCaptured)
    await console_svc.receives(captured)
    async with console_svc.client("sales_rep") as seller, console_svc.client() as stranger:

        async def told() -> int:
            facts = {f["type"]: f for f in (await seller.get("/catalogue/facts")).json()}
            assert set(facts) == set(CATALOG)
            return int(facts[LeadCaptured.name]["facts_5m"])

        await eventually(told, 1)
        facts = {f["type"]: f for f in (await seller.get("/catalogue/facts")).json()}
        nobody = await stranger.get("/catalogue/facts")
        page = await stranger.get("/catalogue/lead.html")
    fact, quiet = facts[LeadCaptured.name], facts["ltc.deal.won.v1"]

    assert (fact["stage"], fact["topic"], fact["producer"]) == ("lead", TOPIC, "lead-svc")
    assert fact["versions"] == [LeadCaptured.name]
    assert fact["last_seen_at"] is not None
    assert fact["sample"] == captured.model_dump(mode="json")
    assert (quiet["facts_5m"], quiet["last_seen_at"]) == (0, None)
    assert nobody.status_code == 401
    assert page.status_code == 200
