"""``ltc verify`` on a running platform: no false violation, and no change."""

from __future__ import annotations

import asyncio
from functools import partial

from aiokafka import AIOKafkaProducer
from cli.tests.verify.small_installation import ORDERS, Chain, Loaded

from contracts.ids import new_id
from ltc.settings import CONSOLE, HUB, STAGES
from ltc.verify.hashing import database_hashes
from ltc.verify.run import Wish, check
from testkit.deadline import DEADLINE_S
from testkit.service_instances import eventually

CHECKS = 4


async def test_verify_reports_no_violation_on_a_busy_platform(loaded: Loaded, chain: Chain) -> None:
    sent = 0

    async def send() -> None:
        nonlocal sent
        while True:
            await chain.capture(range(100 + sent, 110 + sent))
            sent += 10
            await asyncio.sleep(0.2)

    sending = asyncio.create_task(send())
    reports = [await check(chain.sources) for _ in range(CHECKS)]
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    captured = await chain.count("lead", "lead WHERE channel = 'website'")
    await chain.at_rest(captured + 1)
    at_rest = await check(chain.sources, Wish(settled=True, wait_s=DEADLINE_S))

    assert captured > ORDERS
    assert [report.words() for report in reports] == [""] * CHECKS
    assert any(report.quiet for report in reports), "it was never seen at work"
    assert at_rest.words() == ""
    assert at_rest.quiet == ()


async def test_verify_changes_nothing_and_equal_content_has_an_equal_hash(chain: Chain) -> None:
    before = await database_hashes(chain.sources)
    report = await check(chain.sources, Wish(only=["M1"]))
    after = await database_hashes(chain.sources)
    await chain.services["deal"].execute("UPDATE deal SET updated_at = now()")
    another_clock = await database_hashes(chain.sources)
    await chain.services["deal"].execute("UPDATE deal SET stage = 'needs'")
    another_content = await database_hashes(chain.sources)

    assert [finding.rule.code for finding in report.findings] == ["M1"]
    assert before == after == another_clock
    assert {s for s in before if before[s] != another_content[s]} == {"deal"}


async def test_verify_reports_an_undecodable_record_without_an_owner(
    chain: Chain, broker: str
) -> None:
    """An incomplete envelope names no event, so the position of the record identifies it."""
    named = [("ce_type", b"ltc.contract.signed.v1"), ("ce_id", str(new_id()).encode())]
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for n, headers in enumerate(([], named, [("ce_type", b""), ("ce_id", b"no id")])):
            await producer.send_and_wait(
                "ltc.contract.v1", b"{half a value", f"no-fact-{n}".encode(), headers=headers
            )

    async def set_aside(observer: str) -> int:
        return await chain.count(observer, "parked_message WHERE state = 'skipped'")

    for observer in (CONSOLE, HUB):
        await eventually(partial(set_aside, observer), 3)
    for name in STAGES:
        stage = chain.services[name]
        dead = "SELECT topic, key FROM parked_key WHERE status = 'dead'"
        expected = {"contract": 0, "lead": 0, "quote": 0}.get(name, 3)

        async def given_up(name: str = name) -> int:
            return await chain.count(name, "parked_key WHERE status = 'dead'")

        await eventually(given_up, expected)
        async with stage.client("ops") as ops:
            for topic, key in await stage.rows(dead):
                path = f"/ops/parked/{topic}/{key}/skip"
                assert (await ops.post(path, json={"reason": "no fact"})).is_success
    report = await check(chain.sources, Wish(settled=True, wait_s=DEADLINE_S))

    assert {f.rule.code for f in report.findings if f.count} == {"D3"}, report.words()
    assert report.quiet == ()
