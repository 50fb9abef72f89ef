"""References: the names that banks, payment providers and carriers give to what they report.

One canonical form decides whether two reports are about the same thing, so it is made in one place:
no invisible characters, no blanks at either end, one blank between words, Unicode NFC. Letter case
counts, because providers' references differ by it.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator


def canonical(text: str) -> str:
    """The form in which references are stored and compared."""
    if not text.isascii():
        shown = (c for c in text if unicodedata.category(c) != "Cf")
        text = unicodedata.normalize("NFC", "".join(shown))
    return " ".join(text.split())


def _reference(text: str) -> str:
    reference = canonical(text)
    if not reference:
        raise ValueError("must not be blank")
    return reference


Reference = Annotated[str, AfterValidator(_reference)]
"""A reference in a form: taken as it is written, kept in its canonical form."""
