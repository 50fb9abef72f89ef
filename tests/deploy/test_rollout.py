"""Old beside new under load: N-1, both, N, both, N-1; nothing fails, is lost, or is done twice."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import pytest

from ltc.settings import PROJECT
from tests.deploy.rollout import PATCHES, Calls, Rollout, now, rolling
from tests.guarantees.load import Load
from tests.guarantees.rest import quiesce
from tests.guarantees.rig import Rig
from tests.guarantees.verdict import violations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ALL = os.environ.get("LTC_TEST_ROLLOUT") == "all"
"""`make deploy-tests`. CI rolls out one service, for time."""
STAGES = sorted(patch.stem for patch in PATCHES.glob("*.patch")) if ALL else ["quote"]
LISTS = {"quote": "/quotes", "lead": "/leads", "deal": "/deals", "contract": "/contracts",
         "order": "/orders", "billing": "/invoices"}  # fmt: skip
PER_S = 3.0
"""Well below what two cores can do while four more processes start on them."""
SIDE_BY_SIDE_S = 2.0
AT_REST_WITHIN_S = 120.0


class Ongoing(Load):
    """A load that goes on until it is told that it is over."""

    sent = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.over = threading.Event()

    def _kinds(self) -> Iterator[str]:
        kinds = vars(self.mix)
        weights = [*kinds.values(), 100 - sum(kinds.values())]
        while not self.over.is_set():
            self.sent += 1
            yield self._random.choices([*kinds, "single"], weights)[0]


@dataclass
class Cost:
    """What a release and its rollback cost those who use the platform."""

    service: str
    requests: int
    requests_failed: list[str]
    journeys: int
    answers_wrong: list[str]
    violations: list[str]
    longest_pause_s: float
    pause_before_s: float
    """The longest gap while nothing was changed: what the load itself leaves."""
    exits_s: list[float]
    """From SIGTERM to the end of each instance."""
    migrations_s: list[float]
    said_by_new: int
    said_by_old: int


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    installation = Rig.at(f"rollout-{request.node.callspec.params['stage']}")
    try:
        yield installation
    finally:
        installation.down()


@pytest.mark.parametrize("stage", STAGES)
def test_a_release_and_its_rollback_cost_nobody_anything(rig: Rig, stage: str) -> None:
    with rolling(rig, stage) as rollout:
        cost = release_and_roll_back(rollout)
    kept = PROJECT / ".ltc" / f"rollout-{stage}.json"
    kept.write_text(json.dumps(asdict(cost), indent=1))

    assert cost.requests_failed == []
    assert cost.answers_wrong == []
    assert cost.violations == []
    assert cost.said_by_new > 0
    assert cost.said_by_old > 0
    assert max(cost.exits_s) <= 10, cost
    assert cost.longest_pause_s <= 2, cost


def release_and_roll_back(rollout: Rollout) -> Cost:
    rig, stage = rollout.rig, rollout.stage
    calls = Calls(rig.settings.url(stage) + LISTS[stage], rollout.token())
    history = rig.settings.home / "history.ndjson"
    load = Ongoing(rig.settings, history, seed=7, requests=0, per_s=PER_S)
    with calls.going_on():
        load.start()
        try:
            time.sleep(5)
            quiet_from = now()
            time.sleep(10)
            began = now()
            rollout.migrate("N")
            assert rollout.replace_all("N", SIDE_BY_SIDE_S) == ["0.2.0", "0.2.0"]
            rollout.migrate("N-1")
            assert rollout.replace_all("N-1", SIDE_BY_SIDE_S) == ["0.1.0", "0.1.0"]
            ended = now()
        finally:
            load.over.set()
        journeys = load.finish()
        quiesce(rig, journeys, within_s=AT_REST_WITHIN_S)
    unanswered = [
        f"{a['op']}: {a.get('why')}" for a in load.history.lines() if a["status"] == "unknown"
    ]
    return Cost(
        service=stage,
        requests=calls.made + load.sent,
        requests_failed=calls.failed + unanswered,
        journeys=len(journeys),
        answers_wrong=load.wrong,
        violations=violations(rig, load),
        longest_pause_s=rollout.longest_gap_s(began, ended),
        pause_before_s=rollout.longest_gap_s(quiet_from, began),
        exits_s=rollout.exits_s,
        migrations_s=rollout.migrations_s,
        said_by_new=said(rig, stage, new=True),
        said_by_old=said(rig, stage, new=False),
    )


SAID = """
WITH fact AS (SELECT type, convert_from(payload, 'UTF8')::jsonb ->> 'segment' IS NOT NULL AS new
              FROM event_log)
SELECT count(*) FROM fact WHERE new = $1 AND type IN (SELECT type FROM fact WHERE new)
"""


def said(rig: Rig, stage: str, *, new: bool) -> int:
    """Facts that carry the new field, or those of the same kind that do not."""
    return int(rig.rows(stage, SAID, new)[0][0])
