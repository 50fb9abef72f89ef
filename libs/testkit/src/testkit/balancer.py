"""A balancer on one port: each new connection goes to the next instance that is in its rotation."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from itertools import count


class Balancer:
    """Started at once, in a thread of its own. Its targets are ports on 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self.targets: list[int] = []
        self._turn = count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="balancer")
        self._thread.start()
        opening = asyncio.start_server(self._serve, "127.0.0.1", port)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:  # a connection that was being accepted begins another
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        targets = list(self.targets)
        if not targets:
            writer.close()
            return
        target = targets[next(self._turn) % len(targets)]
        try:
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return
        there = asyncio.create_task(_pump(reader, back_writer))
        try:
            await _pump(back_reader, writer)
        finally:
            there.cancel()
            writer.close()
            back_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
