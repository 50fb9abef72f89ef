"""One settled journey in an installation by ``ltc up``, and strangers' programs to read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from contracts.catalog import PUBLIC_TOPICS
from local_infra.processes import run_sync
from testkit.actors.all_actors import Actors
from testkit.installation.supervised import SupervisedInstallation
from testkit.kafka_probe import KafkaProbe, Record
from testkit.shared_installation import SharedInstallation
from tests.foreign.toolchain import lines_of

PLANTED = "planted.v1"
"""A topic of the test's own: what is said there reaches no service."""


@dataclass(frozen=True)
class Told:
    """A journey: what people see of it, and how it lies in Kafka."""

    house: SupervisedInstallation
    journey: str
    steps: list[dict[str, Any]]
    records: list[Record]

    def heard_by(self, program: list[str], schemas: str) -> tuple[list[dict[str, Any]], int]:
        """What a subscriber printed of the facts, and how many records it read."""
        topics = [*PUBLIC_TOPICS, PLANTED]
        *facts, end = lines_of([*program, self.house.bootstrap, schemas, self.journey, *topics])
        return facts, end["read"]


@pytest.fixture(scope="package")
def told(shared_installation: SharedInstallation) -> Iterator[Told]:
    """An express journey that ended in cash, the first of its installation; beside it, four
    invalid facts and a valid one."""
    house = shared_installation.get(untouched=True)
    cast = Actors(house)
    try:
        answer = cast.web.sends(cast.web.order("LIC-TEAM", paid="2712.00"))
        journey = answer["journey_id"]
        steps = cast.oncall.sees_settled(journey)["steps"]
    finally:
        cast.close()
    records = KafkaProbe(house.bootstrap).records_of(journey)
    won = next(r for r in records if r.header("ce_type") == "ltc.deal.won.v1")
    run_sync(_plant(house.bootstrap, won))
    yield Told(house, journey, steps, records)
    shared_installation.require_ready()


SPOILT: dict[str, dict[str, Any]] = {
    "valid, with a field of tomorrow": {"mood": "glad"},
    "money as a number": {"gross": {"amount": 2712.0, "currency": "CNY"}},
    "no id": {"contract_id": "C-2026-000001"},
    "no instant": {"won_at": "yesterday"},
    "a field is missing": {"contract_number": None},
}
"""What is said instead of a won deal's own; the first is as valid as the fact itself."""


async def _plant(bootstrap: str, won: Record) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(PLANTED, 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for change in SPOILT.values():
            value = json.loads(won.value) | change
            if change.get("contract_number", "") is None:
                del value["contract_number"]
            headers = [(k, v) for k, v in won.headers if k != "ce_id"]
            headers.append(("ce_id", str(uuid4()).encode()))
            said = json.dumps(value).encode()
            await producer.send_and_wait(PLANTED, said, key=won.key, headers=headers)
    finally:
        await producer.stop()
