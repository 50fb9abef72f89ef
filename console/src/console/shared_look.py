"""One look at something for all who ask at about the same time, however many pages are open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from fastapi import Request

T = TypeVar("T")


class SharedLook(Generic[T]):
    """What a look found is told for a while; who asks during one waits for it. What it raises is
    told as well."""

    def __init__(self, look: Callable[[], Awaitable[T]], *, every_s: float) -> None:
        self._look = look
        self._every_s = every_s
        self._began = float("-inf")
        self._looking: asyncio.Task[T] | None = None

    @property
    def is_over(self) -> bool:
        """Whether the next who asks begins a new look."""
        fresh = time.monotonic() - self._began < self._every_s
        return self._looking is None or (self._looking.done() and not fresh)

    async def found(self) -> T:
        """What there is, as of ``every_s`` seconds ago at most."""
        looking = self._looking
        if looking is None or self.is_over:
            self._began = time.monotonic()
            looking = self._looking = asyncio.create_task(self._begin())
            looking.add_done_callback(_seen)
        return await asyncio.shield(looking)

    async def _begin(self) -> T:
        return await self._look()


def _seen(looking: asyncio.Task[T]) -> None:
    """Who asked has heard of the error, or went away; nobody else has to."""
    if not looking.cancelled():
        looking.exception()


def look_of(request: Request, name: str, make: Callable[[], SharedLook[T]]) -> SharedLook[T]:
    """This process's one look of that name; made with the first question."""
    state = request.app.state
    if not hasattr(state, "shared_looks"):
        state.shared_looks = {}
    found: SharedLook[T] = state.shared_looks.setdefault(name, None) or make()
    state.shared_looks[name] = found
    return found
