"""What was done about a lead: a call, an e-mail, a meeting, a note."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel


class Kind(StrEnum):
    CALL = "call"
    EMAIL = "email"
    MEETING = "meeting"
    NOTE = "note"


class Activity(BaseModel, frozen=True):
    """Who did what, when, and what came of it. Never changed once logged."""

    id: UUID
    lead_id: UUID
    kind: Kind
    note: str
    happened_at: AwareDatetime
    by_sub: str
    by_name: str
    recorded_at: AwareDatetime

    @property
    def is_contact(self) -> bool:
        """Whether they were spoken or written to."""
        return self.kind is not Kind.NOTE
