"""Who a lead is: addresses and numbers as they are read, and the keys by which leads are one."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import email_validator
import idna
import phonenumbers
from phonenumbers import CountryCodeSource, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from contracts.keys import bounded, person_key, reference_key
from contracts.terms import Origin
from contracts.text import compatible, without_unseen

ASSUMED_REGION: Final = "CN"
"""The region of a number without a country code, where neither row nor mapping names one."""
MOST_CANDIDATES: Final = 20

email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()  # .local and .test are somebody's network

_SEPARATORS: Final = " \t\r\n\u00a0\u3000,;，；、"
_ADDRESS: Final = re.compile(
    r"(?:mailto:)?(?:[^<>@]*<\s*(?:mailto:)?([^<>]*)>|([^<>]*))", re.IGNORECASE
)
_OF_A_SPREADSHEET: Final = re.compile(r"(\+?[0-9]+)\.0+")
_EXTENSION: Final = re.compile(r"\s*(?:转|轉|分机|分機|内线)\s*[:：]?\s*(?=[0-9]+$)")
_DASHED_EXTENSION: Final = re.compile(r"(0[0-9]{2,3}-[0-9]{7,8})-([0-9]{1,6})")
_NORTH_AMERICAN: Final = re.compile(
    r"(?:1[-. ]*)?(?:\([0-9]{3}\)|[0-9]{3}[-. ])[-. ]*[0-9]{3}[-. ][0-9]{4}(?![0-9]).*"
)


class UnreadableField(ValueError):
    """A value that cannot be what its field says; carries the field's name."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class Keys(NamedTuple):
    """The keys of one lead."""

    certain: tuple[str, ...] = ()
    """Leads that share one of these are one lead."""
    possible: tuple[str, ...] = ()
    """Leads that share one of these may be one lead: a person decides."""


def read_email(text: str | None) -> str | None:
    """The address in lower case, its domain in Unicode, without display name, ``mailto:`` and the
    separators around it. Raises UnreadableField for anything but one address."""
    plain = without_unseen(text or "").strip(_SEPARATORS)
    if not plain:
        return None
    found = _ADDRESS.fullmatch(plain)
    written = (found[1] or found[2] or "").strip(_SEPARATORS) if found else plain
    try:
        address = email_validator.validate_email(written, check_deliverability=False)
    except email_validator.EmailNotValidError as error:
        detail = f"{plain[:60]!r} is no e-mail address: {error}"
        raise UnreadableField("contact/email", detail) from error
    return address.normalized.lower()


def email_key(address: str) -> str:
    """An address with its domain in ASCII, so that Unicode and punycode are one."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local}@{domain if domain.isascii() else idna.encode(domain, uts46=True).decode()}"


def read_domain(text: str | None) -> str | None:
    """A company's domain in lower case and ASCII, without scheme and path. Raises UnreadableField
    for anything but one domain."""
    plain = compatible(without_unseen(text or "")).strip().lower()
    plain = plain.partition("://")[2] or plain
    plain = plain.partition("/")[0].rstrip(".")
    if not plain:
        return None
    try:
        domain = idna.encode(plain, uts46=True).decode()
    except idna.IDNAError as error:
        raise UnreadableField("company/domain", f"{plain[:60]!r} is no domain") from error
    if "." not in domain:
        raise UnreadableField("company/domain", f"{plain[:60]!r} is no domain")
    return domain


def read_phone(text: str | None, region: str | None = None) -> str | None:
    """E.164, and ``;ext=`` with the extension where there is one. ``region`` is the country, in
    ISO 3166, of a number without a country code. Raises UnreadableField for no valid number."""
    plain = compatible(without_unseen(text or "")).strip()
    if not plain:
        return None
    shown = repr(plain[:40])
    stated = (region or "").strip().upper()
    if stated and stated not in phonenumbers.SUPPORTED_REGIONS:
        raise UnreadableField(
            "contact/phone_region", f"{stated[:10]!r} is no country of ISO 3166, such as CN or US"
        )
    whole = _OF_A_SPREADSHEET.fullmatch(plain)
    written = whole[1] if whole else _EXTENSION.sub(" ext. ", plain)
    written = _DASHED_EXTENSION.sub(r"\1 ext. \2", written)
    try:
        number = phonenumbers.parse(written, stated or ASSUMED_REGION, keep_raw_input=True)
    except phonenumbers.NumberParseException as error:
        raise UnreadableField("contact/phone", f"{shown} is no telephone number") from error
    if not phonenumbers.is_valid_number(number):
        where = "" if _has_country_code(number) else f" of {stated or ASSUMED_REGION}"
        raise UnreadableField("contact/phone", f"{shown} is no valid telephone number{where}")
    if not stated and not _has_country_code(number) and _is_foreign(written, number):
        raise UnreadableField(
            "contact/phone", f"{shown} needs a country code, or its country as phone_region"
        )
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return f"{e164};ext={number.extension}" if number.extension else e164


def _has_country_code(number: PhoneNumber) -> bool:
    return bool(number.country_code_source != CountryCodeSource.FROM_DEFAULT_COUNTRY)


def _is_foreign(written: str, number: PhoneNumber) -> bool:
    """Whether a number is not written as people of the assumed region write it: in the groups of
    North America, or without the prefix with which a landline is dialled there. Numbers such as
    400-810-8888 are written in those groups in China too."""
    if phonenumbers.number_type(number) == PhoneNumberType.SHARED_COST:
        return False
    if _NORTH_AMERICAN.fullmatch(written):
        return True
    prefix = phonenumbers.ndd_prefix_for_region(ASSUMED_REGION, True) or ""
    dialled = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    digits = "".join(character for character in written if character.isdigit())
    return dialled.startswith(prefix) and not digits.startswith(prefix)


def keys_of(
    *, email: str | None, phone: str | None, company: str | None, name: str, origin: Origin
) -> Keys:
    """By which a lead is recognised. A record of another system, or an order of the website, is
    recognised by its own reference alone: one customer may have many.

    Names are certain only where there is neither e-mail nor telephone, so that the same file adds
    nothing when it is imported again.
    """
    if origin.source_system and origin.external_id:
        return Keys((f"ref:{reference_key(origin.source_system, origin.external_id)}",))
    certain = []
    if email:
        certain.append(bounded(f"email:{email_key(email)}"))
    if phone:
        certain.append(f"phone:{phone}")
    if not company:
        return Keys(tuple(certain))
    names = f"name:{person_key(company, name)}"
    return Keys(tuple(certain) or (names,), (names,))
