"""Lists and searches of journeys, on real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.pool import QueuePool

from console.peers import Peers
from console.summaries import AT_ONCE
from contracts.deal import DealLost, DealOpened
from contracts.ids import AccountId, DealId, LeadId, new_id
from contracts.journey import LEAD_GATES
from contracts.lead import LeadCaptured
from contracts.parties import Account, Owner
from contracts.samples import sample
from testkit.harness import Harness, as_record
from testkit.service_instances import eventually

NOW = datetime.now(UTC)


async def folded(console_svc: Harness) -> None:
    while await console_svc.tick("fold_journeys"):
        pass


async def a_journey(
    console_svc: Harness,
    n: int,
    *,
    due_in: timedelta | None = None,
    seller: str | None = None,
    ago: timedelta = timedelta(hours=1),
) -> UUID:
    """A lead of company ``n``, at a gate when something is due; with a deal when somebody sells."""
    journey, lead_id = new_id(), LeadId(new_id())
    account = Account(account_id=AccountId(new_id()), name=f"客户 {n} 有限公司")
    facts: list[Any] = [
        sample(LeadCaptured).model_copy(
            update={"lead_id": lead_id, "number": f"L-2026-{n:06}", "account": account}
        )
    ]
    if due_in is not None:
        facts.append(
            LEAD_GATES.opened(
                aggregate_id=lead_id,
                number=f"L-2026-{n:06}",
                gate="qualification",
                owner="role:sales_rep" if n % 2 else "party:customer",
                opened_at=NOW - timedelta(days=9),
                due_at=NOW + due_in,
            )
        )
    for version, fact in enumerate(facts, start=1):
        await console_svc.receives_raw(
            as_record(fact, journey_id=journey, at=NOW - ago, version=version)
        )
    if seller is not None:
        owner = Owner(sub=seller, name=seller)
        deal = sample(DealOpened).model_copy(
            update={
                "deal_id": DealId(new_id()),
                "number": f"D-2026-{n:06}",
                "owner": owner,
                "account": account,
            }
        )
        await console_svc.receives_raw(as_record(deal, journey_id=journey, at=NOW - ago, version=1))
    return journey


async def test_stuck_list_is_sorted_by_delay(console_svc: Harness) -> None:
    late = await a_journey(console_svc, 1, due_in=-timedelta(days=5))
    later = await a_journey(console_svc, 2, due_in=-timedelta(days=8))
    waiting = await a_journey(console_svc, 3, due_in=timedelta(days=2))
    silent = await a_journey(console_svc, 4)
    await folded(console_svc)

    async with console_svc.client("ops") as ops:
        everything = (await ops.get("/stuck")).json()
        first = (await ops.get("/stuck", params={"limit": 2})).json()
        rest = (await ops.get("/stuck", params={"limit": 2, "after": first["next"]})).json()
        overdue = (await ops.get("/stuck", params={"over_sla": True})).json()
        human = (await ops.get("/stuck", params={"reason": "WAITING_HUMAN"})).json()
        nonsense = await ops.get("/stuck", params={"after": "bm9uc2Vuc2U"})

    ids = [UUID(item["journey_id"]) for item in everything["items"]]
    assert ids == [later, late, silent, waiting]
    assert [UUID(i["journey_id"]) for i in [*first["items"], *rest["items"]]] == ids
    assert rest["next"] is None
    assert [UUID(item["journey_id"]) for item in overdue["items"]] == [later, late]
    assert [UUID(item["journey_id"]) for item in human["items"]] == [late, waiting]
    assert everything["items"][0]["overdue_s"] > everything["items"][1]["overdue_s"] > 0
    assert everything["items"][2]["reason"] == "UNKNOWN"
    assert everything["counts"] == {
        "DEAD_LETTERED": 0,
        "PARKED": 0,
        "WAITING_HUMAN": 2,
        "WAITING_EXTERNAL": 1,
        "all": 4,
        "overdue": 2,
        "without_gate": 1,
    }
    assert everything["at_least"] == []
    assert nonsense.status_code == 400


@pytest.mark.parametrize(
    "asked", ["L-2026-000042", " l-2026-000042 ", "L-2026-00004", "客户 42", "42 有限", "客户 ４２"]
)
async def test_search_finds_a_journey_by_any_number_or_name(
    console_svc: Harness, asked: str
) -> None:
    wanted = await a_journey(console_svc, 42)
    await a_journey(console_svc, 77)
    await folded(console_svc)
    async with console_svc.client("ops") as ops:
        hits = (await ops.get("/search", params={"q": asked})).json()["hits"]
        listed = (await ops.get("/journeys", params={"q": "客户 ４２"})).json()["items"]
        nothing = [
            hit
            for q in ("100%", "％", "\uff3c")
            for hit in (await ops.get("/search", params={"q": q})).json()["hits"]
        ]
    assert [UUID(row["journey_id"]) for row in listed] == [wanted]
    assert [UUID(hit["journey_id"]) for hit in hits] == [wanted]
    assert hits[0]["customer"] == "客户 42 有限公司"
    assert nothing == []


async def test_search_finds_ids_of_journeys_events_and_traces_before_the_fold(
    console_svc: Harness,
) -> None:
    wanted = await a_journey(console_svc, 42)
    trace = new_id().hex
    await console_svc.execute("UPDATE journey_event SET trace_id = $1", trace)
    [(event,)] = await console_svc.rows("SELECT event_id FROM journey_event")
    async with console_svc.client("ops") as ops:
        for asked in (wanted, event, trace):
            hits = (await ops.get("/search", params={"q": str(asked)})).json()["hits"]
            assert [UUID(hit["journey_id"]) for hit in hits] == [wanted]


async def test_journey_list_shows_sellers_their_own_and_unassigned_journeys(
    console_svc: Harness,
) -> None:
    mine = await a_journey(console_svc, 1, seller="rep-1", ago=timedelta(hours=1))
    others = await a_journey(console_svc, 2, seller="rep-2", ago=timedelta(hours=2))
    nobodys = await a_journey(console_svc, 3, ago=timedelta(hours=3))
    await folded(console_svc)
    async with (
        console_svc.client("sales_rep", sub="rep-1") as rep,
        console_svc.client("ops") as ops,
    ):
        for path in ("/journeys", "/stuck"):
            seen = (await rep.get(path)).json()["items"]
            assert {UUID(item["journey_id"]) for item in seen} == {mine, nobodys}
        hits = (await rep.get("/search", params={"q": "客户"})).json()["hits"]
        assert {UUID(hit["journey_id"]) for hit in hits} == {mine, nobodys}
        assert (await rep.get("/search", params={"q": "D-2026-000002"})).json()["hits"] == []
        assert (await rep.get(f"/journeys/{others}")).status_code == 404
        whole = (await ops.get("/journeys")).json()["items"]
    assert [UUID(item["journey_id"]) for item in whole] == [mine, others, nobodys]


@pytest.mark.parametrize("path", ["/search?q=42", "/journeys", "/stuck", "/journeys/L-2026-000042"])
async def test_diagnosis_holds_no_database_connection_while_a_service_hangs(
    console_svc: Harness, path: str
) -> None:
    await a_journey(console_svc, 42)
    await folded(console_svc)
    asked, answered = asyncio.Event(), asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await answered.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    held = console_svc.database.engine.pool
    assert isinstance(held, QueuePool)
    peers = Peers({"quote": f"http://127.0.0.1:{port}"})
    async with server, console_svc.client("ops") as ops:
        console_svc.app.state.peers = peers
        try:
            page = asyncio.create_task(ops.get(path))
            await asked.wait()

            async def waiting() -> int:
                return held.checkedout()

            await eventually(waiting, 0)
            answered.set()
            assert (await page).status_code == 200
        finally:
            answered.set()
            del console_svc.app.state.peers
            await peers.close()


async def test_projection_folds_the_oldest_journey_first(
    console_svc: Harness,
) -> None:
    await a_journey(console_svc, 6)
    await console_svc.execute("DELETE FROM unfolded")
    crowd = "INSERT INTO unfolded SELECT uuidv7(), uuidv7() FROM generate_series(1, $1)"
    await console_svc.execute(crowd, 2 * AT_ONCE)
    await console_svc.execute("INSERT INTO unfolded SELECT journey_id, event_id FROM journey_event")

    await console_svc.tick("fold_journeys")

    assert len(await console_svc.rows("SELECT 1 FROM journey")) == 1


async def test_projection_is_unchanged_by_repeated_events(
    console_svc: Harness,
) -> None:
    journey = await a_journey(console_svc, 5, due_in=timedelta(days=1), seller="rep-1")
    await folded(console_svc)
    before = await console_svc.rows("SELECT * FROM journey")
    await console_svc.execute("INSERT INTO unfolded SELECT journey_id, event_id FROM journey_event")
    await folded(console_svc)
    assert await console_svc.rows("SELECT * FROM journey") == before

    lost = sample(DealLost).model_copy(update={"deal_id": DealId(new_id())})
    await console_svc.receives_raw(as_record(lost, journey_id=journey, at=NOW, version=1))
    async with console_svc.client("ops") as ops:
        behind = (await ops.get("/projection")).json()
        await folded(console_svc)
        caught_up = (await ops.get("/projection")).json()
        ended = (await ops.get("/journeys", params={"state": "ended"})).json()["items"]
    assert (behind["lag_facts"], caught_up["lag_facts"], caught_up["lag_s"]) == (1, 0, 0)
    assert [UUID(item["journey_id"]) for item in ended] == [journey]
    assert ended[0]["sentence"].startswith("Ended with deal.lost")
