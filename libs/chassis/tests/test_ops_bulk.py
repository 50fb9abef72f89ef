"""The ops API on many parked keys: groups by error, bulk retry and skip at a requested rate."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from box_service import LabelPrinted, announced, printed

from chassis.ops import bulk_runs
from testkit.harness import Harness, as_record

KEYS = 12
SECOND_PERSON = "urn:ltc:problem:second-person-needed"
AGREED = {"reason": "seen, they are worthless"}


def a_label(n: int) -> LabelPrinted:
    """A label of a box that never arrives."""
    return printed(1, UUID(int=500 + n), UUID(int=1000 + n))


@pytest.fixture
async def failing(box_svc: Harness) -> Harness:
    """box-svc with keys that wait for boxes that never arrive, and one undecodable message."""
    for n in range(KEYS):
        await box_svc.receives(a_label(n))
    broken = as_record(announced())
    await box_svc.receives_raw(type(broken)(broken.topic, 0, 1, b"k", b"{}", broken.headers))
    return box_svc


async def the_group(ops: httpx.AsyncClient) -> dict[str, Any]:
    group: dict[str, Any] = (await ops.get("/ops/failures")).json()[0]
    return group


async def acted_at(under_test: Harness, now: datetime) -> int:
    """Let one instance act on its next portion at this instant; the number of keys."""
    async with under_test.transaction(now=now) as tx:
        return await bulk_runs.act_on_portion(tx, under_test.service.consumer.group)


class Killed(Exception):
    """The process is killed before its commit."""


async def killed_in_the_middle(under_test: Harness, now: datetime) -> None:
    async with under_test.transaction(now=now) as tx:
        assert await bulk_runs.act_on_portion(tx, under_test.service.consumer.group) > 0
        raise Killed


async def proposed(ops: httpx.AsyncClient, action: str, **how: Any) -> dict[str, Any]:
    fingerprint = (await the_group(ops))["fingerprint"]
    body = {"reason": "the boxes exist now", **how}
    answer = await ops.post(f"/ops/failures/{fingerprint}/{action}", json=body)
    assert answer.status_code == 202, answer.text
    run: dict[str, Any] = answer.json()
    return run


async def begun(
    under_test: Harness, ops: httpx.AsyncClient, action: str = "retry", **how: Any
) -> str:
    """A run under way; a skip as a second person approved it."""
    run = await proposed(ops, action, **how)
    if run["status"] == "proposed":
        async with under_test.client("ops", sub="u-2", name="Grace Hopper") as second:
            answer = await second.post(f"/ops/bulk/{run['id']}/approve", json=AGREED)
        assert answer.status_code == 200, answer.text
    return str(run["id"])


async def test_ops_failures_group_keys_with_the_same_error(failing: Harness) -> None:
    async with failing.client("ops") as ops:
        groups = (await ops.get("/ops/failures")).json()

    assert [(g["error_class"], g["keys"], g["messages"]) for g in groups] == [
        ("DependencyMissing", KEYS, KEYS),
        ("Undecodable", 1, 1),
    ]
    assert groups[0]["type"] == LabelPrinted.name
    assert groups[0]["new_since_retry"] == KEYS


async def test_ops_bulk_dry_run_counts_and_changes_nothing(failing: Harness) -> None:
    async with failing.client("ops") as ops:
        group = await the_group(ops)
        dry = {"reason": "look", "dry_run": True, "limit": 5}
        answer = await ops.post(f"/ops/failures/{group['fingerprint']}/skip", json=dry)
        unknown = await ops.post("/ops/failures/none/skip", json=dry)

    assert answer.status_code == 200
    assert answer.json() == {
        "id": None,
        "status": None,
        "dry_run": True,
        "keys": 5,
        "messages": 5,
    }
    assert unknown.status_code == 404
    assert await failing.rows("SELECT count(*) FROM bulk_run") == [(0,)]
    assert await acted_at(failing, datetime.now(UTC)) == 0


async def test_ops_bulk_retry_keeps_the_requested_rate_with_two_instances(failing: Harness) -> None:
    """Two instances look for work all the time; the test sets the clock."""
    async with failing.client("ops") as ops:
        run = await begun(failing, ops, per_second=4)
        begin = datetime.now(UTC)
        done = [0]
        for tick in range(30):
            now = begin + timedelta(seconds=tick * 0.1)
            both = await asyncio.gather(acted_at(failing, now), acted_at(failing, now))
            done.append(done[-1] + sum(both))
        shown = (await ops.get(f"/ops/bulk/{run}")).json()
        fresh = await the_group(ops)

    for tick, acted in enumerate(done[1:]):
        allowed = 4 * tick * 0.1 + 4 * bulk_runs.PORTION_S
        assert acted <= allowed + 1e-9, f"{acted} after {tick * 0.1:.1f} s"
    assert shown["acted"] == KEYS
    assert fresh["new_since_retry"] == 0
    reset = await failing.rows("SELECT count(*) FROM parked_key WHERE attempts = 0")
    assert reset == [(KEYS,)]


async def test_ops_bulk_run_continues_after_a_crash(failing: Harness) -> None:
    """Another instance repeats an uncommitted portion; no key is acted on twice."""
    async with failing.client("ops") as ops:
        run = await begun(failing, ops, "skip", per_second=8)
    begin = datetime.now(UTC)
    assert await acted_at(failing, begin) == 4
    with pytest.raises(Killed):
        await killed_in_the_middle(failing, begin + timedelta(seconds=1))

    async with failing.client("ops") as ops:
        assert (await ops.get(f"/ops/bulk/{run}")).json()["left"] == KEYS - 4
        for second in range(1, 10):
            await acted_at(failing, begin + timedelta(seconds=second))
        shown = (await ops.get(f"/ops/bulk/{run}")).json()

    assert (shown["status"], shown["acted"], shown["left"]) == ("done", KEYS, 0)
    assert await failing.rows("SELECT count(*) FROM audit WHERE action = 'skip'") == [(KEYS,)]
    assert await failing.rows("SELECT count(*) FROM parked_key") == [(1,)]


async def test_ops_bulk_skip_waits_for_a_second_person(failing: Harness) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    async with (
        failing.client("ops") as first,
        failing.client("ops", sub="u-2", name="Grace Hopper") as second,
        failing.client("auditor", sub="u-3") as third,
    ):
        run = await proposed(first, "skip")
        path = f"/ops/bulk/{run['id']}"
        before = await acted_at(failing, later)
        own = await first.post(f"{path}/approve", json=AGREED)
        reader = await third.post(f"{path}/approve", json=AGREED)
        resumed = await second.post(f"{path}/resume", json=AGREED)
        still = await acted_at(failing, later)
        approved = await second.post(f"{path}/approve", json=AGREED)
        again = await second.post(f"{path}/approve", json=AGREED)
        acted = await acted_at(failing, later)
        refused = await proposed(first, "skip")
        await first.post(f"/ops/bulk/{refused['id']}/cancel", json=AGREED)
        late = await second.post(f"/ops/bulk/{refused['id']}/approve", json=AGREED)

    assert (run["status"], run["keys"], before, still) == ("proposed", KEYS, 0, 0)
    assert (own.status_code, own.json()["type"]) == (403, SECOND_PERSON)
    assert (reader.status_code, resumed.status_code) == (403, 409)
    assert (approved.status_code, approved.json()["status"]) == (200, "running")
    assert (again.status_code, late.status_code) == (409, 409)
    assert acted > 0
    assert await failing.rows(
        "SELECT action, actor_name FROM audit WHERE object_type = 'bulk' ORDER BY id"
    ) == [("approve", "Grace Hopper"), ("cancel", "Ada Lovelace")]


async def test_ops_bulk_run_is_paused_resumed_and_cancelled(failing: Harness) -> None:
    why = {"reason": "wait"}
    async with failing.client("ops") as ops:
        run = await begun(failing, ops, "skip", per_second=4)
        later = datetime.now(UTC)
        assert await acted_at(failing, later) == 2
        assert (await ops.post(f"/ops/bulk/{run}/pause", json=why)).json()["status"] == "paused"
        assert await acted_at(failing, later + timedelta(hours=1)) == 0
        assert (await ops.post(f"/ops/bulk/{run}/pause", json=why)).status_code == 409
        assert (await ops.post(f"/ops/bulk/{run}/resume", json=why)).status_code == 200
        assert await acted_at(failing, later + timedelta(hours=1)) == 2
        cancelled = (await ops.post(f"/ops/bulk/{run}/cancel", json=why)).json()
        assert await acted_at(failing, later + timedelta(hours=2)) == 0
        assert (await ops.post(f"/ops/bulk/{run}/resume", json=why)).status_code == 409

    assert (cancelled["status"], cancelled["acted"], cancelled["left"]) == (
        "cancelled",
        4,
        KEYS - 4,
    )


async def test_ops_bulk_skip_leaves_a_message_that_became_head_after_the_request(
    failing: Harness,
) -> None:
    """A person skipped the head meanwhile; the run does not touch the message behind it."""
    first = a_label(0)
    await failing.receives_raw(as_record(first, version=2))
    async with failing.client("ops") as ops:
        run = await begun(failing, ops, "skip", per_second=1000)
        parked = f"/ops/parked/{LabelPrinted.topic}/{first.label_id}"
        assert (await ops.post(f"{parked}/skip", json={"reason": "by hand"})).status_code == 200
        await acted_at(failing, datetime.now(UTC))
        shown = (await ops.get(f"/ops/bulk/{run}")).json()
        [left] = (await ops.get(parked)).json()

    assert (shown["acted"], shown["moved_on"]) == (KEYS - 1, 1)
    assert dict(left["headers"])["ce_sequence"].endswith("2")


async def test_ops_bulk_list_shows_unfinished_runs_first(failing: Harness) -> None:
    async with failing.client("ops") as ops:
        paused = await begun(failing, ops, per_second=1)
        await ops.post(f"/ops/bulk/{paused}/pause", json={"reason": "wait"})
        done = await begun(failing, ops, limit=2)
        for hours in (1, 2):
            await acted_at(failing, datetime.now(UTC) + timedelta(hours=hours))
        cancelled = await begun(failing, ops)
        await ops.post(f"/ops/bulk/{cancelled}/cancel", json={"reason": "no"})
        listed = (await ops.get("/ops/bulk")).json()
        newest = (await ops.get("/ops/bulk", params={"limit": 2})).json()
        one = (await ops.get(f"/ops/bulk/{done}")).json()

    assert [(run["id"], run["status"], run["keys"], run["acted"]) for run in listed] == [
        (paused, "paused", KEYS, 0),
        (cancelled, "cancelled", KEYS, 0),
        (done, "done", 2, 2),
    ]
    assert newest == listed[:2]
    assert one == listed[2]
