"""What was done about a deal, and what is to be done."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel


class Kind(StrEnum):
    CALL = "call"
    EMAIL = "email"
    MEETING = "meeting"
    NOTE = "note"
    TASK = "task"


class Activity(BaseModel, frozen=True):
    """Something that was done about a deal, or is to be done while ``done_at`` is empty."""

    id: UUID
    deal_id: UUID
    kind: str
    note: str
    due_at: AwareDatetime | None
    done_at: AwareDatetime | None
    by_sub: str
    by_name: str
    recorded_at: AwareDatetime
