"""What the text of a bank line names: whole numbers of ours, in any case and line breaking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_svc.domain.remittance import invoice_numbers, possible_references

NUMBER = "INV-2026-000010"


@pytest.mark.parametrize(
    "text",
    [
        NUMBER,
        "inv-2026-000010",
        "Inv - 2026 - 000010",
        "INV 2026 000010",
        "INV-2026-\n000010",
        "INV-\r\n2026-000010 thanks",
        "INV\u20112026\u2013000010",
        "ＩＮＶ－２０２６－００００１０",
        "INV\u200b-2026-000010",
        f"for {NUMBER}, {NUMBER}",
        f"({NUMBER})",
        f"invoice:{NUMBER}.",
        f"+{NUMBER}+",
        f"4711/{NUMBER}",
        f"货款{NUMBER}合同",
    ],
)
def test_remittance_names_an_invoice(text: str) -> None:
    assert invoice_numbers(text) == [NUMBER]


@pytest.mark.parametrize(
    "text",
    [
        "PINV-2026-000010",
        "1INV-2026-000010",
        "ÄINV-2026-000010",
        "X-INV-2026-000010",
        "_INV-2026-000010",
        "INV-2026-000010X",
        "INV-2026-000010-7",
        "INV-2026-000010/7",
        "INV-2026-000010.7",
        "INV-2026-00010",
        "INV-202-000010",
        "INV--2026-000010",
        "INV2026000010",
        "INV-2026-00001 0",
        "IN V-2026-000010",
    ],
)
def test_remittance_with_another_number_names_no_invoice(text: str) -> None:
    assert invoice_numbers(text) == []


def test_remittance_with_a_longer_number_names_that_number() -> None:
    assert invoice_numbers("INV-2026-0000107") == ["INV-2026-0000107"]


@given(
    before=st.text(alphabet="ABZabz019Ñß", min_size=1, max_size=3),
    after=st.text(alphabet="ABZabzÑß", max_size=3),
)
def test_remittance_number_inside_a_word_is_not_ours(before: str, after: str) -> None:
    assert invoice_numbers(f"{before}{NUMBER}{after}") == []
    assert invoice_numbers(f"{NUMBER}{before}") != [NUMBER]


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("PP-77", "PP-77"),
        ("thank you PP-77, Ada", "PP-77"),
        ("order  (PP 77)\nof Ada", "PP 77"),
        ("PP\u00a077", "PP 77"),
        ("no digits", "no digits"),
    ],
)
def test_remittance_may_name_a_reference(text: str, reference: str) -> None:
    assert reference in possible_references(None, text)


def test_remittance_words_without_a_digit_are_no_reference() -> None:
    assert "invoice" not in possible_references("X-1", "the invoice of Ada")


@given(st.text(max_size=500), st.text(max_size=140))
def test_remittance_references_are_bounded(text: str, reference: str) -> None:
    found = possible_references(reference, text)

    assert len(found) <= 13_000
    assert all(0 < len(phrase) <= 140 for phrase in found)
