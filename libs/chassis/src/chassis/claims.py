"""Locks on ids that may have no row yet.

A row lock covers only rows that exist. Where the decision depends on a row that does not exist (no
bank line has brought this money yet), two transactions can take it at the same moment. A repository
that is ``claimed`` therefore takes a shared advisory lock on every id it loads, and a command that
must be alone with some ids claims them first.

Ids share 256 locks, so that a command over many ids cannot fill PostgreSQL's lock table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zlib import crc32

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import bulk

if TYPE_CHECKING:
    from chassis.repository import Repository
    from chassis.transaction import Transaction

BUCKETS = 256

EXCLUSIVE = "SELECT pg_advisory_xact_lock($1, bucket) FROM unnest($2::int[]) bucket"
SHARED = "SELECT pg_advisory_xact_lock_shared($1, bucket) FROM unnest($2::int[]) bucket"


async def claim(tx: Transaction, repository: type[Repository[Any]], ids: Iterable[UUID]) -> None:
    """Wait for transactions that have loaded any of these ids, and keep others from loading them
    until this one ends. To be called before the ids are loaded."""
    await tx.read(EXCLUSIVE, *_locks(repository, ids))


async def share(
    connection: AsyncConnection, repository: type[Repository[Any]], ids: Iterable[UUID]
) -> None:
    """Wait for a transaction that has claimed any of these ids, and keep others from claiming them
    until this one ends. Transactions that share an id do not wait for each other."""
    await bulk.fetch(connection, SHARED, *_locks(repository, ids))


def _locks(repository: type[Repository[Any]], ids: Iterable[UUID]) -> tuple[int, list[int]]:
    """The first key of a table's locks, and the second keys in the one order of all callers."""
    space = crc32(repository.table().name.encode()) & 0x7FFFFFFF
    return space, sorted({crc32(one.bytes) % BUCKETS for one in ids})
