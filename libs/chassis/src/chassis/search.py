"""Search of names by a part of them: letter case and full-width forms make no difference."""

from __future__ import annotations

from contracts.text import compatible

_ESCAPED = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


def escaped(text: str) -> str:
    """A text for LIKE, in which no character is a pattern."""
    return text.translate(_ESCAPED)


def part_of(text: str) -> str:
    """A pattern for ILIKE that finds ``normalize(column, NFKC)`` by a part of it."""
    return f"%{escaped(compatible(text.strip()))}%"
