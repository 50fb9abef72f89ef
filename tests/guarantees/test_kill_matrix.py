"""kill -9 at each of eight points in each of six services under load: no loss and no repetition.

One round per point. All services are armed at once, and each dies when its own work reaches the
point, so a service mostly restarts while its neighbours die. Every service both produces and
consumes events, so every point exists in each. The console and the hub only consume, so they die
at the last two points.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from functools import cache

import pytest

from chassis.failpoints import POINTS
from ltc.settings import SERVICES, STAGES
from testkit.deadline import DEADLINE_S
from testkit.installation.controlled import ControlledInstallation
from testkit.load import Load
from testkit.quiescence import quiesce
from testkit.verification import violations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

OF_HEARERS = ("after_inbox_commit", "after_offset_commit")


def services_at(point: str) -> tuple[str, ...]:
    """Those that come to a point."""
    return SERVICES if point in OF_HEARERS else STAGES


CELLS = [(point, name) for point in POINTS for name in services_at(point)]
SEED = 20261124
REQUESTS = 80
PER_S = 20.0


@dataclass(frozen=True)
class Round:
    """What came of killing every service at one point."""

    victims: dict[str, int]
    """By service the pid that was armed."""
    died: dict[str, dict[str, object]]
    """By service what the dying process noted."""
    trouble: list[str]
    """Answers that contradict each other, a load that did not end, or no rest."""
    violated: list[str]
    took_s: float


@cache
def shoot(rig: ControlledInstallation, point: str) -> Round:
    """One round: load, six deaths, restarts, rest, and the checker's word on all data so far."""
    began = time.monotonic()
    chance = random.Random(f"{SEED}-{point}")
    victims = {name: rig.process(name).pid for name in services_at(point)}
    for name in victims:
        rig.arm(name, point, nth=chance.randint(1, 4))

    def somebody_lives() -> bool:
        """How often a service comes to a point depends on how full its batches are."""
        in_time = time.monotonic() - began < DEADLINE_S
        return in_time and not all(rig.hit_file(name).exists() for name in victims)

    with rig.watching():
        load = Load(
            rig.settings,
            rig.settings.home / "history.ndjson",
            seed=SEED + POINTS.index(point),
            requests=REQUESTS,
            per_s=PER_S,
            walks=1,
            more=somebody_lives,
        ).start()
        trouble = _rest(rig, load)
        died = {
            name: json.loads(rig.hit_file(name).read_text())
            for name in victims
            if rig.hit_file(name).exists()
        }
    return Round(victims, died, trouble, violations(rig, load), time.monotonic() - began)


def _rest(rig: ControlledInstallation, load: Load) -> list[str]:
    """Wait for the last answer and for rest; what went wrong on the way. Does not raise: one round
    is judged by several tests."""
    try:
        quiesce(rig, load.finish())
    except Exception as error:
        return [*load.wrong, repr(error)]
    return load.wrong


@pytest.mark.parametrize(("point", "name"), CELLS, ids=[f"{p}-{s}" for p, s in CELLS])
def test_kill_matrix_service_killed_at_a_point_loses_and_repeats_nothing(
    rig: ControlledInstallation, point: str, name: str
) -> None:
    round_ = shoot(rig, point)

    assert round_.died.get(name) == {"point": point, "pid": round_.victims[name]}
    assert rig.process(name).pid != round_.victims[name]
    assert round_.trouble == []
    assert round_.violated == []
