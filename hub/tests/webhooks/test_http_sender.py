"""One attempt of the webhook sender, against receivers that misbehave in every known way."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from contextlib import suppress
from ipaddress import ip_network

import pytest
import trustme
import uvloop

from hub.webhooks.guard import Guard
from hub.webhooks.retrying import Outcome
from hub.webhooks.sending import KEPT_BYTES, Result, Sender
from testkit.webhook_receiver import (
    Behaviour,
    accept,
    answer,
    flood,
    hang,
    hang_up,
    receiving,
    status,
    trickle,
)

GUARD = Guard(https_only=False, networks=(ip_network("127.0.0.0/8"),))


async def attempt(behave: Behaviour, *, attempt_s: float = 5.0) -> Result:
    async with receiving(behave) as receiver:
        sender = Sender(GUARD, attempt_s=attempt_s)
        try:
            return await sender.send(receiver.url(), b'{"a":1}', {"webhook-id": "e-1"})
        finally:
            await sender.close()


@pytest.mark.parametrize(
    ("behave", "outcome", "code"),
    [
        (accept, Outcome.ACCEPTED, 200),
        (answer(b"HTTP/1.1 204 X\r\n\r\n"), Outcome.ACCEPTED, 204),
        (status(204), Outcome.UNREACHABLE, None),  # with a body, which no 204 has
        (status(500), Outcome.REJECTED, 500),
        (status(400), Outcome.REJECTED, 400),
        (status(302, "Location: http://127.0.0.1:1/"), Outcome.REJECTED, 302),
        (status(410), Outcome.GONE, 410),
        (answer(b"\x00\xff no HTTP at all\r\n\r\n"), Outcome.UNREACHABLE, None),
        (answer(b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 200_000), Outcome.UNREACHABLE, None),
        (answer(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"), Outcome.REJECTED, 101),
        (hang_up, Outcome.UNREACHABLE, None),
    ],
)
async def test_webhook_sender_maps_every_response_to_an_outcome(
    behave: Behaviour, outcome: Outcome, code: int | None
) -> None:
    result = await attempt(behave)
    assert (result.outcome, result.status) == (outcome, code), result


@pytest.mark.parametrize("behave", [hang, trickle])
async def test_webhook_sender_bounds_the_time_of_a_slow_response(behave: Behaviour) -> None:
    """Neither receiver ever ends its answer."""
    result = await attempt(behave, attempt_s=0.4)
    assert result.outcome is Outcome.TIMEOUT


async def test_webhook_sender_bounds_the_size_of_a_response() -> None:
    result = await attempt(flood)
    assert result.outcome is Outcome.ACCEPTED
    assert len(result.body) == KEPT_BYTES


async def test_webhook_sender_reports_a_refused_connection() -> None:
    async with receiving() as receiver:
        url = receiver.url()
    sender = Sender(GUARD)
    try:
        result = await sender.send(url, b"{}", {})
    finally:
        await sender.close()
    assert result.outcome is Outcome.UNREACHABLE


async def test_webhook_sender_reports_an_unexpected_error_as_an_outcome() -> None:
    """Here the client is closed. A task without an outcome would leave its delivery untouched
    until the lease expires."""
    sender = Sender(GUARD)
    await sender.close()
    result = await sender.send("http://127.0.0.1:1/", b"{}", {})
    assert (result.outcome, result.error) == (
        Outcome.UNREACHABLE,
        "RuntimeError: Session is closed",
    )


async def test_webhook_sender_keeps_only_storable_parts_of_a_response() -> None:
    head = b"HTTP/1.1 500 X\r\nSet-Cookie: a=b\r\nX-Said: h\xffm\r\nContent-Length: 4\r\n\r\n"
    result = await attempt(answer(head + b"a\x00\xffb"))
    assert "\0" not in result.body
    assert result.headers == {"x-said": "h\ufffdm", "content-length": "4"}


async def test_webhook_sender_checks_the_certificate_by_name_with_a_pinned_address() -> None:
    """The certificate must match the host name, which is sent as SNI."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("shop.example").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    said: list[str | None] = []
    server.sni_callback = lambda _, name, __: said.append(name)

    async def loopback(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    guard = Guard(https_only=True, networks=GUARD.networks, resolve=loopback)
    async with receiving(tls=server) as receiver:
        outcomes = []
        for tls, host in (
            (trusting, "shop.example"),
            (trusting, "other.example"),
            (None, "shop.example"),
        ):
            sender = Sender(guard, tls=tls)
            try:
                result = await sender.send(f"https://{host}:{receiver.port}/hook", b"{}", {})
            finally:
                await sender.close()
            outcomes.append(result.outcome)
    assert outcomes == [Outcome.ACCEPTED, Outcome.UNREACHABLE, Outcome.UNREACHABLE]
    assert said == ["shop.example", "other.example", "shop.example"]
    assert len(receiver.calls) == 1


def test_webhook_sender_reports_a_connection_closed_at_once() -> None:
    """On the event loop of the services, where a socket may be gone before it is read."""
    door = socket.create_server(("127.0.0.1", 0), backlog=512)
    url = f"http://127.0.0.1:{door.getsockname()[1]}/"

    def hang_up_at_once() -> None:
        with suppress(OSError):  # the door is closed
            while True:
                caller, _ = door.accept()
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                caller.close()

    async def call() -> list[Result]:
        sender = Sender(GUARD)
        try:
            return await asyncio.gather(*(sender.send(url, b"{}", {}) for _ in range(256)))
        finally:
            await sender.close()

    thread = threading.Thread(target=hang_up_at_once)
    thread.start()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            results = runner.run(call())
    finally:
        door.shutdown(socket.SHUT_RDWR)
        door.close()
        thread.join()
    assert {result.outcome for result in results} == {Outcome.UNREACHABLE}
