"""What a JSON body may hold: refuses what parsers, and PostgreSQL, disagree about."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any

from chassis.problems import Problem

MAX_DEPTH = 32

# An unfinished string takes all that is left, so that no scan begins anew within it.
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise Problem(422, f"the field {twice!r} is given twice", type="duplicate-field")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is no number of JSON's")
    return number


def check_json(body: bytes) -> None:
    """Raise Problem (422) for doubled fields, NUL, half characters, great depth, NaN, infinity."""
    depth = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub(b"", body)):
        depth += 1 if bracket.group() in b"[{" else -1
        if depth > MAX_DEPTH:
            raise Problem(422, f"JSON nested deeper than {MAX_DEPTH}", type="too-deep")
    if _NUL.search(body):
        raise Problem(422, "text must not contain NUL characters", type="invalid-text")
    try:
        value = json.loads(
            body.decode(),
            object_pairs_hook=_once_each,
            parse_constant=_finite,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise Problem(422, f"the body is no JSON: {error}", type="invalid-json") from error
    if b"\\ud" in body.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise Problem(422, "text holds half a character", type="invalid-text") from error
