"""What a try of a message came to: when, at which version, and why it failed. Values that people
gave are left out, as in a log."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from chassis.logging import describe

KEPT = 20
"""Of one message, its last tries; the stack of the newest alone."""
STACK_LENGTH = 8_000
MESSAGE_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class Process:
    """Who tries: a failure belongs to a version."""

    version: str = ""
    instance: str = ""


def why(error: BaseException) -> str:
    """The message of an error, without values that may be about people."""
    told = describe(error, length=MESSAGE_LENGTH).partition(": ")[2]
    # Half a character can be neither stored nor sent.
    return told.replace("\0", "").encode("utf-8", "backslashreplace").decode()


def failed(error: BaseException, at: datetime, by: Process) -> str:
    """A try that failed, as it is kept."""
    stack = "".join(traceback.format_tb(error.__traceback__)).replace("\0", "")
    return orjson.dumps(
        {
            "at": at,
            "error_class": type(error).__name__,
            "error": why(error),
            "service_version": by.version,
            "instance": by.instance,
            # The end is where it happened.
            "stack": stack[-STACK_LENGTH:] or None,
        }
    ).decode()


NOTE = f"""
UPDATE parked_message SET tries = coalesce((
  SELECT jsonb_agg(t || '{{"stack": null}}' ORDER BY n) FROM (
    SELECT t, n FROM jsonb_array_elements(tries) WITH ORDINALITY AS e(t, n)
    ORDER BY n DESC LIMIT {KEPT - 1}) last), '[]') || $3::jsonb
WHERE consumer = $1 AND event_id = $2
"""  # noqa: S608 - a constant of this module


def versions(types: Sequence[str], event_type: str | None) -> tuple[int | None, list[int]]:
    """The version of a type, ``ltc.deal.won.v1``, and those of the same fact among these types."""
    name, version = _split(event_type or "")
    same = [v for n, v in map(_split, types) if n == name and v is not None]
    return version, sorted(same)


def _split(event_type: str) -> tuple[str, int | None]:
    name, _, version = event_type.rpartition(".v")
    return name, int(version) if version.isascii() and version.isdigit() else None
