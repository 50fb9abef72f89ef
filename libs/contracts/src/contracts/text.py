"""Text of customers: stored as it was written. A key for matching is derived beside it.

The rule, for each name, need, note and reason of a customer (docs/keys.md):

- Blanks before and behind the text are removed. Text without a visible character is no text.
- Everything else stays: superscripts, fractions, full-width forms, line breaks, letter case,
  combining characters. No Unicode normalisation is applied, since it changes names and needs that a
  contract quotes.
- Control characters other than tab, line feed and carriage return are refused: they are the mark of
  a file that was read in the wrong encoding, and PostgreSQL cannot hold NUL.

`contracts.keys` derives the keys.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's Default_Ignorable_Code_Point: characters that have no shape of their own."""


def as_written(text: str | None) -> str | None:
    """The text without the blanks around it. ``None`` when no visible character is left."""
    if text is None or not text.strip() or not without_unseen(text).strip():
        return None
    return text.strip()


def one_line(text: str, most: int | None = None) -> str:
    """The words of a text with one blank between them, cut at ``most``: for titles, and for a name
    within a document, where a line break would begin another line of the document."""
    return " ".join(text.split())[:most].rstrip()


def without_unseen(text: str) -> str:
    """The text without zero-width, filler and direction characters."""
    return text if text.isascii() else _UNSEEN.sub("", text)


def refuse_controls(value: Any) -> Any:
    """The value itself. Raises ValueError when a text in it holds a control character."""
    if isinstance(value, str):
        found = _CONTROL.search(value)
        if found is not None:
            code = f"U+{ord(found.group()):04X}"
            raise ValueError(f"holds the control character {code} at position {found.start() + 1}")
    elif isinstance(value, BaseModel):
        for field in type(value).model_fields:
            refuse_controls(getattr(value, field))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            refuse_controls(key)
            refuse_controls(inner)
    elif isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray)):
        for inner in value:
            refuse_controls(inner)
    return value


def compatible(text: str) -> str:
    """Full-width, superscript and ligature forms made plain, for comparison and search alone."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)
