"""Bugs that people really write are planted one by one; each must be detected.

The checker detects most of them on a small load, a caller detects one by a changed response, and
three fail a named test. The same load with all provocations and no bug violates nothing, so the
bug is the cause of what is detected.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from ltc.settings import PROJECT
from ltc.verify import Report
from testkit.installation.controlled import NAMES, ControlledInstallation
from testkit.load import Load, Mix
from testkit.quiescence import pending_work, quiesce, quiesces
from testkit.verification import check
from tests.guarantees import provoke
from tests.guarantees.conftest import Caught
from tests.guarantees.provoke import Provocation

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

REQUESTS = 50
PER_S = 20.0
CALLER = "caller"
"""Not a rule: somebody was answered otherwise than before."""
MIX = Mix(bulk=15, invalid=5, repeated=5, duplicate=5)


@dataclass(frozen=True)
class Bug:
    """Where a bug is planted, what brings it out, and the rules of which one must object."""

    stage: str
    provocation: Provocation
    rules: frozenset[str]
    waves: int = 1
    """How many loads, one after the other; the provocation falls into the first."""


def bug(stage: str, provocation: Provocation, *rules: str, waves: int = 1) -> Bug:
    return Bug(stage, provocation, frozenset(rules), waves)


BUGS = {
    # First, on topics that are whole: of a topic that was cut D2 asks nothing for a minute.
    "mark_before_ack": bug("lead", provoke.lose_broker, "D2"),
    "commit_offset_first": bug("deal", provoke.die("after_offset_commit"), "D4", "D7", "J2"),
    "latest": bug("deal", provoke.deploy, "D4", "D7", "J2", waves=2),
    "dual_write": bug("deal", provoke.nothing, "D3"),
    "lost_fact": bug("contract", provoke.nothing, "J2"),
    "drop_unknown": bug("contract", provoke.nothing, "D4", "J2"),
    "cursor_on_identity": bug("lead", provoke.dawdle, "D2", "D6", "D8"),
    "skip_locked": bug("lead", provoke.nothing, "D6"),
    "swallow_disk_full": bug("lead", provoke.fill_disk, "D1"),
    "double_allocation": bug("billing", provoke.nothing, "M6", "M7"),
    "gap_in_numbers": bug("billing", provoke.nothing, "M9"),
    "retry_unknown": bug("billing", provoke.pay_twice, CALLER, "M8", "M9", "D5"),
}
HARD_TIMES = (
    ("lead", provoke.dawdle),
    ("lead", provoke.fill_disk),
    ("billing", provoke.pay_twice),
    ("lead", provoke.lose_broker),
)
"""Every provocation that a bug above needs, at once."""
NAMED = {
    "skip_dedup": "libs/chassis/tests/test_inbox.py::test_inbox_drops_a_redelivered_message",
    "float_money": "libs/contracts/tests/test_money.py"
    "::test_money_scaling_rounds_half_away_from_zero",
    "no_access_filter": "services/lead-svc/tests/test_capture.py"
    "::test_lead_capture_refuses_other_roles",
}


def run(
    rig: ControlledInstallation,
    stage: str,
    provocation: Provocation,
    sabotage: str = "",
    waves: int = 1,
) -> tuple[Report, list[str]]:
    """A small load on clean data with one service as told: what the checker says of it, and what
    callers complain of."""
    rig.stop(stage)
    rig.start(stage, LTC_TEST_SABOTAGE=sabotage and f"tests.guarantees.sabotage:{sabotage}")
    rig.start_all([name for name in NAMES if not rig.running(name)])
    history = rig.settings.home / (sabotage or provocation.__name__) / "history.ndjson"
    loads = [
        Load(rig.settings, history, seed=7 + n, requests=REQUESTS, per_s=PER_S, mix=MIX)
        for n in range(waves)
    ]
    try:
        with rig.watching():
            try:
                loads[0].start()
                complaints = provocation(rig, stage)
            finally:
                journeys = loads[0].finish()
            for later in loads[1:]:
                journeys |= later.start().finish()
            if sabotage:
                quiesces(rig, journeys)
            else:
                quiesce(rig, journeys)
            complaints += [wrong for load in loads for wrong in load.wrong]
            return check(rig, loads[0], wait_s=0.1), complaints
    finally:
        waiting = pending_work(rig)
        elsewhere = {*waiting.outbox, *waiting.lag} - {stage}
        rig.reset(NAMES if elsewhere else [stage])


@pytest.mark.parametrize("name", BUGS)
def test_sabotage_bug_is_detected(rig: ControlledInstallation, caught: Caught, name: str) -> None:
    planted = BUGS[name]

    report, complaints = run(rig, planted.stage, planted.provocation, name, planted.waves)

    objected = report.red | ({CALLER} if complaints else set())
    words = [*complaints, *report.words().splitlines()]
    caught[name] = ", ".join(sorted(objected)), words[0] if words else ""
    assert objected & planted.rules, report.words()


def test_sabotage_provocations_without_a_bug_violate_nothing(rig: ControlledInstallation) -> None:
    def hard_times(rig: ControlledInstallation, _stage: str) -> list[str]:
        return [told for stage, provocation in HARD_TIMES for told in provocation(rig, stage)]

    report, complaints = run(rig, "lead", hard_times)

    assert report.good, report.words()
    assert complaints == []


@pytest.mark.parametrize("name", NAMED)
def test_sabotage_bug_is_detected_by_a_named_test(caught: Caught, name: str) -> None:
    command = [sys.executable, "-m", "tests.guarantees.sabotage", name, "-q", NAMED[name]]
    path = os.pathsep.join((str(PROJECT), str(PROJECT / "libs/chassis/tests")))

    ran = subprocess.run(
        command, cwd=PROJECT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )

    caught[name] = "test", NAMED[name]
    assert f"FAILED {NAMED[name]}" in ran.stdout, ran.stdout[-2000:] + ran.stderr[-2000:]
