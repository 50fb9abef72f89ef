"""References: one canonical form, whatever blanks and code points they arrive with."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts.references import Reference, canonical

FORM = TypeAdapter(Reference)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("BB-1", "BB-1"),
        ("BB-1 ", "BB-1"),
        ("\tBB-1\r\n", "BB-1"),
        ("BB  1", "BB 1"),
        ("BB\u00a01", "BB 1"),
        ("\ufeffBB-1", "BB-1"),
        ("BB\u200b-1", "BB-1"),
        ("Zahlung Mu\u0308ller", "Zahlung M\u00fcller"),
        ("bb-1", "bb-1"),
        ("转账　１２", "转账 １２"),
    ],
)
def test_reference_is_canonical(written: str, meant: str) -> None:
    assert canonical(written) == meant


@given(st.text())
def test_reference_canonical_form_is_stable(text: str) -> None:
    once = canonical(text)

    assert canonical(once) == once
    assert canonical(f" \u200b{text}\u3000") == once
    assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize("blank", ["", " ", "\u3000\t", "\u200b"])
def test_reference_that_is_blank_is_refused(blank: str) -> None:
    with pytest.raises(ValidationError, match="must not be blank"):
        FORM.validate_python(blank)
