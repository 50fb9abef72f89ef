"""How many events were delivered, and when the last one was: counted in every consumer's inbox.

An inbox has one row for each event that a consumer has applied, so what came twice counts once.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg

from ltc.settings import CONSOLE, HUB, SERVICES

if TYPE_CHECKING:
    from bench.platform import Platform

CONSUMED_WITHIN_S = 120.0
LOOK_S = 0.25
CALM_LOOKS = 6
"""Looks in a row that see nothing move: 1.5 s, several fetches of a consumer."""
APPLIED = "SELECT count(*) FROM inbox"
LATEST = "SELECT max(received_at) FROM inbox"
OUTBOX = "SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT 1000) waiting"
FED = "SELECT coalesce(max(position), 0) FROM feed WHERE position > (SELECT position FROM fold)"
UNFOLDED = "SELECT count(*) FROM (SELECT 1 FROM unfolded LIMIT 1000) waiting"


async def delivered(platform: Platform) -> int:
    """Events that all services and observers have applied so far."""
    return sum([int(await _value(platform, name, APPLIED)) for name in SERVICES])


async def quiet(platform: Platform) -> float:
    """Wait until every event is published, consumed and folded; since when, by `time.monotonic`."""
    until = time.monotonic() + CONSUMED_WITHIN_S
    connections = {name: await asyncpg.connect(platform.dsn(name)) for name in SERVICES}
    questions = [(name, OUTBOX) for name in SERVICES] + [(CONSOLE, UNFOLDED), (HUB, FED)]
    calm, since = 0, 0.0
    try:
        while calm < CALM_LOOKS:
            if time.monotonic() > until:
                raise TimeoutError(f"events wait after {CONSUMED_WITHIN_S:.0f} s")
            waiting = [await connections[name].fetchval(query) for name, query in questions]
            calm = 0 if any(waiting) else calm + 1
            since = time.monotonic() if calm <= 1 else since
            await asyncio.sleep(LOOK_S)
    finally:
        for connection in connections.values():
            await connection.close()
    return since


async def last_delivery(platform: Platform) -> datetime:
    """When the last event was applied."""
    latest = [await _value(platform, name, LATEST) for name in SERVICES]
    return max(moment for moment in latest if isinstance(moment, datetime))


async def _value(platform: Platform, name: str, query: str) -> object:
    connection = await asyncpg.connect(platform.dsn(name))
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
