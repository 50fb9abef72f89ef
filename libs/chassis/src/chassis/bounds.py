"""Bounds of what people hand in, declared once: of forms, of policies.

Every text, list and number of a form or policy has a bound (`tests/contracts/test_bounds.py`), so
that no event of a public form comes near the size that Kafka refuses, and no date that follows from
a policy leaves the calendar.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

Name = Annotated[str, Field(min_length=1, max_length=200)]
"""Of a person, a company, a document."""
Code = Annotated[str, Field(min_length=1, max_length=100)]
"""A short name by which a machine knows something."""
Hash = Annotated[str, Field(min_length=1, max_length=200)]
Version = Annotated[int, Field(ge=1, le=1_000_000)]
LineNo = Annotated[int, Field(ge=1, le=1_000)]
Hours = Annotated[int, Field(ge=0, le=8_784)]
"""How long something may wait: up to a year. 0 lets it lapse at once."""
Days = Annotated[int, Field(ge=0, le=3_650)]
"""Up to ten years. 0 is the same day."""
Score = Annotated[int, Field(ge=0, le=100)]
AmountLimit = Annotated[Decimal, Field(ge=0, le=10**12, max_digits=15, decimal_places=2)]
"""In the major unit of a currency."""
