"""Limits of the HTTP protocol at a real port: headers, trailers, slow requests, pipelining."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from fastapi import FastAPI, Request

from chassis.wire import MAX_COUNT, MAX_FIELDS, MAX_TARGET, BoundedHttp
from local_infra.ports import free_port

app = FastAPI()
RELEASED = asyncio.Event()
"""What requests that are held wait for."""


@app.post("/echo")
async def echo(request: Request) -> dict[str, object]:
    body = await request.body()
    if "hold" in request.query_params:
        await RELEASED.wait()
    return {"body": len(body), "marked": request.headers.get("x-mark")}


class Caller:
    """A connection on which nothing is tidied up before it is sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *pieces: bytes) -> int:
        """Send until there is an end or the peer hangs up; how many pieces were taken."""
        sent = 0
        for piece in pieces:
            if self._writer.transport.is_closing() or self._reader.at_eof():
                break
            self._writer.write(piece)
            try:
                await self._writer.drain()
            except ConnectionError:
                break
            sent += 1
            await asyncio.sleep(0)
        return sent

    async def answer(self) -> tuple[int, dict[str, object]]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        body = json.loads(await self._reader.readexactly(length))
        assert ("problem+json" in head) == (" 200 " not in head.splitlines()[0])
        return int(head.split()[1]), body

    async def hung_up(self) -> bool:
        try:
            return await self._reader.read(1) == b""
        except ConnectionError:
            return True


@pytest.fixture(scope="module")
async def port() -> AsyncIterator[int]:
    port = free_port()
    config = uvicorn.Config(app, port=port, http=BoundedHttp, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)
    yield port
    server.should_exit = True
    await serving


@asynccontextmanager
async def a_caller(port: int) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()


def a_request(target: str = "/echo", *fields: str, body: bytes = b"") -> bytes:
    lines = [f"POST {target} HTTP/1.1", "Host: test", *fields, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


CHUNKED = b"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (a_request("/echo?q=" + "q" * (MAX_TARGET - 8)), 200),
        (a_request("/echo?q=" + "q" * (MAX_TARGET - 7)), 414),
        (a_request("/" + "p" * MAX_TARGET), 414),
        (a_request("/echo", "X-Mark: " + "m" * (MAX_FIELDS - 100)), 200),
        (a_request("/echo", "X-Mark: " + "m" * MAX_FIELDS), 431),
        (a_request("/echo", "Authorization: Bearer " + "t" * MAX_FIELDS), 431),
        (a_request("/echo", *[f"X-{n}: 1" for n in range(MAX_COUNT - 2)]), 200),
        (a_request("/echo", *[f"X-{n}: 1" for n in range(MAX_COUNT - 1)]), 431),
    ],
    ids=["long address", "too long", "long path", "long header", "header", "token", "many", "more"],
)
async def test_http_protocol_limits_the_size_of_the_request_head(
    port: int, request_: bytes, status: int
) -> None:
    async with a_caller(port) as caller:
        await caller.send(request_)
        answered, body = await caller.answer()
        assert answered == status
        if status != 200:
            assert str(body["type"]).startswith("urn:ltc:problem:")
            assert await caller.hung_up()


@pytest.mark.parametrize(
    "begin",
    [
        a_request().removesuffix(b"\r\n") + b"X-Mark: ",
        b"POST /echo?q=",
        CHUNKED + b"1\r\nb\r\n0\r\nX-Mark: ",
    ],
    ids=["header", "address", "trailer"],
)
async def test_http_protocol_closes_a_connection_with_an_unfinished_head(
    port: int, begin: bytes
) -> None:
    async with a_caller(port) as caller:
        taken = await caller.send(begin, *[b"m" * 16_384 for _ in range(2000)])
    assert taken < 1000, "more than 16 MB of it were taken"


async def test_http_protocol_does_not_take_trailers_for_headers(port: int) -> None:
    chunked = a_request("/echo", "Transfer-Encoding: chunked").replace(
        b"Content-Length: 0\r\n", b""
    )
    async with a_caller(port) as caller:
        await caller.send(chunked, b"4\r\nbody\r\n0\r\nX-Mark: late\r\n\r\n")
        assert await caller.answer() == (200, {"body": 4, "marked": None})


async def test_http_protocol_serves_many_requests_and_large_bodies_on_one_connection(
    port: int,
) -> None:
    async with a_caller(port) as caller:
        for size in (0, 5_000_000, 10, 300_000):
            await caller.send(a_request(body=b"b" * size))
            assert (await caller.answer())[1] == {"body": size, "marked": None}


async def test_http_protocol_sends_no_refusal_before_an_earlier_response(port: int) -> None:
    async with a_caller(port) as caller:
        await caller.send(a_request("/echo?hold=yes") + a_request("/" + "p" * MAX_TARGET))
        assert await caller.hung_up()
    RELEASED.set()
