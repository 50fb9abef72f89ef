"""The HTTP server of a process: it answers with the date, and stops when a signal says so."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from email.utils import parsedate_to_datetime

import httpx
import pytest

from local_infra.ports import free_port

PROGRAM = """
import sys
from ipaddress import ip_network
from chassis import server

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["client"][0].encode()})

server.TICK_S = 3600
proxies = [ip_network(network) for network in sys.argv[2:]]
server.run(
    app, port=int(sys.argv[1]), trusted_proxies=proxies, lifespan="off", log_level="critical"
)
"""


def started(port: int, *proxies: str) -> subprocess.Popen[bytes]:
    """A server whose tick comes after an hour. It answers with its caller's address."""
    command = [sys.executable, "-c", PROGRAM, str(port), *proxies]
    return subprocess.Popen(command)  # noqa: S603 - our own


def answered(process: subprocess.Popen[bytes], port: int, **headers: str) -> httpx.Response:
    """The first answer of a server that is starting."""
    while process.poll() is None:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/", headers=headers)
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server has ended")


@pytest.mark.parametrize(
    ("proxies", "caller"),
    [((), "127.0.0.1"), (("10.0.0.0/8",), "127.0.0.1"), (("127.0.0.0/8",), "203.0.113.9")],
)
def test_server_believes_trusted_proxies_alone_who_calls(
    proxies: tuple[str, ...], caller: str
) -> None:
    port = free_port()
    with started(port, *proxies) as process:
        try:
            answer = answered(process, port, **{"X-Forwarded-For": "203.0.113.9"})
        finally:
            process.kill()
    assert answer.text == caller


def test_server_dates_its_answers_and_stops_at_a_signal_without_a_tick() -> None:
    port = free_port()
    with started(port) as process:
        answer = answered(process, port)
        assert parsedate_to_datetime(answer.headers["date"]).tzinfo is not None
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(timeout=60) == -signal.SIGTERM
        finally:
            process.kill()


def test_server_ends_with_a_failure_where_its_port_is_taken() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        started(taken.getsockname()[1]) as process,
    ):
        assert process.wait(timeout=120) > 0
