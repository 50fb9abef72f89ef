"""When two leads are the same: what is compared, and how it is written before it is."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

from contracts.terms import Origin

DEFAULT_REGION = "CN"

_SUFFIXES = re.compile(
    r"(股份有限公司|有限责任公司|有限公司|集团|公司"
    r"|\b(co|company|corp|corporation|inc|incorporated|llc|ltd|limited|gmbh|ag|sa|plc)\b)"
)
_NOISE = re.compile(r"[\s.,，。()（）&'\"-]+")


class UnreadableField(ValueError):
    """A value that cannot be what its field says; carries the field's name."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


def clean(text: str | None) -> str | None:
    """Full-width forms made plain, blanks trimmed; nothing when nothing is left."""
    if text is None:
        return None
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    return plain or None


_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


def normal_email(text: str | None) -> str | None:
    """Lower case. Raises UnreadableField when it has not the shape of an address."""
    plain = clean(text)
    if plain is None:
        return None
    if len(plain) > 254 or not _EMAIL.fullmatch(plain):
        raise UnreadableField("email", f"{plain[:60]!r} is no e-mail address")
    return plain.lower()


def normal_phone(text: str | None, region: str = DEFAULT_REGION) -> str | None:
    """E.164. Raises UnreadableField when it is no possible number."""
    plain = clean(text)
    if plain is None:
        return None
    try:
        number = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException as error:
        raise UnreadableField("phone", f"{plain[:40]!r} is no telephone number") from error
    if not phonenumbers.is_possible_number(number):
        raise UnreadableField("phone", f"{plain[:40]!r} is no possible telephone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def company_key(name: str | None) -> str | None:
    """A company's name without its legal form, case and punctuation."""
    plain = clean(name)
    if plain is None:
        return None
    folded = _SUFFIXES.sub("", _NOISE.sub(" ", plain.casefold()))
    return _NOISE.sub("", folded) or _NOISE.sub("", plain.casefold())


def dedupe_keys(
    *, email: str | None, phone: str | None, company: str | None, name: str, origin: Origin
) -> tuple[str, ...]:
    """Leads that share one of these are one lead.

    What was moved from another system, or ordered on the website, is known by its own reference
    alone: the same customer may well appear there twice.
    """
    if origin.source_system and origin.external_id:
        return (f"ref:{origin.source_system}:{origin.external_id}",)
    keys = []
    if email:
        keys.append(f"email:{email}")
    if phone:
        keys.append(f"phone:{phone}")
    if company:
        keys.append(f"person:{company_key(company)}:{name.casefold()}")
    return tuple(keys)
