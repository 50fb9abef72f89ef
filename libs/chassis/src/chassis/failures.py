"""Whose fault a failure is: the surroundings' (wait and repeat) or the message's (park its key)."""

from __future__ import annotations

import asyncio

import asyncpg
from aiokafka.errors import KafkaError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis.domain import Conflict, FactTooLarge

_TRANSIENT = (
    "40",  # serialisation failure, deadlock
    "53",  # disk full, out of memory, too many connections
    "55P03",  # lock not available
    "57",  # cancelled, shut down, crashed
    "58",  # I/O error of the server
    "08",  # connection
    "25P03",  # idle in transaction too long
)


class Systematic(Exception):
    """So many different keys fail alike that the messages are not to blame."""


_OUTDATED = (
    asyncpg.exceptions.InvalidCachedStatementError,
    asyncpg.exceptions.OutdatedSchemaCacheError,
)
"""A migration changed a table that this connection had a statement for: it is prepared anew."""


def sqlstate(error: BaseException) -> str:
    """PostgreSQL's code of an error, empty when it has none."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) or ""


_UNSTORABLE = (
    "22",  # the value is outside of what its type holds
    "54",  # a row or an index entry is too large
)


def cannot_pass(error: BaseException) -> bool:
    """Whether the same message fails alike however often it is tried: a value of it can be neither
    computed with nor stored."""
    if isinstance(error, OverflowError | UnicodeError | FactTooLarge):
        return True
    original = getattr(error, "orig", error)
    return isinstance(original, asyncpg.DataError) or sqlstate(error).startswith(_UNSTORABLE)


def is_infrastructure(error: BaseException) -> bool:
    """Whether repeating the same work later may succeed without anybody touching the message."""
    if isinstance(error, asyncpg.PostgresError):
        return sqlstate(error).startswith(_TRANSIENT) or isinstance(error, _OUTDATED)
    if isinstance(error, asyncpg.InternalClientError):
        return True  # so says the driver of a connection that its server has just given up
    if isinstance(error, asyncpg.InterfaceError):
        return not isinstance(error, ValueError)  # a value that the driver cannot send is no fault
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
            return True
        return sqlstate(error).startswith(_TRANSIENT)
    return isinstance(
        error,
        Systematic
        | Conflict
        | PoolTimeout
        | KafkaError
        | ConnectionError
        | TimeoutError
        | asyncio.TimeoutError
        | OSError,
    )
