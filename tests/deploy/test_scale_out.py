"""One, two, four instances of a service and back to one, under load, without failure or loss."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocol

from local_infra.processes import run_sync
from ltc.settings import PROJECT, STAGES
from testkit.deadline import DEADLINE_S
from testkit.fleet import Fleet, longest_gap_s, now, slowest_journey_s
from testkit.installation.controlled import NAMES, ControlledInstallation
from testkit.quiescence import quiesce
from testkit.verification import violations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PER_S = 3.0
STEADY_S = 6.0
SAID = "SELECT count(*) FROM event_log WHERE published_at BETWEEN $1 AND $2"


@dataclass
class Phase:
    """What was seen while so many instances served, and while their number changed to it."""

    instances: int
    facts_per_s: float
    pause_s: float
    """The longest time without a published fact while nothing was changed."""
    pause_at_change_s: float
    """The same from before the change until every member had its share of the partitions."""
    slowest_journey_s: float
    """From capture to cash, of those captured in this phase or during the change to it."""
    partitions: list[int]
    """Of each member of the group."""


@dataclass
class Seen:
    service: str
    requests: int
    requests_failed: list[str]
    journeys: int
    answers_wrong: list[str]
    violations: list[str]
    exits_s: list[float]
    phases: list[Phase] = field(default_factory=list)


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Iterator[ControlledInstallation]:
    installation = ControlledInstallation.at(f"scale-{request.node.callspec.params['stage']}")
    try:
        yield installation
    finally:
        installation.down()


@pytest.mark.parametrize("stage", STAGES)
def test_scale_out_and_in_causes_no_failure_or_loss(
    rig: ControlledInstallation, stage: str
) -> None:
    rig.up([name for name in NAMES if name != stage])
    fleet = Fleet(rig, stage)
    try:
        fleet.add()
        seen = scale_out_and_in(fleet)
    finally:
        fleet.close()
    (PROJECT / ".ltc" / f"scale-{stage}.json").write_text(json.dumps(asdict(seen), indent=1))

    assert seen.requests_failed == []
    assert seen.answers_wrong == []
    assert seen.violations == []
    assert [phase.instances for phase in seen.phases] == [1, 2, 4, 1]
    for phase in seen.phases:
        assert len(phase.partitions) == phase.instances
        assert max(phase.partitions) - min(phase.partitions) <= len(consumed_by(rig, stage))
        assert phase.facts_per_s > 0
    assert max(seen.exits_s) < DEADLINE_S


def scale_out_and_in(fleet: Fleet) -> Seen:
    rig, stage = fleet.installation, fleet.stage
    calls, load = fleet.calls(), fleet.load(PER_S)
    phases = []
    with calls.going_on():
        load.start()
        try:
            time.sleep(5)
            for wanted in (1, 2, 4, 1):
                began = now()
                while len(fleet.running) < wanted:
                    fleet.add()
                while len(fleet.running) > wanted:
                    fleet.remove_oldest()
                shares = shared_out(rig, stage, wanted)
                changed = now()
                time.sleep(STEADY_S)
                phases.append((len(fleet.running), shares, began, changed, now()))
        finally:
            load.over.set()
        journeys = load.finish()
        quiesce(rig, journeys)
    return Seen(
        service=stage,
        requests=calls.made + load.sent,
        requests_failed=calls.failed + load.unanswered(),
        journeys=len(journeys),
        answers_wrong=load.wrong,
        violations=violations(rig, load),
        exits_s=fleet.exits_s,
        phases=[phase_of(fleet, *phase) for phase in phases],
    )


def phase_of(
    fleet: Fleet,
    instances: int,
    shares: list[int],
    began: datetime,
    changed: datetime,
    ended: datetime,
) -> Phase:
    facts = fleet.installation.rows(fleet.stage, SAID, changed, ended)[0][0]
    return Phase(
        instances=instances,
        facts_per_s=round(facts / (ended - changed).total_seconds(), 1),
        pause_s=longest_gap_s(fleet.installation, fleet.stage, changed, ended),
        pause_at_change_s=longest_gap_s(fleet.installation, fleet.stage, began, changed),
        slowest_journey_s=slowest_journey_s(fleet.installation, began, ended),
        partitions=shares,
    )


def consumed_by(rig: ControlledInstallation, stage: str) -> list[str]:
    return sorted(rig.service(stage).consumer.topics)


def shared_out(rig: ControlledInstallation, stage: str, members: int) -> list[int]:
    """Wait until the group is stable with so many members that have all partitions among them;
    how many each has."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        state, shares = run_sync(describe(rig, stage))
        if state == "Stable" and len(shares) == members and all(shares):
            return shares
        assert time.monotonic() < deadline, f"{stage}'s group is {state} with {shares}"
        time.sleep(0.2)


async def describe(rig: ControlledInstallation, stage: str) -> tuple[str, list[int]]:
    """The group's state, and how many partitions each of its members has."""
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.bootstrap)
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([rig.service(stage).consumer.group])
    finally:
        await admin.close()
    _code, _name, state, _kind, _assignor, members, *_ = answer.groups[0]
    shares = [
        ConsumerProtocol.ASSIGNMENT.decode(share).partitions() for *_, share in members if share
    ]
    return state, [len(share) for share in shares]
