"""The checker on a platform that works: it accuses nobody, and changes nothing."""

from __future__ import annotations

import asyncio

from cli.tests.small_installation import ORDERS, Chain, Loaded

from ltc.verify.hashing import database_hashes
from ltc.verify.run import Wish, check

CHECKS = 4


async def test_a_busy_platform_is_not_accused(loaded: Loaded, chain: Chain) -> None:
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
    at_rest = await check(chain.sources, Wish(settled=True, wait_s=20))

    assert captured > ORDERS
    assert [report.words() for report in reports] == [""] * CHECKS
    assert any(report.quiet for report in reports), "it was never seen at work"
    assert at_rest.words() == ""
    assert at_rest.quiet == ()


async def test_checking_changes_nothing_and_equal_content_has_an_equal_hash(chain: Chain) -> None:
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
