"""The texts that customers agree to: how a consent cites one, and the text that is there from the
start."""

from __future__ import annotations

import hashlib


def hash_of(text: str) -> str:
    """SHA-256 of a text in UTF-8, hexadecimal: ``Consent.text_hash``."""
    return hashlib.sha256(text.encode()).hexdigest()


STANDARD_NAME = "terms-2026-01"
STANDARD_TEXT = """\
I accept the prices shown and the seller's standard terms of delivery and payment. The contract on
these terms is signed by both parties when the order is received.
"""
STANDARD_HASH = hash_of(STANDARD_TEXT)
"""What an express order cites unless lead-svc's policy ``consents`` names other texts."""
