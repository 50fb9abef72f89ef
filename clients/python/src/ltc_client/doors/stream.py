"""Door 3 as a stream of server-sent events: each fact as soon as the hub has it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

import httpx

from ltc_client.doors import Arrival
from ltc_client.doors.feed import LATEST, PLACE, FeedDoor, as_fact

STREAM: Final = "text/event-stream"
AGAIN_S: Final = 0.5
"""After a stream has ended, as each does after minutes."""
_log = logging.getLogger("ltc_client")


class StreamDoor(FeedDoor):
    """Listens for as long as the hub speaks, and asks again behind the last event it has had."""

    _chunks: AsyncIterator[str] | None = None
    _stream: httpx.Response | None = None
    _begun = ""
    """Of an event, what has come of it."""

    async def next(self) -> Sequence[Arrival] | None:
        if self._asks:
            return None
        try:
            if self._chunks is None:
                await self._listen()
            assert self._chunks is not None  # noqa: S101 - we listen
            *whole, self._begun = (self._begun + await anext(self._chunks)).split("\n\n")
        except (httpx.TransportError, StopAsyncIteration) as error:
            _log.info("the stream ended: %s %s", type(error).__name__, error)
            await self._hang_up()
            await asyncio.sleep(AGAIN_S)
            return []
        except asyncio.CancelledError:  # what came of a chunk is gone: it is asked for again
            await self._hang_up()
            raise
        return [arrival for block in whole if (arrival := self._arrival(block)) is not None]

    async def close(self) -> None:
        await self._hang_up()
        await super().close()

    async def _listen(self) -> None:
        headers = {"Accept": STREAM}
        asked = self._question()
        if self._cursor not in (None, LATEST):
            headers["Last-Event-ID"] = asked.pop("after")
        self._stream = await self._patiently("events", asked, _speaks, **headers)
        self._chunks = self._stream.aiter_text()

    async def _hang_up(self) -> None:
        stream, self._stream, self._chunks, self._begun = self._stream, None, None, ""
        if stream is not None:
            await stream.aclose()

    def _arrival(self, block: str) -> Arrival | None:
        """A fact, or only how far the feed was looked through."""
        told = _fields(block)
        if "id" not in told:
            return None
        before, self._cursor = self._cursor, told["id"]
        if "data" not in told:
            return None if before == self._cursor else Arrival(PLACE, self._cursor, None)
        try:
            return Arrival(PLACE, self._cursor, as_fact(json.loads(told["data"])))
        except ValueError:
            _log.warning("an event of the stream is no JSON, passed over")
            return Arrival(PLACE, self._cursor, None)


def _fields(block: str) -> Mapping[str, str]:
    """Of one event. The hub says each in one line."""
    lines = (line.partition(":") for line in block.splitlines() if not line.startswith(":"))
    return {name: value.removeprefix(" ") for name, _, value in lines}


async def _speaks(answer: httpx.Response) -> httpx.Response:
    if not answer.headers.get("content-type", "").startswith(STREAM):
        await answer.aclose()
        raise ValueError("what answers is no stream")
    return answer
