"""A list of 100,000 journeys, scrolled and filtered.

Only visible rows are in the page, and the page is never busy for long.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from uuid import UUID

import asyncpg
import pytest
from anyio.from_thread import start_blocking_portal
from bench.journeys import copied
from playwright.sync_api import Page, expect

from testkit.actors.all_actors import ON_DELIVERY, Actors, a_company, wanted
from testkit.browser import BrowserWindow
from testkit.deadline import DEADLINE_S
from testkit.installation.supervised import SupervisedInstallation

pytestmark = pytest.mark.e2e

MANY = 100_000
MARK = "7"
MOST_ROWS = 80
"""In the page at once: those in view, a dozen above and below, and the heads."""
FAR = 1_000
"""Rows that are loaded while one scrolls."""
TURNS = 60
"""Of the wheel, ten a second: more where loading takes long."""
WATCH = """
window.busy = [];
new PerformanceObserver((seen) => window.busy.push(...seen.getEntries().map((e) => e.duration)))
  .observe({ type: "longtask", buffered: true });
"""


@pytest.fixture(scope="module")
def company(house: SupervisedInstallation, cast: Actors) -> Iterator[str]:
    """Whose name all the journeys have, with a number behind it."""
    name = a_company()
    deal = cast.rep.opens_deal(name, [wanted("SVC-ONBOARD", 1)], ON_DELIVERY)
    cast.oncall.sees_gate(deal["journey_id"], "proposal")
    with many_times(house, UUID(deal["journey_id"])):
        yield name


@contextmanager
def many_times(house: SupervisedInstallation, journey: UUID) -> Iterator[None]:
    @asynccontextmanager
    async def filled() -> AsyncIterator[None]:
        console = await asyncpg.connect(house.dsn("console"), command_timeout=600)
        try:
            async with copied(console, {journey: (MARK, MANY)}):
                yield
        finally:
            await console.close()

    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        stack.enter_context(portal.wrap_async_context_manager(filled()))
        yield


def test_journey_list_of_100000_scrolls_and_filters(desk: BrowserWindow, company: str) -> None:
    page = desk.page
    page.add_init_script(WATCH)
    desk.opens("/app/journeys")
    table = page.get_by_role("table")
    expect(table.get_by_role("row").nth(10)).to_be_visible()
    desk.settles()
    told = {"load": busy(page)}

    table.hover()
    furthest, turns, deadline = 0, 0, time.monotonic() + DEADLINE_S
    while turns < TURNS or furthest <= FAR:
        assert time.monotonic() < deadline, f"no more than {furthest} came while one scrolled"
        turns += 1
        page.mouse.wheel(0, 2_000)
        page.wait_for_timeout(100)
        assert table.get_by_role("row").count() <= MOST_ROWS
        furthest = max(furthest, last_row(page))
    told["scroll"] = busy(page)
    desk.settles()

    page.get_by_label("Number or customer").fill(f"{company} 7777")
    expect(table.get_by_role("row").nth(1)).to_contain_text("D-2026-77777")
    page.get_by_role("combobox", name="Stage").click()
    page.get_by_role("option", name="Deal").click()
    expect(table.get_by_role("row").nth(1)).to_contain_text("D-2026-77777")
    assert table.get_by_role("row").count() <= MOST_ROWS
    told["narrow"] = busy(page)

    for what, tasks in told.items():
        longest = f"{max(tasks, default=0):.0f}"
        print(f"{what}: {len(tasks)} tasks over 50 ms, the longest {longest} ms")  # noqa: T201 - a figure
    print(f"scrolled to row {furthest} of {MANY}")  # noqa: T201 - a figure


def busy(page: Page) -> list[float]:
    """How long the page was busy at a time, in milliseconds, since it was last asked."""
    found: list[float] = page.evaluate("() => window.busy.splice(0)")
    return found


def last_row(page: Page) -> int:
    rows = "[...document.querySelectorAll('[role=row]')].map((row) => Number(row.ariaRowIndex))"
    found: int = page.evaluate(f"() => Math.max(...{rows})")
    return found
