"""The base of every fact."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """Something that happened, in the past tense. What a domain says is what goes on the wire.

    ``name`` is the wire type with its major version, ``topic`` where it is said, ``key`` the field
    that holds the aggregate's id: facts of one key stay in order. Unknown fields are ignored, so a
    newer speaker may add optional ones.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        ser_json_timedelta="iso8601",
        use_attribute_docstrings=True,
    )

    name: ClassVar[str]
    key: ClassVar[str]
    topic: ClassVar[str]

    def key_value(self) -> UUID:
        """The id of the aggregate that the fact tells of."""
        value: UUID = getattr(self, self.key)
        return value
