"""E-mail addresses and telephone numbers as files of the world write them."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.terms import Origin
from lead_svc.domain.identity import (
    UnreadableField,
    email_key,
    keys_of,
    read_domain,
    read_email,
    read_phone,
)

MANUAL = Origin(channel="manual")
PLAIN = "ann@x.example"
MUNICH = "bea@xn--mnchen-3ya.example"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("ann@x.example", PLAIN),
        ("\u200bann@x.example", PLAIN),
        ("ann\u200d@x.example\ufeff", PLAIN),
        ("<ann@x.example>", PLAIN),
        ("mailto:ann@x.example", PLAIN),
        ("<MAILTO:Ann@X.example>", PLAIN),
        ("Ann Lee <ann@x.example>", PLAIN),
        ("ann@x.example,", PLAIN),
        ("ann@x.example;", PLAIN),
        ("\u00a0ann@x.example ； ", PLAIN),
        ("ann@ｘ.example", PLAIN),
        ("bea@münchen.example", MUNICH),
        ("bea@mu\u0308nchen.example", MUNICH),
        ("BEA@MÜNCHEN.example", MUNICH),
        (MUNICH, MUNICH),
        ("用户@例子.cn", "用户@xn--fsqu00a.cn"),
    ],
)
def test_identity_of_an_address_is_one_key(text: str, key: str) -> None:
    address = read_email(text)

    assert address is not None
    assert email_key(address) == key
    assert email_key(read_email(address) or "") == key


@pytest.mark.parametrize(
    "text", ["ß@x.example", "ss@x.example", "a.n.n@x.example", "ann+1@x.example"]
)
def test_identity_of_another_mailbox_is_another_key(text: str) -> None:
    assert email_key(read_email(text) or "") not in (PLAIN, "s@x.example")
    assert email_key(read_email("ß@x.example") or "") != email_key(read_email("ss@x.example") or "")


@pytest.mark.parametrize("text", [None, "", " ", "\u200b", ",", " ; "])
def test_identity_of_no_address_is_none(text: str | None) -> None:
    assert read_email(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "a@x.example; b@x.example",
        "A <a@x.example> B <b@x.example>",
        "ann",
        "ann@x",
        "@x.example",
        "ann@",
        "ann@x..example",
        "ann@xn--a.example",
        "ann@x.example>",
        "<script>@x.example",
        "a" * 300 + "@x.example",
        "ann@" + "x" * 300,
    ],
)
def test_identity_of_no_single_address_is_refused(text: str) -> None:
    with pytest.raises(UnreadableField) as refused:
        read_email(text)

    assert refused.value.field == "contact/email"
    assert len(str(refused.value)) < 400


@given(st.text(max_size=40))
def test_identity_reads_or_refuses_any_text(text: str) -> None:
    for read in (read_email, read_domain, read_phone):
        try:
            found = read(text)
        except UnreadableField:
            continue
        assert found is None or read(found) == found


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("+1 212 555 0123 ext. 101", None, "+12125550123;ext=101"),
        ("+1 212 555 0123 x102", None, "+12125550123;ext=102"),
        ("+12125550123;ext=101", None, "+12125550123;ext=101"),
        ("010-12345678-101", None, "+861012345678;ext=101"),
        ("010-12345678转101", None, "+861012345678;ext=101"),
        ("+86 10 1234 5678 分机 101", "DE", "+861012345678;ext=101"),
        ("13800138000.0", None, "+8613800138000"),
        ("+8613800138000.00", None, "+8613800138000"),
        ("13800138000", None, "+8613800138000"),
        ("138-0013-8000", None, "+8613800138000"),
        ("８６１３８００１３８０００", None, "+8613800138000"),
        ("\u202d138 0013 8000\u202c", None, "+8613800138000"),
        ("0086 138 0013 8000", None, "+8613800138000"),
        ("(021) 2555 0199", None, "+862125550199"),
        ("400-810-8888", None, "+864008108888"),
        ("(212) 555-0199", "US", "+12125550199"),
        ("(212) 555-0199", "us", "+12125550199"),
        ("2125550199", "CN", "+862125550199"),
        ("030 123456", "DE", "+4930123456"),
        ("tel:+1-212-555-0123", "CN", "+12125550123"),
    ],
)
def test_identity_of_a_number_is_its_country_and_extension(
    text: str, region: str | None, number: str
) -> None:
    assert read_phone(text, region) == number


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("(212) 555-0199", None),
        ("212-555-0199", None),
        ("212.555.0199", None),
        ("1-347-555-0123", None),
        ("2125550199", None),
        ("1380013800", None),
        ("+1 212 555", None),
        ("+1 555 555 5555", None),
        ("95588", None),
        ("1.38001E+10", None),
        ("+1 212 555 0123 / +1 212 555 0124", None),
        ("13800138000/13900139000", None),
        ("unknown", None),
        ("138 0013 8000", "US"),
    ],
)
def test_identity_of_no_valid_number_is_refused(text: str, region: str | None) -> None:
    with pytest.raises(UnreadableField) as refused:
        read_phone(text, region)

    assert refused.value.field == "contact/phone"


def test_identity_of_an_unknown_region_is_refused() -> None:
    with pytest.raises(UnreadableField, match="ISO 3166") as refused:
        read_phone("123", "XX")

    assert refused.value.field == "contact/phone_region"


@given(
    st.integers(2_000_000_000, 9_999_999_999),
    st.sampled_from(["({}) {}-{}", "{}-{}-{}", "1 {} {}-{}"]),
)
def test_identity_of_a_north_american_number_is_none_of_china(digits: int, written: str) -> None:
    text = str(digits)
    number = phonenumbers.parse(f"+1{text}")
    if phonenumbers.is_valid_number(number) and not text.startswith("400"):
        with pytest.raises(UnreadableField):
            read_phone(written.format(text[:3], text[3:6], text[6:]))


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Acme.COM.", "acme.com"),
        ("https://acme.com/about", "acme.com"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        (" ", None),
    ],
)
def test_identity_of_a_domain_is_in_ascii(text: str, domain: str | None) -> None:
    assert read_domain(text) == domain


@pytest.mark.parametrize("text", ["-", "acme", "a..b", "no domain", "x" * 80 + ".com"])
def test_identity_of_no_domain_is_refused(text: str) -> None:
    with pytest.raises(UnreadableField, match="is no domain"):
        read_domain(text)


def test_identity_by_names_is_certain_only_without_address_and_number() -> None:
    person = {"company": "Acme Ltd", "name": "Ann Lee", "origin": MANUAL}
    bare = keys_of(email=None, phone=None, **person)
    called = keys_of(email=None, phone="+12125550123", **person)

    assert bare.certain == bare.possible == called.possible == ("name:acme:ann lee",)
    assert called.certain == ("phone:+12125550123",)
