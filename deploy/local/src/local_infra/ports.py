"""Ports on 127.0.0.1: free ones found, and a taken one named together with whoever holds it."""

from __future__ import annotations

import contextlib
import random
import socket

import psutil

from local_infra.errors import PortTaken

_given: set[int] = set()


def free_port() -> int:
    """A port that nobody listens on now, below those that the system gives to outgoing
    connections: one of those might be taken again before we listen."""
    return free_block(1)


def free_block(size: int) -> int:
    """The first of so many such ports in a row. Whoever asks twice gets others: what was given is
    not listened on yet."""
    while True:
        first = random.randrange(20_000, 32_000 - size)  # noqa: S311 - no secret
        ports = range(first, first + size)
        if _given.isdisjoint(ports) and all(map(is_free, ports)):
            _given.update(ports)
            return first


def is_free(port: int) -> bool:
    """Whether we could listen on a port. Closed connections that linger do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_open(port: int) -> bool:
    """Whether somebody accepts connections on a port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def require_free(port: int, purpose: str) -> None:
    """Raise PortTaken naming the port, what it is for, and who holds it when that can be seen."""
    if not is_free(port):
        raise PortTaken(f"port {port} for {purpose} is taken{_by_whom(port)}")


def _by_whom(port: int) -> str:
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == "LISTEN":
                if connection.pid is None:
                    break
                name = psutil.Process(connection.pid).name()
                return f" by {name} (pid {connection.pid})"
    return ""
