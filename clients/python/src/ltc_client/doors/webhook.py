"""Door 2: the hub calls us. A small receiver for those who have no web server of their own."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from contracts.envelope import MalformedEnvelope
from ltc_client.doors import Arrival, Present
from ltc_client.errors import BadSignature, ClientError
from ltc_client.fact import from_cloudevent
from ltc_client.signatures import Verifier

PLACE: Final = "webhook"
LARGEST: Final = 1 << 20
SILENCE_S: Final = 0.5
_log = logging.getLogger("ltc_client")


class WebhookDoor:
    """Answers 204 once the subscriber is through with a fact, and 503 when it is not in time: the
    hub sends it again. A webhook may come twice and, where its endpoint is unordered or a range is
    resent, late: it is recognised by its id alone."""

    in_order = False

    def __init__(
        self, verifier: Verifier, *, host: str, port: int, path: str, patience_s: float
    ) -> None:
        self._verifier = verifier
        self._address = (host, port)
        self._path = path
        self._patience_s = patience_s
        self._waiting: deque[tuple[Arrival, Future[None]]] = deque()
        self._handed_out: dict[int, Future[None]] = {}
        self._arrived = asyncio.Event()
        self._server: ThreadingHTTPServer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def port(self) -> int:
        """Where it listens, once it is open."""
        return self._address[1]

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        door = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 30

            def do_POST(self) -> None:
                door._answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                _log.debug(format, *args)

        self._server = ThreadingHTTPServer(self._address, Handler)
        self._server.daemon_threads = True
        self._address = (self._address[0], self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    async def next(self) -> Sequence[Arrival] | None:
        if not self._waiting:
            self._arrived.clear()
            try:
                async with asyncio.timeout(SILENCE_S):  # `wait_for` may lose a cancellation
                    await self._arrived.wait()
            except TimeoutError:
                return []
        arrival, answered = self._waiting.popleft()
        self._handed_out[id(arrival)] = answered
        return [arrival]

    async def resume(self, positions: Mapping[str, str]) -> None:
        """The hub knows what it has delivered."""

    async def states(self) -> AsyncGenerator[Present, None]:
        raise ClientError("webhooks have no states: begin at the feed, with the same checkpoint")
        yield

    def passed(self, arrival: Arrival) -> None:
        answered = self._handed_out.pop(id(arrival))
        if not answered.cancelled():
            answered.set_result(None)

    async def close(self) -> None:
        if self._server is None:
            return
        for answered in (*self._handed_out.values(), *(waiting[1] for waiting in self._waiting)):
            answered.cancel()
        await asyncio.to_thread(self._server.shutdown)
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        """In a thread of the request's own."""
        status, said = self._hear(request)
        body = said.encode()
        request.send_response(status)
        if body:
            request.send_header("Content-Type", "text/plain; charset=utf-8")
        if status == 503:
            request.send_header("Retry-After", "1")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _hear(self, request: BaseHTTPRequestHandler) -> tuple[int, str]:
        length = request.headers.get("content-length", "")
        if not length.isdigit():
            return 411, "say how long it is"
        body = request.rfile.read(min(int(length), 2 * LARGEST))  # else no answer reaches them
        if int(length) > LARGEST:
            return 413, f"more than {LARGEST} bytes"
        if request.path != self._path:
            return 404, "no webhooks are heard here"
        try:
            self._verifier.verify(dict(request.headers.items()), body)
        except BadSignature as error:
            return 401, str(error)
        try:
            fact = from_cloudevent(json.loads(body))
        except (MalformedEnvelope, ValueError, TypeError, AttributeError) as error:
            return 400, f"no fact: {error}"
        answered: Future[None] = Future()
        assert self._loop is not None  # noqa: S101 - opened before it listens
        self._loop.call_soon_threadsafe(self._arrive, Arrival(PLACE, None, fact), answered)
        try:
            answered.result(self._patience_s)
        except (TimeoutError, CancelledError):
            answered.cancel()
            return 503, "not dealt with in time: send it again"
        return 204, ""

    def _arrive(self, arrival: Arrival, answered: Future[None]) -> None:
        self._waiting.append((arrival, answered))
        self._arrived.set()
