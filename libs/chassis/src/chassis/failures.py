"""Whose fault a failure is: the surroundings' (wait and repeat) or the message's (park its key)."""

from __future__ import annotations

import asyncio

from aiokafka.errors import KafkaError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis.domain import Conflict

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


def is_infrastructure(error: BaseException) -> bool:
    """Whether repeating the same work later may succeed without anybody touching the message."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
            return True
        state = getattr(error.orig, "sqlstate", None) or ""
        return state.startswith(_TRANSIENT)
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
