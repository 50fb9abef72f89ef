"""The hub behind a real HTTP server, for what only shows on a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import uvicorn
from joserfc.jwk import KeySet

from chassis.app import create_app
from chassis.wire import BoundedHttp
from testkit.deadline import DEADLINE_S
from testkit.harness import KEY, Harness


@dataclass
class Served:
    """A server and how to reach it."""

    server: uvicorn.Server
    running: asyncio.Task[None]
    url: str

    def client(self, like: httpx.AsyncClient) -> httpx.AsyncClient:
        """Somebody with the token of another client."""
        return httpx.AsyncClient(base_url=self.url, headers=like.headers, timeout=DEADLINE_S)


@asynccontextmanager
async def served(under_test: Harness) -> AsyncIterator[Served]:
    """Serve the database of a harness until the end of the block. The server waits for open
    requests without a limit when it stops."""
    app = create_app(under_test.service, under_test.settings)
    app.state.authenticator.trust(KeySet([KEY]))
    config = uvicorn.Config(app, port=0, http=BoundedHttp, log_config=None)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(server, running, f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        await running
