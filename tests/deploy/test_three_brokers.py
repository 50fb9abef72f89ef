"""Kafka as a cluster of three brokers; each is killed under load without loss."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

import pytest

from ltc.settings import PROJECT, STAGES
from testkit.fleet import Ongoing, longest_gap_s, now, slowest_journey_s
from testkit.installation.three_brokers import NODES, ThreeBrokerInstallation
from testkit.polling import eventually
from testkit.quiescence import quiesce
from testkit.verification import violations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

PER_S = 3.0
AWAY_S = 15.0
"""Longer than the brokers need to agree that one of them is gone."""


@dataclass
class Shot:
    """What the end of one broker cost."""

    broker: int
    led: int
    """Partitions that it led."""
    longest_pause_s: dict[str, float]
    """In which a service published nothing, while the broker was away and came back."""
    slowest_journey_s: float
    whole_again_s: float
    """From its start until every broker had every record again."""


@pytest.fixture
def rig() -> Iterator[ThreeBrokerInstallation]:
    installation = ThreeBrokerInstallation.at("three-brokers")
    assert isinstance(installation, ThreeBrokerInstallation)
    try:
        yield installation
    finally:
        installation.down()


def test_kafka_cluster_survives_the_kill_of_any_broker(rig: ThreeBrokerInstallation) -> None:
    rig.up()
    load = Ongoing.on(rig, PER_S)
    load.start()
    try:
        time.sleep(5)
        shot = [shoot(rig, broker) for broker in NODES]
    finally:
        load.over.set()
    journeys = load.finish()
    quiesce(rig, journeys)
    shots = [cost_of(rig, *each) for each in shot]
    kept = PROJECT / ".ltc" / "three-brokers.json"
    kept.write_text(json.dumps([asdict(shot) for shot in shots], indent=1))

    assert load.unanswered() == []
    assert load.wrong == []
    assert violations(rig, load) == []
    assert rig.short_of_copies() == 0


def shoot(rig: ThreeBrokerInstallation, broker: int) -> tuple[int, int, datetime, datetime, float]:
    """kill -9 one broker under load, and have it back once the others have gone on without it."""
    led = eventually(lambda: rig.led().get(broker, 0), what=f"broker {broker} leads")
    began = now()
    rig.kill(f"kafka-{broker}")
    time.sleep(AWAY_S)
    eventually(lambda: broker not in rig.led(), what="others lead")
    assert rig.short_of_copies() > 0
    rig.start(f"kafka-{broker}")
    back = time.monotonic()
    eventually(rig.short_of_copies, lambda short: not short, what="every copy is back")
    whole_again_s = round(time.monotonic() - back, 1)
    return broker, led, began, now(), whole_again_s


def cost_of(
    rig: ThreeBrokerInstallation,
    broker: int,
    led: int,
    began: datetime,
    ended: datetime,
    whole_again_s: float,
) -> Shot:
    pauses = {name: longest_gap_s(rig, name, began, ended) for name in STAGES}
    return Shot(broker, led, pauses, slowest_journey_s(rig, began, ended), whole_again_s)
