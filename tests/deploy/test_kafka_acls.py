"""Kafka ACLs: every principal on every topic and group, tried on a real broker.

Expectations come from the code of the services (their subscriptions and groups), not from the
grants; some cells are stated by hand.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from chassis.exits import BadSetting
from chassis.grants import _librdkafka
from console.kafka_look import KafkaLook
from contracts.catalog import PARTITIONS, PUBLIC_TOPICS, STATE_TOPICS
from contracts.schema import PACKAGE
from local_infra.processes import run_sync
from ltc.settings import STAGES
from ltc.verify.topics import committed, topics
from testkit.deadline import DEADLINE_S
from testkit.secured_kafka import ADMIN, SecuredKafka, grants, settings_of
from testkit.single_service import single_service
from tests.deploy.grid import (
    CHECKER,
    CONSOLE,
    GROUPS,
    HEARS,
    OUTSIDERS,
    PRINCIPALS,
    PRIVATE,
    SERVICES,
    TOPICS,
    USERS,
    Cells,
    as_,
    cluster_of,
    on_groups,
    on_the_cluster,
    on_topics,
    outcome,
    password,
    read,
    wait_for_coordinators,
    write,
)


@pytest.fixture(scope="module")
def kafka(secured_kafka: SecuredKafka, tmp_path_factory: pytest.TempPathFactory) -> SecuredKafka:
    broker = secured_kafka
    admin = AdminClient(_librdkafka(broker.cluster()))
    for made in admin.create_topics([NewTopic(PRIVATE, PARTITIONS, 1)]).values():
        made.result(DEADLINE_S)
    granted = grants(broker.cluster(), tmp_path_factory.mktemp("grid"), USERS)
    assert granted.returncode == 0, granted.stderr
    write(broker, ADMIN, TOPICS, partition=0)
    wait_for_coordinators(admin)
    return broker


def expected(name: str) -> Cells:
    """From the services' own consumers and names; an outsider's from the name alone."""
    stage = name.removesuffix("-svc")
    own = {f"ltc.{stage}.v1"} if stage in STAGES else set()
    if name == "hub":
        own = set(STATE_TOPICS)
    cells: Cells = {}
    for topic in TOPICS:
        cells[name, "read", topic] = topic in HEARS[name]
        cells[name, "write", topic] = topic in own
        for verb in ("create", "alter", "delete"):
            cells[name, verb, topic] = False
    for group in GROUPS:
        outside = name in OUTSIDERS and group.startswith(f"{name}.")
        cells[name, "hear in", group] = group == name or outside
        cells[name, "watch", group] = group == name or outside or name in (CHECKER, CONSOLE)
        cells[name, "delete", group] = False
    for verb in ("grant", "set a password", "create a topic"):
        cells[name, verb, "cluster"] = False
    return cells


BY_HAND: Cells = {
    ("billing-svc", "write", "ltc.billing.v1"): True,
    ("billing-svc", "write", "ltc.order.v1"): False,
    ("billing-svc", "read", "ltc.contract.v1"): True,
    ("billing-svc", "read", "ltc.lead.v1"): False,
    ("billing-svc", "read", "ltc.billing.v1"): False,
    ("deal-svc", "write", "ltc.billing.v1"): False,
    ("deal-svc", "write", "ltc.deal.v1"): True,
    ("deal-svc", "read", "ltc.quote.v1"): True,
    ("deal-svc", "read", "ltc.order.v1"): False,
    ("quote-svc", "hear in", "quote-svc"): True,
    ("quote-svc", "hear in", "deal-svc"): False,
    ("quote-svc", "watch", "deal-svc"): False,
    ("console", "read", "ltc.lead.v1"): True,
    ("console", "write", "ltc.lead.v1"): False,
    ("console", "read", "ltc.lead.state.v1"): False,
    ("console", "watch", "billing-svc"): True,
    ("console", "hear in", "billing-svc"): False,
    ("hub", "read", "ltc.lead.v1"): True,
    ("hub", "write", "ltc.lead.v1"): False,
    ("hub", "write", "ltc.lead.state.v1"): True,
    ("lead-svc", "write", "ltc.lead.state.v1"): False,
    ("ltc-verify", "read", "ltc.billing.v1"): True,
    ("ltc-verify", "watch", "billing-svc"): True,
    ("ltc-verify", "hear in", "billing-svc"): False,
    ("erp", "read", "ltc.order.v1"): True,
    ("erp", "read", "ltc.order.state.v1"): True,
    ("erp", "read", PRIVATE): False,
    ("erp", "write", "ltc.order.v1"): False,
    ("erp", "delete", "ltc.order.v1"): False,
    ("erp", "hear in", "erp.nightly"): True,
    ("erp", "hear in", "bi.reports"): False,
    ("erp", "hear in", "order-svc"): False,
}


@pytest.fixture(scope="module")
def cells(kafka: SecuredKafka) -> Cells:
    """The whole grid, as it really is."""

    def of(name: str) -> Cells:
        return {
            **on_topics(kafka, name),
            **on_groups(kafka, name),
            **on_the_cluster(kafka, name),
        }

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(of, PRINCIPALS))
    return {cell: yes for part in found for cell, yes in part.items()}


@pytest.mark.parametrize("name", PRINCIPALS)
def test_kafka_acl_allows_a_principal_exactly_what_it_needs(cells: Cells, name: str) -> None:
    found = {cell: yes for cell, yes in cells.items() if cell[0] == name}

    assert len(found) == 5 * len(TOPICS) + 3 * len(GROUPS) + 3
    assert {c: y for c, y in found.items() if y} == {c: y for c, y in expected(name).items() if y}
    assert found == expected(name)


def test_kafka_acl_expectations_match_cells_written_by_hand(cells: Cells) -> None:
    assert {cell: cells[cell] for cell in BY_HAND} == BY_HAND
    assert sum(cells.values()) > len(PRINCIPALS)


def test_kafka_acl_lets_the_console_read_every_group_offset(
    kafka: SecuredKafka, cells: Cells
) -> None:
    """With its own grants only, also for state topics, which it may not read."""
    told = run_sync(KafkaLook(kafka.cluster(CONSOLE, password(CONSOLE))).look())
    seen = {topic.topic: {group.group for group in topic.groups} for topic in told}

    assert set(seen) == {*PUBLIC_TOPICS, *STATE_TOPICS}
    assert seen[PUBLIC_TOPICS[0]] >= set(GROUPS)


def test_kafka_acl_probes_succeed_for_an_administrator(kafka: SecuredKafka) -> None:
    """An administrator may do everything that the grid asks."""
    assert set(read(kafka, ADMIN, TOPICS).values()) == {True}
    admin = AdminClient(as_(kafka, ADMIN))
    scrap = "scrap"
    for answers in (
        lambda: admin.create_topics([NewTopic(scrap, 1, 1)]),
        lambda: admin.create_partitions([NewPartitions(scrap, 2)], validate_only=True),
        lambda: admin.delete_topics([scrap]),
    ):
        assert [outcome(answer) for answer in answers().values()] == [True]


def test_kafka_acl_grants_are_idempotent_and_revoke_others(
    kafka: SecuredKafka, cells: Cells, tmp_path: Path
) -> None:
    def more(name: str, topic: str) -> AclBinding:
        return AclBinding(
            ResourceType.TOPIC,
            topic,
            ResourcePatternType.LITERAL,
            f"User:{name}",
            "*",
            AclOperation.WRITE,
            AclPermissionType.ALLOW,
        )

    admin = AdminClient(as_(kafka, ADMIN))
    surplus = [more("deal-svc", "ltc.billing.v1"), more("crm", "ltc.deal.v1"), more("crm", PRIVATE)]
    again = grants(kafka.cluster(), tmp_path, USERS)
    for made in admin.create_acls(surplus).values():
        made.result(DEADLINE_S)
    surplus_written = write(kafka, "deal-svc", ["ltc.billing.v1"])
    without_users = grants(kafka.cluster(), tmp_path, None)
    with_users = grants(kafka.cluster(), tmp_path, USERS)

    assert (again.returncode, again.stdout) == (0, "nothing to change\n"), again.stderr
    assert surplus_written == {"ltc.billing.v1": True}
    assert without_users.stdout == "- deal-svc WRITE topic ltc.billing.v1\n"
    assert with_users.stdout == "- crm WRITE topic ltc.deal.v1\n"
    assert write(kafka, "deal-svc", ["ltc.billing.v1"]) == {"ltc.billing.v1": False}


def test_kafka_acl_grant_without_personal_data_permission_is_refused(
    kafka: SecuredKafka, tmp_path: Path
) -> None:
    file = tmp_path / "users.json"
    for given in ("a password", None, {"password": "one", "personal": False}):
        file.write_text(json.dumps({"shop": given}))
        told = subprocess.run(
            [sys.executable, "-m", "chassis.grants", "--users", str(file)],
            env=settings_of(kafka.cluster()), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert told.returncode == BadSetting.exit_code
        assert told.stderr.startswith("shop has no grant for personal data")
        assert "Traceback" not in told.stderr


def test_kafka_acl_grant_without_the_right_is_reported(kafka: SecuredKafka, tmp_path: Path) -> None:
    service = grants(kafka.cluster("deal-svc", password("deal-svc")), tmp_path, {})
    nobody = grants(kafka.cluster("deal-svc", "guess"), tmp_path, {})

    assert (service.returncode, nobody.returncode) == (77, 77)
    assert "does not let deal-svc grant anything" in service.stderr
    assert "does not let deal-svc in" in nobody.stderr
    assert [len(ended.stderr.splitlines()) for ended in (service, nobody)] == [1, 1]


async def ask_for_a_proposal(kafka: SecuredKafka) -> str:
    """Say, for deal-svc and as deal-svc, that a customer wants a quote; returns the journey."""
    file = PACKAGE / "tests" / "golden" / "ltc.deal.proposal_requested.v1.json"
    golden = json.loads(file.read_text(encoding="utf-8"))
    producer = AIOKafkaProducer(
        **cluster_of(kafka, "deal-svc").client(), acks="all", enable_idempotence=True
    )
    await producer.start()
    try:
        await producer.send_and_wait(
            "ltc.deal.v1",
            json.dumps(golden["value"]).encode(),
            key=golden["headers"]["ce_subject"].encode(),
            headers=[(name, value.encode()) for name, value in golden["headers"].items()],
        )
    finally:
        await producer.stop()
    journey: str = golden["headers"]["ce_correlationid"]
    return journey


async def heard_by(
    kafka: SecuredKafka, name: str, group: str, journey: str, kind: str
) -> dict[str, bytes]:
    """The headers of the first fact of a kind about a journey that a subscriber hears of quotes."""
    consumer = AIOKafkaConsumer(
        "ltc.quote.v1",
        **cluster_of(kafka, name).client(),
        group_id=group,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        async for record in consumer:
            said = dict(record.headers)
            if (said.get("ce_correlationid"), said.get("ce_type")) == (
                journey.encode(),
                kind.encode(),
            ):
                return said
    finally:
        await consumer.stop()
    raise AssertionError("the consumer ended")


async def test_kafka_acl_service_publishes_and_external_principal_consumes(
    kafka: SecuredKafka, tmp_path: Path
) -> None:
    mine = settings_of(kafka.cluster("quote-svc", password("quote-svc"), "SASL_SSL"))
    with single_service("quote_svc", tmp_path, **mine) as service:
        migrated = service.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
        with service.serving():
            journey = await ask_for_a_proposal(kafka)
            async with asyncio.timeout(DEADLINE_S):
                heard = await heard_by(
                    kafka, "erp", "erp.nightly", journey, "ltc.quote.gate_opened.v1"
                )

    assert heard["ce_source"] == b"/ltc/quote-svc"


async def test_kafka_acl_checker_reads_topics_and_offsets(
    kafka: SecuredKafka, cells: Cells, tmp_path: Path
) -> None:
    checker = kafka.cluster(CHECKER, password(CHECKER))
    said: list[str] = []
    async with topics(checker) as found:
        await found.read(tmp_path, said.append)
    offsets = await committed(checker, list(SERVICES))

    assert (tmp_path / "record.csv").read_text().count("ltc.billing.v1,") > 0
    assert {group for group, *_ in offsets} == set(SERVICES)


def test_kafka_acl_service_with_another_principal_exits(
    kafka: SecuredKafka, tmp_path: Path
) -> None:
    with single_service("quote_svc", tmp_path, **settings_of(kafka.cluster())) as service:
        assert service.run("migrate").returncode == 0
        order = settings_of(kafka.cluster("order-svc", password("order-svc")))
        wrong = settings_of(kafka.cluster("quote-svc", "guess"))
        ended = [service.run("serve", **order), service.run("serve", **wrong)]
        ended.append(service.run("migrate", **wrong))

    assert [e.returncode for e in ended[:2]] == [77, 77], [e.stderr for e in ended]
    assert "does not let us use ltc.deal.v1" in ended[0].stderr
    assert "does not let quote-svc in: correct LTC_KAFKA_USERNAME" in ended[1].stderr


async def test_kafka_acl_refusal_reaches_the_client_of_an_external_principal(
    kafka: SecuredKafka,
) -> None:
    for topic, group, refusal in (
        (PRIVATE, "erp.nightly", TopicAuthorizationFailedError),
        ("ltc.quote.v1", "quote-svc", GroupAuthorizationFailedError),
    ):
        consumer = AIOKafkaConsumer(topic, **cluster_of(kafka, "erp").client(), group_id=group)
        with pytest.raises(refusal):
            await consumer.start()
        await consumer.stop()
