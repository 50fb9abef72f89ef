"""Ways to read an outbox that are known to lose, repeat or reorder facts: the property's controls.

Each is a plausible relay of a few lines. `test_relay_order` runs them beside ours on the same load
and requires that the load catches them; a property that no bad design can break proves nothing.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

Publish = Callable[[list[tuple[str, int]]], Awaitable[None]]
"""Send (key, version) pairs in order and wait for the acknowledgement."""


@dataclass(slots=True)
class State:
    """What a design remembers between rounds."""

    cursor: int = 0
    cursor_xid: int = 0
    seen: set[int] = field(default_factory=set)


Design = Callable[[AsyncConnection, State, Publish], Awaitable[int]]


async def cursor_on_identity(connection: AsyncConnection, state: State, publish: Publish) -> int:
    """``seq > last``: a transaction that commits late is skipped for ever."""
    rows = (
        await connection.exec_driver_sql(
            "SELECT seq, key, aggregate_version FROM outbox WHERE seq > $1 ORDER BY seq LIMIT 100",
            (state.cursor,),
        )
    ).all()
    await publish([(row[1], row[2]) for row in rows])
    if rows:
        state.cursor = rows[-1][0]
    return len(rows)


async def snapshot_xmin(connection: AsyncConnection, state: State, publish: Publish) -> int:
    """``xid < xmin`` ordered by (xid, seq): a transaction has its xid before it waits for the
    aggregate's lock, so the order of one aggregate is not kept."""
    rows = (
        await connection.exec_driver_sql(
            "SELECT xmin::text::bigint AS x, seq, key, aggregate_version FROM outbox"
            " WHERE xmin::text::bigint < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            " AND (xmin::text::bigint, seq) > ($1, $2)"
            " ORDER BY xmin::text::bigint, seq LIMIT 100",
            (state.cursor_xid, state.cursor),
        )
    ).all()
    await publish([(row[2], row[3]) for row in rows])
    if rows:
        state.cursor_xid, state.cursor = rows[-1][0], rows[-1][1]
    return len(rows)


async def row_skip_locked(connection: AsyncConnection, state: State, publish: Publish) -> int:
    """Rows ``FOR UPDATE SKIP LOCKED`` with several relays: two of them hold rows of one key."""
    rows = (
        await connection.exec_driver_sql(
            "SELECT seq, key, aggregate_version FROM outbox ORDER BY seq LIMIT 20"
            " FOR UPDATE SKIP LOCKED"
        )
    ).all()
    await publish([(row[1], row[2]) for row in rows])
    await connection.exec_driver_sql(
        "DELETE FROM outbox WHERE seq = ANY($1::bigint[])", ([row[0] for row in rows],)
    )
    return len(rows)


async def lock_and_read_in_one(connection: AsyncConnection, state: State, publish: Publish) -> int:
    """Shard lock and rows in one statement: the rows are read with a snapshot from before the
    lock was granted, so what the former holder published is published again."""
    rows = (
        await connection.exec_driver_sql(
            "WITH mine AS (SELECT shard FROM outbox_shard WHERE shard % 4 = $1"
            " ORDER BY shard FOR UPDATE)"
            " SELECT seq, key, aggregate_version FROM outbox"
            " WHERE shard IN (SELECT shard FROM mine) ORDER BY seq LIMIT 100",
            (random.randrange(4),),
        )
    ).all()
    await publish([(row[1], row[2]) for row in rows])
    await connection.exec_driver_sql(
        "DELETE FROM outbox WHERE seq = ANY($1::bigint[])", ([row[0] for row in rows],)
    )
    return len(rows)
