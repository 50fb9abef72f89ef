"""The chassis shares mechanics and no vocabulary."""

from __future__ import annotations

import re
from pathlib import Path

import chassis

NOUNS = re.compile(r"\b(leads?|deals?|quotes?|invoices?|payments?)\b", re.IGNORECASE)
"""Order and contract are left out: order is also sequence, and the contracts are the facts."""


def test_chassis_names_no_business_noun() -> None:
    found = [
        f"{path.name}:{number}: {line.strip()}"
        for path in sorted(Path(next(iter(chassis.__path__))).glob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if NOUNS.search(line.replace("ltc.deal", ""))
    ]

    assert found == []
