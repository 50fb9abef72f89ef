"""The HTTP server of a process: uvicorn, which at rest wakes once a second instead of ten times."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE

Network = IPv4Network | IPv6Network

TICK_S = 1.0
"""The date that answers carry is kept up to the second."""


class Server(uvicorn.Server):
    """Sleeps until it is told to stop, but for the date. uvicorn itself asks ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told_to_stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._told_to_stop.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told_to_stop.set)


def run(app: ASGIApp, *, trusted_proxies: Sequence[Network] = (), **options: Any) -> None:
    """Serve until a signal says to stop. What `uvicorn.run` does with one process. Who is called
    through a trusted proxy sees the address that the proxy names; uvicorn itself would believe
    everybody on this machine."""
    proxies = [str(network) for network in trusted_proxies]
    config = uvicorn.Config(
        app, proxy_headers=bool(proxies), forwarded_allow_ips=proxies, **options
    )
    server = Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)
