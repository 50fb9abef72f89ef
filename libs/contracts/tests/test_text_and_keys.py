"""Text of customers stays as written, and equal things have one key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import keys
from contracts.terms import WantedLine
from contracts.text import as_written, one_line, refuse_controls

KEPT = [
    "10 m² of ½\u2033 pipe",
    "première ligne\r\n\tdeuxième ligne",
    "ＧＴＸ　Ｐｒｏ ①",
    "e\u0301 and é",
    "神\ufa19",
    "می\u200cخواهم",
    "👩\u200d👩\u200d👧",
    "two  blanks",
]


@pytest.mark.parametrize("text", KEPT)
def test_text_stays_as_written_but_for_blanks_around(text: str) -> None:
    assert as_written(f"\u3000 {text}\n ") == text
    assert refuse_controls(text) == text


@pytest.mark.parametrize("text", [None, "", " \n\t", "\u200b\u2060", "\u3164 \ufeff"])
def test_text_without_a_visible_character_is_none(text: str | None) -> None:
    assert as_written(text) is None


@given(st.text())
def test_text_as_written_is_a_part_of_the_text(text: str) -> None:
    kept = as_written(text)

    assert kept is None or (kept in text and as_written(kept) == kept)


@pytest.mark.parametrize("code", [*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)])
def test_text_with_a_control_character_is_refused_by_its_code(code: int) -> None:
    for value in (
        f"ab{chr(code)}",
        [f"ab{chr(code)}"],
        WantedLine(sku=f"ab{chr(code)}", quantity=1),
    ):
        with pytest.raises(ValueError, match=rf"U\+{code:04X} at position 3"):
            refuse_controls(value)


def test_text_in_one_line_holds_no_line_break() -> None:
    assert one_line(" Acme\r\nSupplier:\u2028 nobody ") == "Acme Supplier: nobody"
    assert one_line("ab cd", 3) == "ab"


@given(st.text())
def test_key_of_folded_text_is_itself(text: str) -> None:
    assert keys.folded(keys.folded(text)) == keys.folded(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("ＡＣＭＥ", "acme"),
        ("Zoe\u0308", "ZOË"),
        ("\u200bAnn\u00a0 Lee", "ann lee"),
        ("ﬁnance", "Finance"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
    ],
)
def test_key_of_texts_that_people_read_as_equal_is_one(one: str, other: str) -> None:
    assert keys.folded(one) == keys.folded(other)
    assert keys.company_key(one) == keys.company_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme Ltd.", "ACME Limited"),
        ("示例科技有限公司", "示例（科技）公司"),
        ("A & B GmbH", "a b"),
    ],
)
def test_key_of_a_company_leaves_out_its_legal_form(one: str, other: str) -> None:
    assert keys.company_key(one) == keys.company_key(other)


@pytest.mark.parametrize(("one", "other"), [("-", "..."), ("公司", "集团"), ("Co", "AG")])
def test_key_of_a_company_is_never_empty(one: str, other: str) -> None:
    assert keys.company_key(one)
    assert keys.company_key(one) != keys.company_key(other)


@given(*[st.text(alphabet="a:%3", max_size=4)] * 4)
def test_key_of_a_reference_belongs_to_one_system(a: str, b: str, c: str, d: str) -> None:
    assert (keys.reference_key(a, b) == keys.reference_key(c, d)) == ((a, b) == (c, d))


@given(st.text(alphabet=["ﷺ", "a"], min_size=300, max_size=400))
def test_key_of_a_long_text_fits_an_index(name: str) -> None:
    key = keys.person_key(name, name)

    assert len(key.encode()) <= keys.MOST_KEY_BYTES
    assert key != keys.person_key(f"{name}b", name)
