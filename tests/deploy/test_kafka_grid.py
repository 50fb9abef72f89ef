"""Who may do what at Kafka: every principal on every topic and group, tried on a real broker.

What is expected comes from the code of the services themselves (what they hear, under which group),
not from what is granted; some cells are stated by hand.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from chassis.exits import BadSetting
from chassis.grants import _librdkafka
from console.kafka_look import KafkaLook
from contracts.catalog import PARTITIONS, PUBLIC_TOPICS, STATE_TOPICS
from contracts.schema import PACKAGE
from local_infra.processes import run_sync
from local_infra.topics import ensure_topics
from ltc.programs import package_of
from ltc.settings import STAGES, SUBSCRIBERS
from ltc.verify.topics import committed, topics
from tests.deploy.bare import bare
from tests.deploy.secured import ADMIN, Certificate, SecuredKafka, grants, settings_of

OUTSIDERS = ("erp", "bi")
CHECKER = "ltc-verify"
CONSOLE = "console"
SERVICES = {f"{stage}-svc": package_of(stage) for stage in STAGES} | {s: s for s in SUBSCRIBERS}
PRINCIPALS = (*SERVICES, CHECKER, *OUTSIDERS)
HEARS: dict[str, list[str]] = {
    # Imported here, once: the grid is asked by several threads, and imports do not bear that.
    **{
        n: importlib.import_module(f"{p}.main").service.consumer.topics for n, p in SERVICES.items()
    },
    CHECKER: list(PUBLIC_TOPICS),
    **{n: [*PUBLIC_TOPICS, *STATE_TOPICS] for n in OUTSIDERS},
}
PRIVATE = "other.ledger"
"""A topic of somebody else on the same cluster."""
TOPICS = (*PUBLIC_TOPICS, *STATE_TOPICS, PRIVATE)
GROUPS = (*SERVICES, "erp.nightly", "bi.reports", "stranger")
WITHIN_S = 20.0

Cells = dict[tuple[str, str, str], bool]
"""Whether a principal is let do something with a topic, group or the cluster."""


def password(name: str) -> str:
    return f"the password of {name}"


USERS: dict[str, str | None] = {name: password(name) for name in PRINCIPALS}


@pytest.fixture(scope="module")
def kafka() -> Iterator[SecuredKafka]:
    with tempfile.TemporaryDirectory(prefix="ltc-grid-") as folder:
        home = Path(folder)
        broker = SecuredKafka(home, Certificate.of(home / "tls"))
        broker.start()
        try:
            run_sync(ensure_topics(broker.cluster()))
            admin = AdminClient(_librdkafka(broker.cluster()))
            for made in admin.create_topics([NewTopic(PRIVATE, PARTITIONS, 1)]).values():
                made.result(WITHIN_S)
            granted = grants(broker.cluster(), home, USERS)
            assert granted.returncode == 0, granted.stderr
            write(broker, ADMIN, TOPICS, partition=0)
            wait_for_coordinators(admin)
            yield broker
        finally:
            broker.stop()


def wait_for_coordinators(admin: AdminClient) -> None:
    """A new broker makes the topic of offsets when it is first asked for a group."""
    deadline = time.monotonic() + WITHIN_S
    for group in GROUPS:
        while (error := commit(admin, group, PUBLIC_TOPICS[0])) is not None:
            assert time.monotonic() < deadline, error
            time.sleep(0.2)


def commit(admin: AdminClient, group: str, topic: str) -> KafkaError | None:
    """Commit for a group where every group starts, so that nothing is moved: offset 0 of the last
    partition. Returns what the broker says against it."""
    place = TopicPartition(topic, PARTITIONS - 1, 0)
    asked = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, [place])])
    try:
        answer = asked[group].result(WITHIN_S)
    except KafkaException as error:
        return error.args[0]
    return answer.topic_partitions[0].error


def as_(kafka: SecuredKafka, name: str, **more: Any) -> dict[str, Any]:
    cluster = kafka.cluster() if name == ADMIN else kafka.cluster(name, password(name))
    return {**_librdkafka(cluster), **more}


def allowed(error: KafkaError | None, *harmless: int) -> bool:
    """Whether an answer lets somebody in. Raises AssertionError for one that says neither."""
    if error is None or error.code() in harmless:
        return True
    assert error.name().endswith("_AUTHORIZATION_FAILED"), error
    return False


def outcome(answer: Any, *harmless: int) -> bool:
    try:
        answer.result(WITHIN_S)
    except KafkaException as error:
        return allowed(error.args[0], *harmless)
    return True


def read(kafka: SecuredKafka, name: str, topics: Iterable[str]) -> dict[str, bool]:
    """Which of the topics give a principal the record that lies on each. One that it is not even
    shown, as whoever may read is, gives nothing."""
    consumer = Consumer(
        as_(kafka, name, **{"group.id": "grid", "enable.auto.commit": False})  # no group is joined
    )
    found: dict[str, bool] = {}
    wanted = set(topics)
    try:
        shown = {topic: consumer.list_topics(topic, WITHIN_S).topics[topic] for topic in wanted}
        found = {topic: False for topic, about in shown.items() if not allowed(about.error)}
        consumer.assign([TopicPartition(topic, 0, 0) for topic in wanted - found.keys()])
        deadline = time.monotonic() + WITHIN_S
        while wanted - found.keys():
            assert time.monotonic() < deadline, f"{name}: no answer for {wanted - found.keys()}"
            message = consumer.poll(0.5)
            if message is not None and message.topic() is not None:
                found[message.topic()] = allowed(message.error())
    finally:
        consumer.close()
    return found


def write(
    kafka: SecuredKafka, name: str, topics: Iterable[str], *, partition: int = 1
) -> dict[str, bool]:
    producer = Producer(as_(kafka, name, **{"message.timeout.ms": int(WITHIN_S * 1000)}))
    found: dict[str, bool] = {}

    def note(topic: str) -> Callable[[KafkaError | None, Any], None]:
        return lambda error, _message: found.__setitem__(topic, allowed(error))

    for topic in topics:
        producer.produce(topic, b"{}", key=b"grid", partition=partition, on_delivery=note(topic))
    assert producer.flush(WITHIN_S) == 0
    return found


def on_topics(kafka: SecuredKafka, name: str) -> Cells:
    admin = AdminClient(as_(kafka, name))
    there = KafkaError.TOPIC_ALREADY_EXISTS
    new = [NewTopic(topic, PARTITIONS, 1) for topic in TOPICS]
    more = [NewPartitions(topic, PARTITIONS + 1) for topic in TOPICS]
    created = admin.create_topics(new, validate_only=True)
    altered = admin.create_partitions(more, validate_only=True)
    deleted = admin.delete_topics(list(TOPICS))
    return {
        **{(name, "read", topic): yes for topic, yes in read(kafka, name, TOPICS).items()},
        **{(name, "write", topic): yes for topic, yes in write(kafka, name, TOPICS).items()},
        **{(name, "create", topic): outcome(a, there) for topic, a in created.items()},
        **{(name, "alter", topic): outcome(a) for topic, a in altered.items()},
        **{(name, "delete", topic): outcome(a) for topic, a in deleted.items()},
    }


def on_groups(kafka: SecuredKafka, name: str) -> Cells:
    admin = AdminClient(as_(kafka, name))
    cells: Cells = {}
    for group in GROUPS:
        seen = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
        cells[name, "hear in", group] = allowed(commit(admin, group, HEARS[name][0]))
        cells[name, "watch", group] = outcome(seen[group])
    gone = (KafkaError.GROUP_ID_NOT_FOUND, KafkaError.NON_EMPTY_GROUP)
    for group, answer in admin.delete_consumer_groups(list(GROUPS)).items():
        cells[name, "delete", group] = outcome(answer, *gone)
    return cells


def on_the_cluster(kafka: SecuredKafka, name: str) -> Cells:
    admin = AdminClient(as_(kafka, name))
    more = AclBinding(
        ResourceType.TOPIC,
        PRIVATE,
        ResourcePatternType.LITERAL,
        f"User:{name}",
        "*",
        AclOperation.ALL,
        AclPermissionType.ALLOW,
    )
    stolen = UserScramCredentialUpsertion(
        ADMIN, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), b"stolen"
    )
    [granted] = admin.create_acls([more]).values()
    [taken] = admin.alter_user_scram_credentials([stolen]).values()
    [made] = admin.create_topics([NewTopic("ltc.new.v1", 1, 1)], validate_only=True).values()
    return {
        (name, "grant", "cluster"): outcome(granted),
        (name, "set a password", "cluster"): outcome(taken),
        (name, "create a topic", "cluster"): outcome(made),
    }


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
def test_a_principal_may_do_what_it_must_and_nothing_else(cells: Cells, name: str) -> None:
    found = {cell: yes for cell, yes in cells.items() if cell[0] == name}

    assert len(found) == 5 * len(TOPICS) + 3 * len(GROUPS) + 3
    assert {c: y for c, y in found.items() if y} == {c: y for c, y in expected(name).items() if y}
    assert found == expected(name)


def test_what_is_expected_is_what_was_meant(cells: Cells) -> None:
    assert {cell: cells[cell] for cell in BY_HAND} == BY_HAND
    assert sum(cells.values()) > len(PRINCIPALS)


def test_the_console_sees_how_far_every_group_has_come(kafka: SecuredKafka, cells: Cells) -> None:
    """With its own grants and no more, state topics too, of which it may read nothing."""
    told = run_sync(KafkaLook(kafka.cluster(CONSOLE, password(CONSOLE))).look())
    seen = {topic.topic: {group.group for group in topic.groups} for topic in told}

    assert set(seen) == {*PUBLIC_TOPICS, *STATE_TOPICS}
    assert seen[PUBLIC_TOPICS[0]] >= set(GROUPS)


def test_the_questions_can_be_answered_with_yes(kafka: SecuredKafka) -> None:
    """Whoever may do everything is let do everything that the grid asks."""
    assert set(read(kafka, ADMIN, TOPICS).values()) == {True}
    admin = AdminClient(as_(kafka, ADMIN))
    scrap = "scrap"
    for answers in (
        lambda: admin.create_topics([NewTopic(scrap, 1, 1)]),
        lambda: admin.create_partitions([NewPartitions(scrap, 2)], validate_only=True),
        lambda: admin.delete_topics([scrap]),
    ):
        assert [outcome(answer) for answer in answers().values()] == [True]


def test_granting_again_changes_nothing_and_takes_back_what_is_not_stated(
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
        made.result(WITHIN_S)
    surplus_written = write(kafka, "deal-svc", ["ltc.billing.v1"])
    without_users = grants(kafka.cluster(), tmp_path, None)
    with_users = grants(kafka.cluster(), tmp_path, USERS)

    assert (again.returncode, again.stdout) == (0, "nothing to change\n"), again.stderr
    assert surplus_written == {"ltc.billing.v1": True}
    assert without_users.stdout == "- deal-svc WRITE topic ltc.billing.v1\n"
    assert with_users.stdout == "- crm WRITE topic ltc.deal.v1\n"
    assert write(kafka, "deal-svc", ["ltc.billing.v1"]) == {"ltc.billing.v1": False}


def test_an_outsider_without_a_grant_for_personal_data_is_refused(
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


def test_whoever_may_not_grant_is_told_so(kafka: SecuredKafka, tmp_path: Path) -> None:
    service = grants(kafka.cluster("deal-svc", password("deal-svc")), tmp_path, {})
    nobody = grants(kafka.cluster("deal-svc", "guess"), tmp_path, {})

    assert (service.returncode, nobody.returncode) == (77, 77)
    assert "does not let deal-svc grant anything" in service.stderr
    assert "does not let deal-svc in" in nobody.stderr
    assert [len(ended.stderr.splitlines()) for ended in (service, nobody)] == [1, 1]


def as_client(kafka: SecuredKafka, name: str) -> dict[str, Any]:
    cluster = kafka.cluster() if name == ADMIN else kafka.cluster(name, password(name))
    return cluster.client()


async def ask_for_a_proposal(kafka: SecuredKafka) -> str:
    """Say, for deal-svc and as deal-svc, that a customer wants a quote; returns the journey."""
    file = PACKAGE / "tests" / "golden" / "ltc.deal.proposal_requested.v1.json"
    golden = json.loads(file.read_text(encoding="utf-8"))
    producer = AIOKafkaProducer(**as_client(kafka, "deal-svc"), acks="all", enable_idempotence=True)
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
        **as_client(kafka, name),
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


async def test_a_service_serves_as_its_principal_and_an_outsider_hears_it(
    kafka: SecuredKafka, tmp_path: Path
) -> None:
    mine = settings_of(kafka.cluster("quote-svc", password("quote-svc"), "SASL_SSL"))
    with bare("quote_svc", tmp_path, **mine) as service:
        migrated = service.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
        with service.serving():
            journey = await ask_for_a_proposal(kafka)
            async with asyncio.timeout(30):
                heard = await heard_by(
                    kafka, "erp", "erp.nightly", journey, "ltc.quote.gate_opened.v1"
                )

    assert heard["ce_source"] == b"/ltc/quote-svc"


async def test_the_checker_reads_topics_and_offsets_as_its_principal(
    kafka: SecuredKafka, cells: Cells, tmp_path: Path
) -> None:
    checker = kafka.cluster(CHECKER, password(CHECKER))
    said: list[str] = []
    async with topics(checker) as found:
        await found.read(tmp_path, said.append)
    offsets = await committed(checker, list(SERVICES))

    assert (tmp_path / "record.csv").read_text().count("ltc.billing.v1,") > 0
    assert {group for group, *_ in offsets} == set(SERVICES)


def test_a_service_under_another_name_is_stopped(kafka: SecuredKafka, tmp_path: Path) -> None:
    with bare("quote_svc", tmp_path, **settings_of(kafka.cluster())) as service:
        assert service.run("migrate").returncode == 0
        order = settings_of(kafka.cluster("order-svc", password("order-svc")))
        wrong = settings_of(kafka.cluster("quote-svc", "guess"))
        ended = [service.run("serve", **order), service.run("serve", **wrong)]
        ended.append(service.run("migrate", **wrong))

    assert [e.returncode for e in ended[:2]] == [77, 77], [e.stderr for e in ended]
    assert "does not let us use ltc.deal.v1" in ended[0].stderr
    assert "does not let quote-svc in: correct LTC_KAFKA_USERNAME" in ended[1].stderr


async def test_an_outsider_is_refused_as_its_client_sees_it(kafka: SecuredKafka) -> None:
    for topic, group, refusal in (
        (PRIVATE, "erp.nightly", TopicAuthorizationFailedError),
        ("ltc.quote.v1", "quote-svc", GroupAuthorizationFailedError),
    ):
        consumer = AIOKafkaConsumer(topic, **as_client(kafka, "erp"), group_id=group)
        with pytest.raises(refusal):
            await consumer.start()
        await consumer.stop()
