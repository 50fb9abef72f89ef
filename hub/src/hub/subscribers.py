"""What somebody outside may hear."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chassis import bulk
from chassis.db import Database
from hub.feed import Filter


@dataclass(frozen=True, slots=True)
class Grant:
    """Who has none hears every stage, without personal data."""

    personal: bool = False
    stages: tuple[str, ...] | None = None

    def narrow(self, wanted: Filter) -> Filter:
        """What is wanted, of what may be had."""
        if self.stages is None:
            return wanted
        asked = self.stages if wanted.stages is None else wanted.stages
        return replace(wanted, stages=tuple(stage for stage in asked if stage in self.stages))


async def grant_of(database: Database, name: str) -> Grant:
    """What the subscriber with this token's subject may hear."""
    rows = await bulk.ask(
        database.engine, "SELECT personal, stages FROM subscriber WHERE name = $1", name
    )
    if not rows:
        return Grant()
    personal, stages = rows[0]
    return Grant(personal, None if stages is None else tuple(stages))
