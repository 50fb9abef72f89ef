"""On-call work on the command line: through the console to the service, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
import uvicorn
from click.testing import Result
from fastapi import FastAPI
from typer.testing import CliRunner

from chassis.delivery import RawRecord
from chassis.issuer import create_issuer
from chassis.ops import bulk_runs
from chassis.timers import run_timer
from console.main import service as console_service
from console.peers import Peers
from contracts.ids import DealId, QuoteId
from contracts.lead import LeadQualified
from contracts.quote import QuoteSent
from contracts.samples import sample
from deal_svc.main import service as deal_service
from ltc.main import app as command_line
from ltc.on_call import FIRST
from testkit.harness import JOURNEY, KEY, Harness, as_record, harness

QUOTE = QuoteId(UUID(int=77))
PUBLISH = """
WITH gone AS (DELETE FROM outbox RETURNING *)
INSERT INTO event_log (published_at, seq, id, topic, key, aggregateid, aggregate_version, type,
                       headers, payload, created_at)
SELECT now(), seq, id, topic, key, aggregateid, aggregate_version, type, headers, payload,
       created_at FROM gone
"""


class Installation:
    """An issuer, a console and a deal-svc at the ports where `ltc` looks for them."""

    def __init__(self, deal: Harness, console: Harness) -> None:
        self.deal = deal
        self.console = console


def free_base() -> int:
    """A base whose ports are free: the issuer's, deal-svc's and the console's."""
    while True:
        base = random.randint(20_000, 50_000)
        try:
            for offset in (0, 1, 2, 10):
                with socket.socket() as door:
                    door.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base


@asynccontextmanager
async def served(app: FastAPI, port: int) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Installation]:
    base = free_base()
    monkeypatch.setenv("LTC_HOME", str(tmp_path))
    monkeypatch.setenv("LTC_PORT_BASE", str(base))
    key_file = tmp_path / "key.json"
    key_file.write_text(json.dumps(KEY.as_dict(private=True)), encoding="utf-8")
    async with AsyncExitStack() as stack:
        deal = await stack.enter_async_context(harness(deal_service, "deal_svc"))
        console = await stack.enter_async_context(harness(console_service, "console"))
        console.app.state.peers = Peers(
            {name: f"http://127.0.0.1:{base + n}" for name, n in (("deal", 2), ("lead", 1))}
        )
        issuer = create_issuer(key_file, deal.settings.oidc_issuer)
        for app, offset in ((issuer, 0), (deal.app, 2), (console.app, 10)):
            await stack.enter_async_context(served(app, base + offset))
        yield Installation(deal, console)
        await console.app.state.peers.close()


async def ltc(*words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, command_line, list(words))


async def told(*words: str) -> Any:
    result = await ltc(*words, "--json")
    assert result.exit_code == 0, result.stderr
    # The console answers from this very process, and logs that it has no Kafka here.
    [answer] = [line for line in result.stdout.splitlines() if '"logger":' not in line]
    return json.loads(answer)


def a_quote_sent(deal: UUID) -> RawRecord:
    fact = sample(QuoteSent).model_copy(update={"quote_id": QUOTE, "deal_id": DealId(deal)})
    return as_record(fact)


async def a_deal(deal: Harness) -> tuple[UUID, list[RawRecord]]:
    """A deal, and what was said of it, which is published."""
    await deal.receives(sample(LeadQualified))
    [(deal_id,)] = await deal.rows("SELECT id FROM deal")
    said = await deal.rows("SELECT topic, key, payload, headers::text FROM outbox ORDER BY seq")
    await deal.execute(PUBLISH)
    return deal_id, [
        RawRecord(
            row[0], 0, n, row[1].encode(), bytes(row[2]),
            [(name, value.encode()) for name, value in orjson.loads(row[3]).items()],
        )
        for n, row in enumerate(said)
    ]  # fmt: skip


async def test_oncall_message_is_found_edited_approved_and_handled(
    installation: Installation,
) -> None:
    deal = installation.deal
    deal_id, _ = await a_deal(deal)
    await deal.receives_raw(a_quote_sent(UUID(int=404)))

    listed = await ltc("dlq", "ls", "--json")
    assert listed.stderr.startswith("lead is away: "), listed.stderr
    [waiting] = json.loads(listed.stdout)
    assert (waiting["service"], waiting["key"]) == ("deal", str(QUOTE))
    [message] = await told("dlq", "show", str(QUOTE))
    assert json.loads(message["payload"])["deal_id"] == str(UUID(int=404))
    assert (await told("dlq", "retry", str(QUOTE), "--why", "try"))["status"] == "retrying"

    change = ("--set", f"deal_id={deal_id}", "--why", "wrong deal")
    alone = await ltc("dlq", "edit", str(QUOTE), *change, "--as", "On call")
    assert alone.exit_code == 1
    assert alone.stderr.strip() == "who proposed an edit does not decide about it"
    approved = await told("dlq", "edit", str(QUOTE), *change, "--as", "Second on call")
    assert (approved["status"], approved["decided_by_name"]) == ("approved", "Second on call")

    await deal.retry_parked()

    assert await deal.rows("SELECT count(*) FROM parked_key") == [(0,)]
    async with installation.console.client("auditor") as auditor:
        acts = (await auditor.get(f"/services/deal/ops/audit?journey_id={JOURNEY}")).json()
    assert [(a["action"], a["outcome"]) for a in acts["items"] if a["outcome"]] == [
        ("edit", "resolved"),
        ("retry", "failed_again"),
    ]


