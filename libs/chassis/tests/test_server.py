"""The HTTP server of a process: it answers with the date, and stops when a signal says so."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from email.utils import parsedate_to_datetime

import httpx

from local_infra.ports import free_port

PROGRAM = """
import sys
from chassis import server

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})

server.TICK_S = 3600
server.run(app, port=int(sys.argv[1]), lifespan="off", log_level="critical")
"""


def started(port: int) -> subprocess.Popen[bytes]:
    """A server whose tick comes after an hour."""
    command = [sys.executable, "-c", PROGRAM, str(port)]
    return subprocess.Popen(command)  # noqa: S603 - our own


def test_server_dates_its_answers_and_stops_at_a_signal_without_a_tick() -> None:
    port = free_port()
    with started(port) as process:
        answer = None
        while answer is None and process.poll() is None:
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/")
            except httpx.TransportError:
                time.sleep(0.05)
        assert answer is not None
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
