"""The one strict reader of JSON that comes in: HTTP bodies, Kafka records and kept documents.

What it accepts can be read by every later reader, stored by PostgreSQL as ``jsonb`` and sent again.
Pure; raises `NotStrict` alone.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import orjson

MAX_DEPTH = 32
LONGEST_NUMBER = 64
"""Characters of a number. The shortest text of a double has at most 24."""
INTEGERS = range(-(2**63), 2**64)
"""The integers that a 64-bit reader keeps exactly."""

# An unfinished string takes all that is left, so that no scan begins anew within it.
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")
_NO_BRACKETS = bytes(c for c in range(256) if c not in b"[]{}")
_DIGITS = bytes(48 if 48 <= c <= 57 else c for c in range(256))
_MANY_DIGITS = b"0" * len(str(INTEGERS.stop))


class NotStrict(ValueError):
    """The bytes are not JSON that every reader understands alike; ``kind`` names the fault, and
    ``pointer`` (RFC 6901) the value, where one value is at fault."""

    def __init__(self, kind: str, detail: str, pointer: str | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.pointer = pointer


@dataclass(frozen=True, slots=True)
class _Unkept:
    """Stands for a number that some reader would change, until its place is known."""

    why: str


def read(data: bytes) -> Any:
    """The value of a JSON text. Raises NotStrict for doubled fields, NUL, half characters, depth,
    NaN, infinity, and numbers that a reader would change.

    A text that the fast reader writes back byte for byte has none of these but NUL and depth, so
    that what services write themselves is parsed once, at the speed of that reader.
    """
    try:
        value = orjson.loads(data)
        if orjson.dumps(value) == data and b"\\u0000" not in data and not _deep(data):
            return value
    except (orjson.JSONDecodeError, TypeError):
        pass
    return _read_closely(data)


def screen(data: bytes) -> None:
    """Raise NotStrict for what a typed reader would let into the fields that it knows: NUL and
    numbers beyond 64 bits. NaN is refused wherever it stands. Costs a few scans, no parsing."""
    if (
        b"\\u0000" in data
        or b"NaN" in data
        or b"Infinity" in data
        or _MANY_DIGITS in data.translate(_DIGITS)
    ):
        read(data)


def _deep(data: bytes) -> bool:
    """Whether brackets nest deeper than allowed. Each round takes away the innermost pairs."""
    left = data.translate(None, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not left:
            return False
        left = left.replace(b"{}", b"").replace(b"[]", b"")
    return bool(left)


def _read_closely(data: bytes) -> Any:
    """Read with every check; says what is wrong. For texts that are written in another way."""
    depth = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub(b"", data)):
        depth += 1 if bracket.group() in b"[{" else -1
        if depth > MAX_DEPTH:
            raise NotStrict("too-deep", f"JSON nested deeper than {MAX_DEPTH}")
    if _NUL.search(data):
        raise NotStrict("invalid-text", "text must not contain NUL characters")
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_once_each,
            parse_constant=_real,
            parse_float=_real,
            parse_int=_whole,
        )
    except NotStrict:
        raise
    except (ValueError, RecursionError) as error:
        raise NotStrict("invalid-json", str(error)) from error
    _refuse_unkept(value)
    if b"\\ud" in data.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise NotStrict("invalid-text", "text holds half a character") from error
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise NotStrict("duplicate-field", f"the field {twice!r} is given twice")
    return found


def _real(text: str) -> float | _Unkept:
    number = float(text) if len(text) <= LONGEST_NUMBER else math.nan
    vanished = number == 0 and text.lower().partition("e")[0].strip("-0.") != ""
    if not math.isfinite(number) or vanished:
        return _Unkept(f"{text[:20]} is no number that every reader keeps")
    return number


def _whole(text: str) -> int | _Unkept:
    number = int(text) if len(text) <= LONGEST_NUMBER else INTEGERS.stop
    return number if number in INTEGERS else _Unkept(f"{text[:20]} is no number of 64 bits")


def _refuse_unkept(value: Any) -> None:
    """Raise NotStrict for a number that is not kept, with its place."""
    left = [("", value)]
    while left:
        pointer, found = left.pop()
        if isinstance(found, _Unkept):
            raise NotStrict("invalid-number", found.why, pointer)
        if isinstance(found, dict):
            left += [(f"{pointer}/{_escaped(name)}", inner) for name, inner in found.items()]
        elif isinstance(found, list):
            left += [(f"{pointer}/{n}", inner) for n, inner in enumerate(found)]


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
