"""What differs between two JSON documents, in the words of JSON Patch with what was there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel


class Change(BaseModel):
    """One place, by JSON pointer: what was there and what is proposed."""

    op: Literal["add", "remove", "replace"]
    path: str
    before: Any = None
    after: Any = None


def diff(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """Every place where they differ. Lists of one length are compared element by element."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before.keys() | after.keys():
            place = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
            if name not in after:
                yield Change(op="remove", path=place, before=before[name])
            elif name not in before:
                yield Change(op="add", path=place, after=after[name])
            else:
                yield from diff(before[name], after[name], place)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for n, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from diff(one, other, f"{path}/{n}")
    elif before != after or type(before) is not type(after):
        yield Change(op="replace", path=path, before=before, after=after)
