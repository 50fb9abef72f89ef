"""Canonical keys of what customers write. Equal things have one key, and a key is never shown.

One module decides: services, the console and the importers derive keys here and nowhere else. The
text stays as it was written (`contracts.text`).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

from contracts.text import without_unseen

MOST_KEY_BYTES: Final = 2_000
"""A B-tree of PostgreSQL takes 2,704 bytes. One character may fold to eighteen."""

_LEGAL_FORMS: Final = re.compile(
    r"(股份有限公司|有限责任公司|有限公司|集团|公司"
    r"|\b(co|company|corp|corporation|inc|incorporated|llc|ltd|limited|gmbh|ag|sa|plc)\b)"
)
_NOISE: Final = re.compile(r"[\s.,，。()（）&'\"-]+")


def folded(text: str) -> str:
    """Unicode's NFKC_Casefold with single blanks: equal for texts that people read as equal."""
    if text.isascii():
        return " ".join(text.casefold().split())
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())
    plain = unicodedata.normalize("NFKC", without_unseen(plain.casefold()))
    return " ".join(plain.split())


def company_key(name: str) -> str:
    """A company's name without its legal form, letter case and punctuation."""
    plain = folded(name)
    distinctive = _LEGAL_FORMS.sub("", _NOISE.sub(" ", plain))
    return _NOISE.sub("", distinctive) or _NOISE.sub("", plain) or plain


def person_key(company: str, name: str) -> str:
    """A person of a company, by their names alone. Two people may share it."""
    return bounded(f"{_part(company_key(company))}:{folded(name)}")


def reference_key(system: str, reference: str) -> str:
    """A record of another system. System and reference are exact: they are names of machines."""
    return bounded(f"{_part(system)}:{reference}")


def sku_key(sku: str) -> str:
    """The key of products that one name may mean: ``GTXPro`` is ``GTX Pro``."""
    return folded(sku).replace(" ", "")


def bounded(key: str) -> str:
    """The key, or its beginning and a hash where it is longer than an index takes."""
    written = key.encode()
    if len(written) <= MOST_KEY_BYTES:
        return key
    return f"{key[:100]}#{hashlib.sha256(written).hexdigest()}"


def _part(text: str) -> str:
    """A part of a key before its colon."""
    return text.replace("%", "%25").replace(":", "%3a")
