"""The three ways in which facts come: a door brings them, the subscription does the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from ltc_client.fact import Fact


class Arrival(NamedTuple):
    """What came, and up to where its place is read once it is dealt with."""

    place: str
    position: str | None
    """None while more of the same page is to come: after a crash the page is read again."""
    fact: Fact | None
    """None when what came is nothing for a subscriber, and only the position moves."""


class Door(Protocol):
    """One way in. All but ``passed`` is called from one event loop."""

    in_order: bool
    """Whether the facts of a subject come in order."""

    async def open(self) -> None: ...

    async def next(self) -> Sequence[Arrival] | None:
        """What comes next; nothing after a while of silence. None asks from where to read."""

    async def resume(self, positions: Mapping[str, str]) -> None:
        """The answer to that."""

    def passed(self, arrival: Arrival) -> None:
        """The subscriber is through with it. Called from any thread."""

    async def close(self) -> None: ...
