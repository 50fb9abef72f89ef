"""The three ways in which facts come: a door brings them, the subscription does the rest."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import NamedTuple, Protocol

from ltc_client.fact import Fact, State


class Arrival(NamedTuple):
    """What came, and up to where its place is read once it is dealt with."""

    place: str
    position: str | None
    """None while more of the same page is to come: after a crash the page is read again."""
    fact: Fact | None
    """None when what came is nothing for a subscriber, and only the position moves."""


class Present(NamedTuple):
    """Some of the present states, and from where each place tells what came after them: what the
    last of these says is the one that counts."""

    states: Sequence[State]
    positions: Mapping[str, str]


class Door(Protocol):
    """One way in. All but ``passed`` is called from one event loop."""

    in_order: bool
    """Whether the facts of a subject come in order."""

    async def open(self) -> None: ...

    async def next(self) -> Sequence[Arrival] | None:
        """What comes next; nothing after a while of silence. None asks from where to read."""

    async def resume(self, positions: Mapping[str, str]) -> None:
        """The answer to that."""

    def states(self) -> AsyncGenerator[Present, None]:
        """The present states of the stages that are asked for. Raises ClientError where a door has
        none."""

    def passed(self, arrival: Arrival) -> None:
        """The subscriber is through with it. Called from any thread."""

    async def close(self) -> None: ...
