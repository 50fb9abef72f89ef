"""Fifteen bugs that people really write are planted one by one; each must be caught.

Most are caught by the checker, on a load that is small and the same each time; three that the
design tolerates in the large are caught by a named test. The same load and the same provocations
without a bug are green, so that what is caught is the bug.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from ltc.settings import PROJECT
from ltc.verify import Report
from tests.guarantees import provoke
from tests.guarantees.conftest import Caught
from tests.guarantees.load import Load, Mix
from tests.guarantees.provoke import Provocation
from tests.guarantees.rest import come_to_rest, unrest
from tests.guarantees.rig import NAMES, Rig
from tests.guarantees.verdict import check

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

REQUESTS = 50
PER_S = 20.0
MIX = Mix(bulk=15, invalid=5, repeated=5, duplicate=5)


@dataclass(frozen=True)
class Bug:
    """Where a bug is planted, what brings it out, and the rules of which one must object."""

    stage: str
    provocation: Provocation
    rules: frozenset[str]


def bug(stage: str, provocation: Provocation, *rules: str) -> Bug:
    return Bug(stage, provocation, frozenset(rules))


BUGS = {
    "commit_offset_first": bug("deal", provoke.die("after_offset_commit"), "D4", "D7", "J2"),
    "latest": bug("deal", provoke.deploy, "D4", "D7", "J2"),
    "dual_write": bug("deal", provoke.nothing, "D3"),
    "lost_fact": bug("contract", provoke.nothing, "J2"),
    "drop_unknown": bug("contract", provoke.nothing, "D4", "J2"),
    "cursor_on_identity": bug("lead", provoke.dawdle, "D2", "D6", "D8"),
    "skip_locked": bug("lead", provoke.nothing, "D6"),
    "mark_before_ack": bug("lead", provoke.lose_broker, "D2"),
    "swallow_disk_full": bug("lead", provoke.fill_disk, "D1"),
    "double_allocation": bug("billing", provoke.nothing, "M6", "M7"),
    "gap_in_numbers": bug("billing", provoke.nothing, "M9"),
    "retry_unknown": bug("billing", provoke.pay_twice, "M8", "M9", "D5"),
}
CONTROLS = {
    "dawdle": ("lead", provoke.dawdle),
    "lose_broker": ("lead", provoke.lose_broker),
    "fill_disk": ("lead", provoke.fill_disk),
    "pay_twice": ("billing", provoke.pay_twice),
}
NAMED = {
    "skip_dedup": "libs/chassis/tests/test_inbox.py"
    "::test_a_message_that_comes_again_is_not_handled_again",
    "float_money": "libs/contracts/tests/test_money.py::test_scaling_rounds_half_up_away_from_zero",
    "no_access_filter": "services/lead-svc/tests/test_capture.py"
    "::test_a_caller_without_a_role_for_it_is_refused",
}


def run(rig: Rig, stage: str, provocation: Provocation, sabotage: str = "") -> Report:
    """A small load on clean data with one service as told; what the checker says of it."""
    rig.stop(stage)
    rig.start(stage, LTC_TEST_SABOTAGE=sabotage)
    rig.start_all([name for name in NAMES if not rig.running(name)])
    history = rig.settings.home / (sabotage or provocation.__name__) / "history.ndjson"
    load = Load(rig.settings, history, seed=7, requests=REQUESTS, per_s=PER_S, mix=MIX)
    try:
        with rig.watching():
            load.start()
            provocation(rig, stage)
            come_to_rest(rig, load.finish(within_s=60))
            return check(rig, load, wait_s=0.1)
    finally:
        waiting = unrest(rig)
        elsewhere = {*waiting.outbox, *waiting.lag} - {stage}
        rig.reset(NAMES if elsewhere else [stage])


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught_by_the_checker(rig: Rig, caught: Caught, name: str) -> None:
    planted = BUGS[name]

    report = run(rig, planted.stage, planted.provocation, name)

    caught[name] = ", ".join(sorted(report.red)), report.words().partition("\n")[0]
    assert report.red & planted.rules, report.words()


@pytest.mark.parametrize("name", CONTROLS)
def test_without_a_bug_the_same_provocation_harms_nothing(rig: Rig, name: str) -> None:
    report = run(rig, *CONTROLS[name])

    assert report.good, report.words()


@pytest.mark.parametrize("name", NAMED)
def test_a_planted_bug_is_caught_by_a_named_test(caught: Caught, name: str) -> None:
    command = [sys.executable, "-m", "tests.guarantees.sabotage", name, "-q", NAMED[name]]
    path = os.pathsep.join((str(PROJECT), str(PROJECT / "libs/chassis/tests")))

    ran = subprocess.run(
        command, cwd=PROJECT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )

    caught[name] = "test", NAMED[name]
    assert f"FAILED {NAMED[name]}" in ran.stdout, ran.stdout[-2000:] + ran.stderr[-2000:]
