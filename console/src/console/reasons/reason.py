"""What is told of a journey that stands still."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel

MOVING = timedelta(seconds=3)
"""So long a fact may be on its way before it counts as stuck."""


class Code(StrEnum):
    """Why. In the order in which they are looked for."""

    DEAD_LETTERED = "DEAD_LETTERED"
    PARKED = "PARKED"
    SERVICE_DOWN = "SERVICE_DOWN"
    OUTBOX_BACKLOG = "OUTBOX_BACKLOG"
    CONSUMER_LAG = "CONSUMER_LAG"
    WAITING_HUMAN = "WAITING_HUMAN"
    WAITING_EXTERNAL = "WAITING_EXTERNAL"
    TIMER = "TIMER"
    UNKNOWN = "UNKNOWN"


class Proof(BaseModel):
    """One thing that was seen."""

    kind: str
    """``fact``, ``offset``, ``outbox``, ``parked``, ``gate``, ``service`` or ``schedule``."""
    text: str
    service: str | None = None
    values: dict[str, str | int] = {}
    """What the text says, for who says it in another language; times by names that end in _at."""


class Reason(BaseModel):
    """Why a journey stands still."""

    code: Code
    sentence: str
    since: datetime
    hop: str | None = None
    """The service at which it stands."""
    owner: str | None = None
    """Who must act: ``person:…``, ``role:…``, ``party:…``, ``system:…``."""
    gate: str | None = None
    number: str | None = None
    type: str | None = None
    """The fact that is not handled, or not sent."""
    error: str | None = None
    due_at: datetime | None = None
    overdue_s: int = 0
    """How late, in seconds of office hours."""
    evidence: list[Proof] = []
