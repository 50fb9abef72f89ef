"""Rollout under load: N-1, both, N, both, N-1; no failed request, no loss, no duplicate."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import pytest

from ltc.settings import PROJECT
from testkit.deadline import DEADLINE_S
from testkit.fleet import longest_gap_s, now, slowest_journey_s
from testkit.installation.controlled import ControlledInstallation
from testkit.quiescence import NotQuiescent, quiesce
from testkit.verification import violations
from tests.deploy.rollout import PATCHES, Edit, Rollout, rolling

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

STAGES = sorted(patch.stem for patch in PATCHES.glob("*.patch"))
PER_S = 3.0
"""Well below what two cores can do while four more processes start on them."""
SIDE_BY_SIDE_S = 2.0


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
    slowest_journey_s: float
    """From capture to cash, of those captured during the release and its rollback."""
    slowest_before_s: float
    exits_s: list[float]
    """From SIGTERM to the end of each instance."""
    migrations_s: list[float]
    said_by_new: int
    said_by_old: int


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Iterator[ControlledInstallation]:
    installation = ControlledInstallation.at(
        f"rollout-{request.node.callspec.id.replace(' ', '-')}"
    )
    try:
        yield installation
    finally:
        installation.down()


@pytest.mark.parametrize("stage", STAGES)
def test_rollout_and_rollback_cause_no_failure_or_loss(
    rig: ControlledInstallation, stage: str
) -> None:
    with rolling(rig, stage) as rollout:
        cost = release_and_roll_back(rollout)
    kept = PROJECT / ".ltc" / f"rollout-{stage}.json"
    kept.write_text(json.dumps(asdict(cost), indent=1))

    assert cost.requests_failed == []
    assert cost.answers_wrong == []
    assert cost.violations == []
    assert cost.said_by_new > 0
    assert cost.said_by_old > 0
    assert max(cost.exits_s) < DEADLINE_S, cost


STORAGE = "services/quote-svc/src/quote_svc/storage.py"
SEGMENT = "services/quote-svc/src/quote_svc/migrations/versions/0006_segment.py"
RENAMED = """\
    op.execute("ALTER TABLE quote RENAME account_name TO customer")
    create_index("""
BREAKS = {
    "column renamed": [
        Edit(STORAGE, "    account_name: str", "    customer: str"),
        Edit(STORAGE, '"account_name": aggregate', '"customer": aggregate'),
        Edit(SEGMENT, "    create_index(", RENAMED),
    ],
    "next version of a fact instead of this": [
        Edit("libs/contracts/src/contracts/quote.py", "quote.accepted.v1", "quote.accepted.v2"),
    ],
}  # fmt: skip
"""What the migration linter and the contract gate refuse, had nobody asked them."""


@pytest.mark.parametrize("plant", BREAKS)
def test_rollout_test_detects_an_incompatible_change(
    rig: ControlledInstallation, plant: str
) -> None:
    """The test above can fail: both changes must make it fail."""
    with rolling(rig, "quote", BREAKS[plant]) as rollout:
        try:
            cost = release_and_roll_back(rollout, at_rest_within_s=20)
        except NotQuiescent as restless:
            seen = [str(restless)]
        else:
            seen = cost.requests_failed + cost.violations

    assert seen


def release_and_roll_back(rollout: Rollout, at_rest_within_s: float = DEADLINE_S) -> Cost:
    rig, stage = rollout.installation, rollout.stage
    calls, load = rollout.calls(), rollout.load(PER_S)
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
        quiesce(rig, journeys, within_s=at_rest_within_s)
    return Cost(
        service=stage,
        requests=calls.made + load.sent,
        requests_failed=calls.failed + load.unanswered(),
        journeys=len(journeys),
        answers_wrong=load.wrong,
        violations=violations(rig, load),
        longest_pause_s=longest_gap_s(rig, stage, began, ended),
        pause_before_s=longest_gap_s(rig, stage, quiet_from, began),
        slowest_journey_s=slowest_journey_s(rig, began, ended),
        slowest_before_s=slowest_journey_s(rig, quiet_from, began),
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


def said(rig: ControlledInstallation, stage: str, *, new: bool) -> int:
    """Facts that carry the new field, or those of the same kind that do not."""
    return int(rig.rows(stage, SAID, new)[0][0])
