"""A PostgreSQL that speaks TLS, for tests: the wheel's server is built without it.

A front takes the request for TLS as PostgreSQL's protocol has it, shakes hands, and passes on what
it hears to the real server. Who does not ask for TLS is sent away.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from local_infra.ports import free_port
from testkit.secured_kafka import Certificate

SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


@contextmanager
def tls_front(server_port: int, certificate: Certificate) -> Iterator[int]:
    """The port of a front before a server, until left."""
    port = free_port()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate.chain, certificate.key)
    loop = asyncio.new_event_loop()
    listening = threading.Event()
    over = asyncio.Event()

    async def serve() -> None:
        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await _shake_hands_and_pass_on(reader, writer, server_port, tls)
            writer.close()

        async with await asyncio.start_server(take, "127.0.0.1", port):
            listening.set()
            await over.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="tls-front")
    thread.start()
    try:
        assert listening.wait(10)
        yield port
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


async def _shake_hands_and_pass_on(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    server_port: int,
    tls: ssl.SSLContext,
) -> None:
    if await reader.readexactly(len(SSL_REQUEST)) != SSL_REQUEST:
        return
    writer.write(b"S")
    await writer.start_tls(tls)
    to_server = await asyncio.open_connection("127.0.0.1", server_port)
    try:
        await asyncio.gather(_pass_on(reader, to_server[1]), _pass_on(to_server[0], writer))
    finally:
        to_server[1].close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