async def test_oncall_replay_accepts_any_number_of_the_journey(
    installation: Installation,
) -> None:
    deal_id, said = await a_deal(installation.deal)
    await installation.console.receives_raw(*said)

    whole = ("replay", "--journey", str(deal_id), "--why", "lost")
    dry = await told(*whole, "--dry-run")
    assert await installation.deal.rows("SELECT count(*) FROM outbox") == [(0,)]
    assert len(dry["facts"]) == len(said)
    event = dry["facts"][0]["event_id"]
    assert len((await told("replay", event, "--why", "lost"))["facts"]) == 1
    again = await ltc(*whole)
    assert again.stdout.endswith("are published again\n"), again.stderr

    rows = await installation.deal.rows("SELECT id, headers->>'ltc_replay' FROM outbox")
    assert [(str(row[0]), row[1]) for row in rows] == [
        (event, "1"),
        *((fact["event_id"], "1") for fact in dry["facts"]),
    ]


STORM = """
WITH lane AS (SELECT gen_random_uuid() AS id, n FROM generate_series(1, 1000) n),
     keys AS (
  INSERT INTO parked_key (consumer, topic, key, status, attempts, next_retry_at, error_class, error,
                          parked_at)
  SELECT 'deal-svc', 'ltc.quote.v1', id::text, 'dead', 6, now(), 'DependencyMissing',
         'deal ' || gen_random_uuid() || ' is missing', now() - interval '1 day' FROM lane)
INSERT INTO parked_message (consumer, event_id, topic, key, partition, kafka_offset, type, headers,
                            state, journey_id, parked_at)
SELECT 'deal-svc', gen_random_uuid(), 'ltc.quote.v1', id::text, 0, n, 'ltc.quote.sent.v1', '[]',
       'waiting', gen_random_uuid(), now() - interval '1 day' FROM lane
"""
"""A thousand keys that have waited longer than any other."""


async def test_oncall_parked_messages_of_a_journey_are_found_among_a_thousand_keys(
    installation: Installation,
) -> None:
    deal_id, said = await a_deal(installation.deal)
    await installation.console.receives_raw(*said)
    await installation.deal.execute(STORM)

    async def seen() -> tuple[str, list[dict[str, Any]], set[str]]:
        async with installation.console.client("ops") as ops:
            whole = (await ops.get(f"/journeys/{deal_id}")).json()
            listed = (await ops.get("/journeys")).json()["items"]
            found = (await ops.get("/search", params={"q": str(deal_id)})).json()["hits"]
        return whole["reason"]["code"], whole["parked"], {row["reason"] for row in listed + found}

    await installation.deal.receives_raw(a_quote_sent(UUID(int=404)))
    page = await told("stuck")
    assert (page["counts"]["DEAD_LETTERED"], page["at_least"]) == (200, ["DEAD_LETTERED", "PARKED"])
    assert "DEAD_LETTERED 200+" in (await ltc("stuck")).stdout, "not as if these were all"
    code, [waiting], _ = await seen()  # by its journey: the console knows of no such quote
    assert (code, waiting["key"], waiting["status"]) == ("PARKED", str(QUOTE), "retrying")
    await told("dlq", "skip", str(QUOTE), "--why", "wrong deal")

    cut = RawRecord("ltc.lead.v1", 0, 9, str(deal_id).encode(), b"{half a value", [])
    await installation.deal.receives_raw(cut)  # by its key: it names no journey
    code, [dead], rows = await seen()
    assert (code, dead["key"], dead["status"]) == ("DEAD_LETTERED", str(deal_id), "dead")
    assert rows == {"DEAD_LETTERED"}
    await told("dlq", "skip", str(deal_id), "--why", "no fact")

    body = {"topic": "ltc.lead.v1", "key": str(deal_id), "reason": "look first"}
    async with installation.deal.client("ops") as ops:
        assert (await ops.post("/ops/park", json=body)).status_code == 201
    code, [held], rows = await seen()
    assert (code, held["status"], held["messages"]) == ("PARKED", "held", 0)
    assert rows == {"PARKED"}

    letters = await told("dlq", "given-up", "--service", "deal")
    assert [letter["key"] for letter in letters] == [str(deal_id), str(QUOTE)]
    in_words = (await ltc("dlq", "given-up", str(deal_id), "--service", "deal")).stdout
    assert "{half a value" in in_words
    assert "Undecodable: ce_time is missing" in in_words


