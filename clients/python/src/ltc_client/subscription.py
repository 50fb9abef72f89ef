"""What a subscriber iterates over: each fact once, from any door, on from where it came to."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from contextlib import aclosing
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from ltc_client.checkpoints import WINDOW, Checkpoint, InMemory, Progress
from ltc_client.doors import Arrival, Door, Present
from ltc_client.fact import Fact, State
from ltc_client.types import Types

T = TypeVar("T")
KEEP_EVERY_S: Final = 5.0
"""So often is it kept how far nothing was for the subscriber."""


class Subscription:
    """``for fact in subscription`` or ``async for fact in subscription``, best within ``with`` or
    ``async with``.

    Asking for the next fact says that the last one was dealt with, unless its checkpoint is in the
    subscriber's own database: there ``done`` says so, within the transaction. A block left by an
    exception leaves the last fact undone: it is handed out again.
    """

    def __init__(self, door: Door, types: Types, checkpoint: Checkpoint | None = None) -> None:
        self._door = door
        self._types = types
        self._checkpoint = checkpoint if checkpoint is not None else InMemory()
        self._arrived: deque[Arrival] = deque()
        self._in_hand: Arrival | None = None
        self._is_done = False
        self._recent: dict[object, int] = {}
        self._passed_over: dict[str, str] = {}
        self._keep_at = 0.0
        self._is_open = False
        self._thread: _LoopThread | None = None

    def done(self, fact: Fact) -> None:
        """The fact in hand was dealt with. In your database: call it before you commit."""
        if self._in_hand is None or self._in_hand.fact is not fact:
            raise ValueError("only the fact that was handed out last can be done")
        if not self._is_done:
            self._is_done = True
            self._keep(self._in_hand)

    def bootstrap(self, *, anew: bool = False) -> Iterator[State]:
        """The present states, for whoever begins in the middle; the facts that follow are what came
        after them. To be asked for before the first fact.

        Nothing when the checkpoint has begun already, unless ``anew``: after `PositionExpired`,
        when what you have is to be replaced. It has begun once the last state was handed out; in
        your own database, once you have committed then.
        """
        if not self._begins(anew=anew):
            return
        if self._thread is None:
            self._thread = _LoopThread()
        beginning = _Beginning()
        pages = self._states()
        try:
            while (present := self._thread.run(_next(pages))) is not None:
                yield from beginning.newer_of(present)
        finally:
            self._thread.run(pages.aclose())
        self._checkpoint.begin(beginning.positions, beginning.known)

    async def abootstrap(self, *, anew: bool = False) -> AsyncGenerator[State, None]:
        """`bootstrap`, for those who iterate with ``async for``."""
        if not self._begins(anew=anew):
            return
        beginning = _Beginning()
        async with aclosing(self._states()) as pages:
            async for present in pages:
                for state in beginning.newer_of(present):
                    yield state
        self._checkpoint.begin(beginning.positions, beginning.known)

    def _begins(self, *, anew: bool) -> bool:
        if self._in_hand is not None or self._arrived:
            raise ValueError("states come before the first fact: subscribe anew")
        return anew or not self._checkpoint.positions()

    async def _states(self) -> AsyncGenerator[Present, None]:
        await self._open()
        async with aclosing(self._door.states()) as pages:
            async for present in pages:
                yield present

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Fact:
        if self._thread is None:
            self._thread = _LoopThread()
        while (fact := self._from_arrived()) is None:
            arrivals = self._thread.run(self._more())
            if arrivals is None:
                self._thread.run(self._door.resume(self._checkpoint.positions()))
            else:
                self._arrived.extend(arrivals)
        return fact

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Fact:
        while (fact := self._from_arrived()) is None:
            arrivals = await self._more()
            if arrivals is None:
                await self._door.resume(self._checkpoint.positions())
            else:
                self._arrived.extend(arrivals)
        return fact

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if kind is None:
            self._let_go()
        self.close()

    def close(self) -> None:
        """End it; what is in hand stays undone."""
        if self._thread is not None:
            self._thread.run(self._door.close())
            self._thread.stop()
            self._thread = None
        self._checkpoint.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if kind is None:
            self._let_go()
        await self.aclose()

    async def aclose(self) -> None:
        """`close`, for those who iterate with ``async for``."""
        await self._door.close()
        self._checkpoint.close()

    async def _more(self) -> list[Arrival] | None:
        await self._open()
        arrivals = await self._door.next()
        return None if arrivals is None else list(arrivals)

    async def _open(self) -> None:
        if not self._is_open:
            self._is_open = True
            await self._door.open()

    def _from_arrived(self) -> Fact | None:
        """The next one for the subscriber, of what is here already."""
        self._let_go()
        while self._arrived:
            arrival = self._arrived.popleft()
            fact = arrival.fact
            if fact is None or not self._types.wants(fact.type) or self._is_repeated(fact):
                self._pass_over(arrival)
                continue
            self._in_hand, self._is_done = arrival, False
            return fact
        if self._passed_over and time.monotonic() > self._keep_at:
            self._keep_at = time.monotonic() + KEEP_EVERY_S
            while self._passed_over:
                self._checkpoint.pass_over(*self._passed_over.popitem())
        return None

    def _is_repeated(self, fact: Fact) -> bool:
        """By its id, and by its sequence where the door keeps the order of a subject."""
        if self._door.in_order:
            key: object = (fact.source, fact.subject)
            last = self._recent.get(key) or self._checkpoint.sequence(fact.source, fact.subject)
            repeated = fact.sequence <= last
        else:
            key = fact.id
            repeated = key in self._recent or self._checkpoint.has_heard(fact)
        if not repeated:
            self._recent.pop(key, None)
            self._recent[key] = fact.sequence
            if len(self._recent) > WINDOW:
                del self._recent[next(iter(self._recent))]
        return repeated

    def _let_go(self) -> None:
        """The subscriber is through with what it has in hand."""
        arrival, self._in_hand = self._in_hand, None
        if arrival is None:
            return
        if not self._is_done and self._checkpoint.automatic:
            self._keep(arrival)
        self._door.passed(arrival)

    def _keep(self, arrival: Arrival) -> None:
        self._passed_over.pop(arrival.place, None)
        self._checkpoint.save(
            Progress(arrival.place, arrival.position, arrival.fact, self._door.in_order)
        )

    def _pass_over(self, arrival: Arrival) -> None:
        """Nothing for the subscriber. Kept now and then: at worst it is read again."""
        if arrival.position is not None:
            self._passed_over[arrival.place] = arrival.position
        self._door.passed(arrival)


class _Beginning:
    """From where the facts go on, and up to which sequence the states know them already."""

    def __init__(self) -> None:
        self.positions: dict[str, str] = {}
        self.known: dict[tuple[str, str], int] = {}

    def newer_of(self, present: Present) -> Iterator[State]:
        """Those that are news: Kafka has older states beside the newest."""
        self.positions |= present.positions
        for state in present.states:
            of = (state.source, state.subject)
            if state.sequence > self.known.get(of, 0):
                self.known[of] = state.sequence
                yield state


async def _next(pages: AsyncIterator[Present]) -> Present | None:
    return await anext(pages, None)


class _LoopThread:
    """An event loop beside the subscriber's thread: Kafka's heartbeats go on while a fact is dealt
    with, however long that takes."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="ltc-client", daemon=True
        )
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:  # such as a signal: nothing goes on behind the back of who is gone
            future.cancel()
            raise

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
