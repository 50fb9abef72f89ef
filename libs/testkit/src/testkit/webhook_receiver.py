"""A receiver on 127.0.0.1 that behaves as badly as it is told to, and remembers what it got."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from testkit.deadline import DEADLINE_S

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Behaviour = Callable[["Call", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came over the wire."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]


async def accept(_: Call, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


def answer(raw: bytes) -> Behaviour:
    """These bytes, whatever was asked."""

    async def say(_: Call, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return say


def status(code: int, *headers: str) -> Behaviour:
    more = "".join(f"{header}\r\n" for header in headers)
    return answer(f"HTTP/1.1 {code} X\r\nContent-Length: 4\r\n{more}\r\nbusy".encode())


async def hang(_: Call, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def hang_up(_: Call, writer: asyncio.StreamWriter) -> None:
    """End in the middle of the answer."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.close()


async def trickle(_: Call, writer: asyncio.StreamWriter) -> None:
    """A byte now and then, so that no read ever times out."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\nx\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def flood(_: Call, writer: asyncio.StreamWriter) -> None:
    """An answer without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        await writer.drain()


@dataclass(slots=True)
class Receiver:
    """What listens. ``behave`` may be changed at any time; paths may behave on their own."""

    port: int = 0
    behave: Behaviour = accept
    at: dict[str, Behaviour] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    connections: int = 0
    _called: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def ids(self, path: str | None = None) -> list[str]:
        return [c.event_id for c in self.calls if path is None or c.path == path]

    async def until(self, calls: int) -> None:
        """Wait for so many calls in all."""
        async with asyncio.timeout(DEADLINE_S):
            while len(self.calls) < calls:
                self._called.clear()
                await self._called.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while call := await _read(reader):
                self.calls.append(call)
                self._called.set()
                await self.at.get(call.path, self.behave)(call, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Call | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines) if n}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Call(first.split(" ")[1], headers, body)


@asynccontextmanager
async def receiving(
    behave: Behaviour = accept, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """A receiver on a free port of the loopback interface."""
    receiver = Receiver(behave=behave)
    open_now: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_now.add(task)
        try:
            await receiver.serve(reader, writer)
        except asyncio.CancelledError:
            writer.close()
        finally:
            open_now.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls, backlog=2048)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in list(open_now):
            task.cancel()
        with contextlib.suppress(Exception):
            await asyncio.gather(*open_now, return_exceptions=True)
