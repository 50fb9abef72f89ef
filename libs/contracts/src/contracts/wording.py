"""What a description promises: words may be added and misspellings mended, nothing taken back."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Final

UNITS: Final = frozenset(
    {
        "second", "seconds", "minute", "minutes", "hour", "hours", "day", "days", "week", "weeks",
        "month", "months", "year", "years", "ms", "percent", "share", "fen", "cents", "minor",
        "gross", "net", "tax", "pieces", "dozens", "kg", "g", "lb", "km", "m", "utc", "local",
        "e.164",
    }
)  # fmt: skip
"""Words that say in what something is counted."""
TURNING: Final = frozenset(
    {
        "no", "not", "never", "none", "nothing", "nobody", "without", "unless", "except", "only",
        "null", "empty", "before", "after", "instead",
    }
)  # fmt: skip
"""Words that turn or narrow what stands beside them."""

_WORD = re.compile(r"[\w%]+(?:[.@:-][\w%]+)*")
_MISSPELT = 0.75
"""So alike are a word and its misspelling, letter by letter."""


def words(text: object) -> list[str]:
    return _WORD.findall(text.lower()) if isinstance(text, str) else []


def unit_change(was: object, now: object) -> str | None:
    """How the units that a description names have changed; none when it named none."""
    before, after = UNITS & set(words(was)), UNITS & set(words(now))
    if not before or before == after:
        return None
    return f"{_listed(before)} became {_listed(after)}"


def taken_back(was: object, now: object) -> str | None:
    """What of a description is no longer said, or was turned round; none when all of it stands."""
    before, after = words(was), words(now)
    for tag, i, j, k, m in SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        old, new = before[i:j], after[k:m]
        if tag == "insert" and before and TURNING & set(new):
            return f'"{" ".join(new)}" turns it'
        if tag == "delete":
            return f'"{" ".join(old)}" is no longer said'
        if tag == "replace" and not _respelt(old, new):
            return f'"{" ".join(old)}" became "{" ".join(new)}"'
    return None


def _respelt(old: list[str], new: list[str]) -> bool:
    """Whether words were only spelt better: the beginnings of the new ones are the old ones."""
    if len(new) < len(old):
        return False
    return all(
        SequenceMatcher(a=one, b=other).ratio() >= _MISSPELT
        and not {one, other} & (UNITS | TURNING)
        and one.isalpha()
        and len(one) > 3
        for one, other in zip(old, new, strict=False)
    )


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "no unit"
