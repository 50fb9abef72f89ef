"""HTTP as served: what comes around a body is bounded too.

The parser keeps a request's head, and trailers behind its body, for as long as they grow; and
whoever sends them has shown no token yet. So the bounds are here, before any application is asked.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chassis.problems import respond

DRAINING = "draining"
"""In the state of each request: an event that is set when the process is about to stop. What takes
its time by design, such as a stream, ends then."""
MAX_TARGET = 8_192
"""Bytes of path and query."""
MAX_FIELDS = 65_536
"""Bytes of all headers' names and values. A token of somebody with many teams is long."""
MAX_COUNT = 100
"""How many headers."""


class BoundedHttp(HttpToolsProtocol):
    """Answers 414 and 431 to what is over the bounds, and hangs up."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._refused = False
        self._in_head = True
        self._not_understood = 0
        """Bytes since the last whole head or piece of a body."""

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._not_understood += len(data)
        super().data_received(data)
        if self._not_understood > MAX_TARGET + MAX_FIELDS:
            self._refuse(431, "headers-too-large", f"headers have at most {MAX_FIELDS} bytes")

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # trailers are nobody's here, and must not pass for headers
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._not_understood = False, 0
        size = sum(len(name) + len(value) for name, value in self.headers)
        if len(self.url) > MAX_TARGET:
            self._refuse(414, "address-too-long", f"an address has at most {MAX_TARGET} bytes")
        elif len(self.headers) > MAX_COUNT or size > MAX_FIELDS:
            most = f"a request has at most {MAX_COUNT} headers of {MAX_FIELDS} bytes together"
            self._refuse(431, "headers-too-large", most)
        elif not self._refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._not_understood = 0
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            super().on_message_complete()

    def shutdown(self) -> None:
        draining: asyncio.Event | None = self.app_state.get(DRAINING)
        if draining is not None:
            draining.set()
        super().shutdown()

    def _refuse(self, status: int, kind: str, detail: str) -> None:
        """Say why and hang up; only hang up where an earlier answer is under way."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        if self.cycle is None or self.cycle.response_complete:
            answer = respond(status, kind, detail, headers={"Connection": "close"})
            head = [b"%b: %b\r\n" % field for field in answer.raw_headers]
            line = b"HTTP/1.1 %d \r\n" % status
            self.transport.write(b"".join([line, *head, b"\r\n", bytes(answer.body)]))
        self.transport.close()
