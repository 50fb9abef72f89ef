"""Logs as JSON lines, joined to traces, journeys, events and aggregates.

A line holds ids, never people: what an exception says of the values it choked on is left out.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import traceback
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

import orjson
from asyncpg import PostgresError
from pydantic import ValidationError
from sqlalchemy.exc import StatementError

from chassis.telemetry import current_ids, handling

MESSAGE_LENGTH = 500
"""Characters of an exception's message that a line keeps."""
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_ROUTED = ("uvicorn", "faststream", "aiokafka", "fastapi", "sqlalchemy", "alembic", "httpx")
_QUIET = ("aiokafka", "faststream", "uvicorn.access", "httpx", "httpcore", "alembic")

_bound: ContextVar[dict[str, object]] = ContextVar("bound")
_BREAKS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_NOTHING: dict[str, object] = {}


class bind:  # noqa: N801 - reads as the verb it is: ``with bind(journey_id=…):``
    """Add fields to every line written inside: ``with bind(journey_id=…, event_id=…):``."""

    __slots__ = ("_fields", "_token")
    _token: Token[dict[str, object]]

    def __init__(self, **fields: object) -> None:
        self._fields = fields

    def __enter__(self) -> None:
        outer = _bound.get(_NOTHING)
        self._token = _bound.set({**outer, **self._fields} if outer else self._fields)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        _bound.reset(self._token)


def describe(error: BaseException, *, length: int = MESSAGE_LENGTH) -> str:
    """What went wrong, without the values that people gave: they may be about people."""
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_input=False, include_context=False)
        said = "; ".join(f"/{'/'.join(map(str, e['loc']))}: {e['type']}" for e in found)
    elif isinstance(error, StatementError) and error.orig is not None:
        # The lines after the first repeat rows and parameters.
        said = f"{type(error.orig).__name__}: {str(error.orig).partition(chr(10))[0]}"
    elif isinstance(error, PostgresError):
        said = error.message or _of_driver(error)  # its detail repeats values
    else:
        said = str(error)
    return f"{type(error).__name__}: {said[:length]}"


def _of_driver(error: PostgresError) -> str:
    """What the driver says of a value that it could not send, without the value: ``invalid input
    for query argument $1: 99 (value out of int32 range)``."""
    told = str(error)
    reason = told.rpartition("(")[2].rstrip(")") if told.endswith(")") else ""
    return f"{told.partition(': ')[0]} ({reason})" if reason else told.partition(": ")[0]


def _story(error: BaseException | None) -> str:
    """The error and what led to it, latest first, with the stack of each."""
    parts: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        parts.append(describe(error) + "\n" + "".join(traceback.format_tb(error.__traceback__)))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\ncaused by ".join(part.rstrip("\n") for part in parts)


class JsonFormatter(logging.Formatter):
    """One object per line; what is bound, and what a caller passes as ``extra``, are its fields."""

    def __init__(self, service: str, instance: str) -> None:
        super().__init__()
        self._service = service
        self._instance = instance

    def fields(self, record: logging.LogRecord) -> dict[str, object]:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = f"{record.msg} (its arguments do not fit)"
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "ts": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "service": self._service,
            "instance": self._instance,
            "message": message,
        }
        ids = current_ids()
        if ids is not None:
            line["trace_id"], line["span_id"] = ids
        handled = handling.get()
        if handled is not None:
            line |= handled._asdict()
        for name, value in (*_bound.get(_NOTHING).items(), *vars(record).items()):
            if name not in _STANDARD:
                line.setdefault(name, value)
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = _story(record.exc_info[1])
        return line

    def format(self, record: logging.LogRecord) -> str:
        line = self.fields(record)
        try:
            written = orjson.dumps(line, default=str).decode()
        except TypeError:  # half a character, or a number beyond 64 bits
            written = json.dumps(line, default=str)
        # JSON leaves these as they are, and some readers of lines break there.
        return written if written.isascii() else written.translate(_BREAKS)


class PlainFormatter(JsonFormatter):
    """For a person at a terminal; still one line per record, and none of them forged."""

    def format(self, record: logging.LogRecord) -> str:
        line = self.fields(record)
        about = {k: v for k, v in line.items() if k not in _PLAIN_HEAD}
        told = "".join(f" {name}={value}" for name, value in about.items() if name != "exception")
        head = f"{line['ts']} {line['level']:<7} {line['logger']}: {line['message']}{told}"
        head = "".join(c if c.isprintable() else repr(c)[1:-1] for c in head)
        return f"{head}\n{line['exception']}" if "exception" in line else head


_PLAIN_HEAD = frozenset({"ts", "level", "logger", "service", "instance", "message"})


class StandardOutput(logging.StreamHandler[TextIO]):
    """Writes to whatever ``sys.stdout`` is at the time."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


def setup_logging(
    service: str, level: str = "INFO", *, json: bool = True, instance: str = ""
) -> None:
    """Send everything to standard output, one line each; hush the libraries that chatter."""
    named = instance or os.environ.get("LTC_INSTANCE") or f"{socket.gethostname()}-{os.getpid()}"
    handler = StandardOutput()
    handler.setFormatter((JsonFormatter if json else PlainFormatter)(service, named))
    root = logging.getLogger()
    # Handlers that others attached to watch (a test's, say) stay.
    kept = [h for h in root.handlers if type(h) not in (StandardOutput, logging.StreamHandler)]
    root.handlers[:] = [*kept, handler]
    root.setLevel(level)
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in _ROUTED:
            routed = logging.getLogger(name)
            routed.handlers.clear()
            routed.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