async def test_oncall_bulk_action_is_followed_to_its_end(
    installation: Installation,
) -> None:
    deal = installation.deal
    await deal.execute(STORM)
    acting = asyncio.create_task(run_timer(deal.database, bulk_runs.timer("deal-svc")))
    try:
        [group] = json.loads((await ltc("dlq", "failures", "--json")).stdout)
        assert (group["service"], group["keys"]) == ("deal", 1000)
        many = ("--group", group["fingerprint"], "--reason", "known", "--per-second", "1000")
        dry = await told("dlq", "skip", *many, "--dry-run")
        assert (dry["dry_run"], dry["keys"]) == (True, 1000)
        assert await deal.rows("SELECT count(*) FROM bulk_run") == [(0,)]
        retried = await told("dlq", "retry", *many)
        assert (retried["status"], retried["acted"], retried["left"]) == ("done", 1000, 0)
        await deal.execute("UPDATE parked_key SET status = 'dead'")
        offered = await told("dlq", "skip", *many)
        approval = ("dlq", "approve-skip", offered["id"], "--service", "deal", "--reason", "agreed")
        alone = await ltc(*approval, "--as", FIRST)
        skipped = await ltc(*approval)
        gone = await ltc("dlq", "skip", *many)
    finally:
        acting.cancel()

    assert (offered["status"], offered["keys"]) == ("proposed", 1000)
    assert (alone.exit_code, "does not approve it" in alone.stderr) == (1, True)
    assert skipped.exit_code == 0, skipped.stderr
    assert skipped.stdout.splitlines()[-1] == "1000 keys of deal were given up"
    assert "1000 of 1000 keys, done" in skipped.stderr, "how far it is, as it goes"
    assert await deal.rows("SELECT count(*) FROM parked_key") == [(0,)]
    assert gone.exit_code == 1
    assert "`ltc dlq failures` shows what does" in gone.stderr


async def test_oncall_key_is_held_before_its_first_message_and_released(
    installation: Installation,
) -> None:
    deal = installation.deal
    place = ("--service", "deal", "--topic", "ltc.quote.v1")
    held = await told("dlq", "hold", str(QUOTE), *place, "--why", "wrong price list")
    assert held["status"] == "held"
    again = await ltc("dlq", "hold", str(QUOTE), "--why", "again")
    assert (again.exit_code, again.stderr.strip()) == (
        1,
        f"{QUOTE} of ltc.quote.v1 is held already",
    )
    deal_id, _ = await a_deal(deal)
    await deal.receives_raw(a_quote_sent(deal_id))
    assert await deal.rows("SELECT status FROM parked_key") == [("held",)]
    released = await ltc("dlq", "release", str(QUOTE), "--why", "put right")
    assert released.stdout.splitlines()[-1] == f"{QUOTE} is released: what waited is handled"
    await deal.retry_parked()

    assert await deal.rows("SELECT count(*) FROM parked_key") == [(0,)]
    acts = await deal.rows("SELECT action, reason FROM audit ORDER BY id")
    assert acts == [("hold", "wrong price list"), ("release", "put right")]


async def test_oncall_error_is_one_sentence_and_an_exit_code(installation: Installation) -> None:
    async def refused(*words: str) -> str:
        result = await ltc(*words)
        assert result.exit_code in (1, 2), result.stdout
        return result.stderr.strip()

    nothing = "nothing waits for x: `ltc dlq ls` shows what does"
    assert await refused("dlq", "skip", "x", "--why", "y") == nothing
    assert "give --set PATH=VALUE or --file FILE" in await refused("dlq", "edit", "x", "--why", "y")
    assert "name a key or a --group" in await refused("dlq", "retry", "--why", "y")
    assert "are for a --group" in await refused("dlq", "skip", "x", "--why", "y", "--dry-run")
    assert await refused("dlq", "hold", "x", "--why", "y") == nothing
    assert "name an event or a --journey" in await refused("replay", "--why", "y")
    assert "Missing option '--why'" in await refused("dlq", "skip", "x")


async def test_oncall_proxy_of_the_console_reaches_only_listed_routes(
    installation: Installation,
) -> None:
    async with (
        installation.console.client("ops") as ops,
        installation.console.client("auditor") as auditor,
    ):
        away = await ops.get("/services/lead/ops/parked")
        unknown = await ops.get("/services/mars/ops/parked")
        elsewhere = [
            (await ops.get(f"/services/deal/ops/{path}")).status_code
            for path in ("../deals", "parked/../../deals", "replay", "parked/a/b/retry", "%2e%2e/x")
        ]
        wrong = await ops.post("/services/deal/ops/park", json={"topic": "x"})
        looks = await auditor.post("/services/deal/ops/park", json={})
        merged = [(await ops.get(path)).json() for path in ("/failures", "/parked", "/bulk")]

    assert away.status_code == 502
    assert away.headers["content-type"] == "application/problem+json"
    assert away.json()["detail"].startswith("lead is away: ")
    assert unknown.status_code == 404
    assert elsewhere == [404] * 5
    assert (wrong.status_code, wrong.headers["content-type"]) == (422, "application/problem+json")
    assert looks.status_code == 403
    for answer in merged:
        who = {asked["service"]: asked["status"] for asked in answer["asked"]}
        assert (answer["items"], who) == ([], {"deal": "ok", "lead": "away"})
