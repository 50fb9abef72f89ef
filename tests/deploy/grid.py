"""Who asks what of Kafka: the principals, and each question of the grid, put to a real broker."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable
from typing import Any

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

from chassis.cluster import Cluster
from chassis.grants import _librdkafka
from contracts.catalog import PARTITIONS, PUBLIC_TOPICS, STATE_TOPICS
from ltc.programs import package_of
from ltc.settings import STAGES, SUBSCRIBERS
from testkit.deadline import DEADLINE_S
from testkit.secured_kafka import ADMIN, SecuredKafka

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
Cells = dict[tuple[str, str, str], bool]
"""Whether a principal is let do something with a topic, group or the cluster."""


def password(name: str) -> str:
    return f"the password of {name}"


USERS: dict[str, str | None] = {name: password(name) for name in PRINCIPALS}


def wait_for_coordinators(admin: AdminClient) -> None:
    """A new broker makes the topic of offsets when it is first asked for a group."""
    deadline = time.monotonic() + DEADLINE_S
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
        answer = asked[group].result(DEADLINE_S)
    except KafkaException as error:
        return error.args[0]
    return answer.topic_partitions[0].error


def cluster_of(kafka: SecuredKafka, name: str) -> Cluster:
    """Kafka as a principal speaks to it."""
    return kafka.cluster() if name == ADMIN else kafka.cluster(name, password(name))


def as_(kafka: SecuredKafka, name: str, **more: Any) -> dict[str, Any]:
    return {**_librdkafka(cluster_of(kafka, name)), **more}


def allowed(error: KafkaError | None, *harmless: int) -> bool:
    """Whether an answer lets somebody in. Raises AssertionError for one that says neither."""
    if error is None or error.code() in harmless:
        return True
    assert error.name().endswith("_AUTHORIZATION_FAILED"), error
    return False


def outcome(answer: Any, *harmless: int) -> bool:
    try:
        answer.result(DEADLINE_S)
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
        shown = {topic: consumer.list_topics(topic, DEADLINE_S).topics[topic] for topic in wanted}
        found = {topic: False for topic, about in shown.items() if not allowed(about.error)}
        consumer.assign([TopicPartition(topic, 0, 0) for topic in wanted - found.keys()])
        deadline = time.monotonic() + DEADLINE_S
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
    producer = Producer(as_(kafka, name, **{"message.timeout.ms": int(DEADLINE_S * 1000)}))
    found: dict[str, bool] = {}

    def note(topic: str) -> Callable[[KafkaError | None, Any], None]:
        return lambda error, _message: found.__setitem__(topic, allowed(error))

    for topic in topics:
        producer.produce(topic, b"{}", key=b"grid", partition=partition, on_delivery=note(topic))
    assert producer.flush(DEADLINE_S) == 0
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
