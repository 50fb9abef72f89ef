"""A network that misbehaves on request: TCP wires between services and what they stand on.

Each wire listens on a port of its own and carries bytes to another. TCP forgives lost packets by
sending them again, so a direction that is *held* delivers what it held once it is let go, and a
wire that is *cut* resets its connections and refuses new ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal

CHUNK = 64 * 1024
Direction = Literal["up", "down"]
"""``up``: from the service to the server."""


@dataclass(eq=False)
class _Link:
    """One connection through a wire."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    swallowed: bool = False

    def abort(self) -> None:
        """Reset both ends, with what is in the buffers."""
        for writer in (self.client, self.server):
            _reset(writer)


@dataclass(eq=False)
class Wire:
    """From ``front`` to ``back`` on 127.0.0.1. Change it through `Network` only."""

    name: str
    front: int
    back: int
    delay_s: float = 0.0
    bytes_per_s: float = 0.0
    """0: as fast as it goes."""
    refusing: bool = False
    carried: int = 0
    _flows: dict[Direction, asyncio.Event] = field(default_factory=dict)
    _links: set[_Link] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def open(self) -> None:
        for direction in ("up", "down"):
            self._flows[direction] = asyncio.Event()
        self.heal()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.front)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.reset()
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- what can be done to it --------------------------------------------------------------

    def heal(self) -> None:
        """As if nothing had been. Connections that were half open end now."""
        self.delay_s = self.bytes_per_s = 0.0
        self.refusing = False
        for flow in self._flows.values():
            flow.set()
        for link in [*self._links]:
            if link.swallowed:
                link.abort()

    def cut(self) -> None:
        """Reset everything and refuse what comes."""
        self.refusing = True
        self.reset()

    def reset(self) -> None:
        """Reset the connections there are; new ones are welcome."""
        for link in [*self._links]:
            link.abort()

    def hold(self, *directions: Direction) -> None:
        """Carry nothing in these directions until healed; nobody is told."""
        for direction in directions:
            self._flows[direction].clear()

    def half_open(self) -> None:
        """The server sees its connections end; the services are not told and talk to nobody."""
        for link in [*self._links]:
            link.swallowed = True
            _reset(link.server)

    # --- carrying ----------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.refusing:
            _reset(writer)
            return
        try:
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.back)
        except OSError:
            _reset(writer)
            return
        link = _Link(writer, back_writer)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._carry(link, reader, back_writer, "up"),
                self._carry(link, back_reader, writer, "down"),
            )
        except OSError:
            link.abort()
        finally:
            self._links.discard(link)
            for each in (writer, back_writer):
                each.close()

    async def _carry(
        self,
        link: _Link,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        direction: Direction,
    ) -> None:
        while data := await self._read(link, reader):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            if self.bytes_per_s:
                await asyncio.sleep(len(data) / self.bytes_per_s)
            await self._flows[direction].wait()
            if link.swallowed:
                continue
            self.carried += len(data)
            writer.write(data)
            await writer.drain()
        if not link.swallowed and writer.can_write_eof():
            with contextlib.suppress(OSError):
                writer.write_eof()

    async def _read(self, link: _Link, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.read(CHUNK)
        except OSError:
            if not link.swallowed:
                raise
            return b""


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN."""
    raw = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        if raw is not None and raw.fileno() >= 0:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Network:
    """All wires, in a thread of their own."""

    def __init__(self) -> None:
        self.wires: dict[str, Wire] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()

    def lay(self, name: str, front: int, back: int) -> Wire:
        """A new wire, in working order."""
        wire = Wire(name, front, back)
        self._await(asyncio.run_coroutine_threadsafe(wire.open(), self._loop))
        self.wires[name] = wire
        return wire

    def do(self, names: Iterable[str], act: Callable[[Wire], Any]) -> None:
        """Do something to wires, from any thread: ``network.do(["billing.kafka"], Wire.cut)``."""

        async def each() -> None:
            for name in names:
                act(self.wires[name])

        self._await(asyncio.run_coroutine_threadsafe(each(), self._loop))

    def heal(self) -> None:
        self.do([*self.wires], Wire.heal)

    def close(self) -> None:
        async def end() -> None:
            await asyncio.gather(*(wire.close() for wire in self.wires.values()))

        self._await(asyncio.run_coroutine_threadsafe(end(), self._loop))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @staticmethod
    def _await(future: Future[None]) -> None:
        future.result(10)
