"""Lost data is detected, reported once, and restored by a replay of what producers keep."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from uuid import UUID

import pytest

from local_infra.processes import run_sync
from ltc.settings import CONSOLE
from testkit.deadline import DEADLINE_S
from testkit.installation.controlled import NAMES
from testkit.installation.faulty import FaultyInstallation
from testkit.load import Load
from testkit.quiescence import lags, quiesce
from tests.guarantees import losses

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

BESIDE = "seen_at,created_at,updated_at,posted_at,revision,kafka_partition,kafka_offset"
"""Clocks of writing, how often a row was written, and places in Kafka."""
FOLDED = ("journey_event", "journey_key", "journey")


@pytest.fixture(scope="module")
def rig() -> Iterator[FaultyInstallation]:
    installation = FaultyInstallation.at("replay")
    try:
        installation.up()
        yield installation
    finally:
        installation.down()


def orders(rig: FaultyInstallation, seed: int, count: int, *, walks: int = 0) -> set[UUID]:
    """Web orders, accepted; they may not have come far."""
    file = rig.settings.home / f"history-{seed}.ndjson"
    load = Load(rig.settings, file, seed=seed, requests=count, per_s=40, walks=walks).start()
    journeys = load.finish()
    assert load.wrong == []
    return journeys


def heard_by_others(rig: FaultyInstallation, name: str) -> None:
    """Wait until nobody but one service has anything left to hear."""
    deadline = time.monotonic() + DEADLINE_S
    while (behind := run_sync(lags(rig))).keys() - {name}:
        assert time.monotonic() < deadline, behind
        time.sleep(0.3)


def folded(rig: FaultyInstallation) -> None:
    """Wait until every summary tells of all its facts."""
    deadline = time.monotonic() + DEADLINE_S
    while left := rig.rows(CONSOLE, "SELECT count(*) FROM unfolded")[0][0]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def state(rig: FaultyInstallation, name: str) -> dict[str, str]:
    """A hash of each table that facts make; when they were written is left out."""
    tables = [r.table().name for r in rig.service(name).repositories]
    tables += {"console": [*FOLDED], "billing": ["ledger_entry"]}.get(name, [])
    hashes = {}
    for table in tables:
        row = f"to_jsonb(t) - '{{{BESIDE}}}'::text[]"
        rows = rig.rows(name, f"SELECT ({row})::text AS row FROM {table} t ORDER BY 1")  # noqa: S608
        digest = hashlib.sha256("\n".join(r["row"] for r in rows).encode()).hexdigest()
        hashes[table] = f"{len(rows)} rows {digest[:16]}"
    return hashes


def test_replay_expired_records_stop_the_service_until_rebuild(rig: FaultyInstallation) -> None:
    quiesce(rig, orders(rig, 1, 20))
    rig.stop("deal")
    known = rig.rows("deal", "SELECT count(*) FROM deal")[0][0]
    unheard = orders(rig, 2, 20)
    heard_by_others(rig, "deal")
    losses.expire(rig, "ltc.lead.v1")

    said = losses.start_unready(rig, "deal")
    assert "are gone before deal-svc read them" in said
    assert said.endswith("nothing is heard until `ltc rebuild deal-svc` has run")
    assert rig.rows("deal", "SELECT count(*) FROM deal")[0][0] == known

    outcome = losses.ltc(rig, "rebuild", "deal")
    assert outcome["fed"] == outcome["missing"] > 0
    losses.ready_again(rig, "deal")
    quiesce(rig, unheard)
    assert rig.log("deal").count("nothing is heard until") == 1, "said once"
    audited = rig.rows("deal", "SELECT action, object_id FROM audit WHERE action = 'rebuild'")
    assert [tuple(row) for row in audited] == [("rebuild", "deal-svc")]


def test_replay_lost_offsets_stop_the_service_until_rebuild(rig: FaultyInstallation) -> None:
    quiesce(rig, orders(rig, 3, 20))
    rig.stop("billing")
    unheard = orders(rig, 4, 20)
    losses.lose_offsets(rig, "billing")

    said = losses.start_unready(rig, "billing")
    assert "Kafka has lost the offset of billing-svc" in said

    outcome = losses.ltc(rig, "rebuild", "billing-svc")
    assert outcome["offsets_set"] == 24, "two topics of twelve partitions"
    losses.ready_again(rig, "billing")
    quiesce(rig, unheard)


def test_replay_of_all_topics_into_live_databases_changes_nothing(rig: FaultyInstallation) -> None:
    quiesce(rig, orders(rig, 5, 30, walks=1))
    before = {name: state(rig, name) for name in NAMES}
    rig.stop_all(NAMES)
    again = sum(losses.rewind(rig, name) for name in NAMES)
    rig.start_all(NAMES)
    quiesce(rig)

    assert again > 1000
    assert {name: state(rig, name) for name in NAMES} == before


def test_replay_rebuilds_an_emptied_projection_to_the_same_hash(rig: FaultyInstallation) -> None:
    quiesce(rig, orders(rig, 6, 30, walks=1))
    folded(rig)
    before = state(rig, CONSOLE)
    rig.stop(CONSOLE)
    rig.rows(CONSOLE, "TRUNCATE journey_event, journey_key, journey, unfolded, inbox")
    assert state(rig, CONSOLE) != before

    said = losses.start_unready(rig, CONSOLE)
    assert "restored from an older copy" in said
    losses.ltc(rig, "rebuild", CONSOLE)
    losses.ready_again(rig, CONSOLE)
    quiesce(rig)
    folded(rig)
    assert state(rig, CONSOLE) == before


@pytest.mark.parametrize("name", ["quote", "contract", "order", "billing"])
def test_replay_completes_a_database_restored_from_an_older_copy(
    rig: FaultyInstallation, name: str
) -> None:
    quiesce(rig, orders(rig, 7, 15))
    rig.stop(name)
    losses.copy_database(rig, name, "older")
    rig.start(name)
    quiesce(rig, orders(rig, 8, 15))
    before = {each: state(rig, each) for each in NAMES}
    said_before = rig.rows(name, "SELECT count(*) FROM event_log")[0][0]
    rig.stop(name)
    losses.restore(rig, name, "older")
    assert state(rig, name) != before[name]

    said = losses.start_unready(rig, name)
    assert "it was restored from an older copy" in said
    outcome = losses.ltc(rig, "rebuild", name)
    losses.ready_again(rig, name)
    quiesce(rig)

    assert outcome["own_forgotten"] == outcome["own_said_again"] > 0
    assert outcome["own_said_otherwise"] == 0, "in the same words, with the same numbers and times"
    assert {each: state(rig, each) for each in NAMES} == before
    assert rig.rows(name, "SELECT count(*) FROM event_log")[0][0] == said_before


def test_replay_continues_document_numbers_after_a_restore(
    rig: FaultyInstallation,
) -> None:
    quiesce(rig, orders(rig, 9, 5))
    series = rig.rows("billing", "SELECT series, next_value FROM number_series ORDER BY 1")
    rig.stop("billing")
    losses.restore(rig, "billing", "billing_clean")
    assert rig.rows("billing", "SELECT count(*) FROM number_series")[0][0] == 0
    losses.start_unready(rig, "billing")
    losses.ltc(rig, "rebuild", "billing", expect=(0, 1))
    losses.ready_again(rig, "billing")

    assert rig.rows("billing", "SELECT series, next_value FROM number_series ORDER BY 1") == series
    assert series[0]["next_value"] > 1


def test_replay_names_actions_that_no_event_can_restore(
    rig: FaultyInstallation,
) -> None:
    quiesce(rig, orders(rig, 10, 5))
    rig.stop("lead")
    losses.copy_database(rig, "lead", "older")
    rig.start("lead")
    quiesce(rig, orders(rig, 11, 5))
    rig.stop("lead")
    losses.restore(rig, "lead", "older")
    losses.start_unready(rig, "lead")

    outcome = losses.ltc(rig, "rebuild", "lead", expect=(1,))
    assert not outcome["complete"]
    assert outcome["own_not_derived"]["ltc.lead.captured.v1"] >= 5
    assert outcome["parked"] > 0, "what the deals said of those leads waits for them"
