"""kill -9 at each of eight points in each of six services under load: nothing lost, nothing twice.

One round a point. All services are armed at once and each dies when its own work reaches the
point, so that a service mostly comes back while its neighbours are dying. Every service both says
and hears facts, so that every point exists in each; the console says none and keeps three.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from functools import cache

import pytest

from chassis.failpoints import POINTS
from ltc.settings import STAGES
from tests.guarantees.load import Load
from tests.guarantees.rest import quiesce
from tests.guarantees.rig import Rig
from tests.guarantees.verdict import violations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CELLS = [(point, stage) for point in POINTS for stage in STAGES]
SEED = 20261124
REQUESTS = 80
PER_S = 20.0
ALL_DEAD_WITHIN_S = 60.0
AT_REST_WITHIN_S = 90.0


@dataclass(frozen=True)
class Round:
    """What came of killing every service at one point."""

    victims: dict[str, int]
    """By service the pid that was armed."""
    died: dict[str, dict[str, object]]
    """By service what the dying process noted."""
    answers_wrong: list[str]
    violated: list[str]
    took_s: float


@cache
def shoot(rig: Rig, point: str) -> Round:
    """One round: load, six deaths, restarts, rest, and the checker's word on all data so far."""
    began = time.monotonic()
    chance = random.Random(f"{SEED}-{point}")
    victims = {stage: rig.process(stage).pid for stage in STAGES}
    for stage in STAGES:
        rig.arm(stage, point, nth=chance.randint(1, 4))
    with rig.watching():
        load = Load(
            rig.settings,
            rig.settings.home / "history.ndjson",
            seed=SEED + POINTS.index(point),
            requests=REQUESTS,
            per_s=PER_S,
            walks=1,
        ).start()
        while not all(rig.hit_file(stage).exists() for stage in STAGES):
            if time.monotonic() - began > ALL_DEAD_WITHIN_S:
                break
            time.sleep(0.1)
        journeys = load.finish()
        died = {
            stage: json.loads(rig.hit_file(stage).read_text())
            for stage in STAGES
            if rig.hit_file(stage).exists()
        }
        quiesce(rig, journeys, within_s=AT_REST_WITHIN_S)
    return Round(victims, died, load.wrong, violations(rig, load), time.monotonic() - began)


@pytest.mark.parametrize(("point", "stage"), CELLS, ids=[f"{p}-{s}" for p, s in CELLS])
def test_a_service_killed_there_loses_and_repeats_nothing(rig: Rig, point: str, stage: str) -> None:
    round_ = shoot(rig, point)

    assert round_.died.get(stage) == {"point": point, "pid": round_.victims[stage]}
    assert rig.process(stage).pid != round_.victims[stage]
    assert round_.answers_wrong == []
    assert round_.violated == []
