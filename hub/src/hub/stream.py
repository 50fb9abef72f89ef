"""The feed as server-sent events: for as long as somebody listens, from where they were."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator

from chassis.problems import Problem
from hub.feed import Page
from hub.readers import Reader

logger = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
"""How long a listener hears nothing at most; proxies hang up on silence."""
STREAM_S = 600.0
"""A stream ends after this, and its listener comes again with a token that is looked at again."""
LIMIT = 200
"""Events that are read at once."""


async def stream(reader: Reader, page: Page) -> AsyncIterator[bytes]:
    """Events from a page on."""
    until = time.monotonic() + STREAM_S
    yield b"retry: 1000\n\n"
    try:
        while True:
            for event in page.events:
                yield f"id: {event.cursor}\nevent: {event.type}\ndata: {event.text}\n\n".encode()
            if not page.events:  # also tells how far the feed was looked through
                yield f": still here\nid: {page.next}\n\n".encode()
            if time.monotonic() > until or reader.must_end:
                return
            page = await reader.wait(page.next, LIMIT, within_s=HEARTBEAT_S)
    except Problem as problem:
        logger.info("the stream of %s ends: %s", reader.name, problem.detail)
    except Exception as error:
        logger.warning("the stream of %s breaks: %s: %s", reader.name, type(error).__name__, error)
