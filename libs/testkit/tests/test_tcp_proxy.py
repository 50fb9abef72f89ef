"""The TCP proxy injects the faults that tests ask for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from local_infra.ports import free_port
from testkit.deadline import DEADLINE_S
from testkit.tcp_proxy import Network, Wire

SOON_S = 0.3


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says everything back; its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65536):
                    connection.sendall(data)
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


@pytest.fixture
def network(echo: int) -> Iterator[Network]:
    made = Network()
    made.lay("wire", free_port(), echo)
    yield made
    made.close()


def connect(network: Network) -> socket.socket:
    return socket.create_connection(("127.0.0.1", network.wires["wire"].front), timeout=DEADLINE_S)


def said_back(connection: socket.socket, words: bytes, within_s: float = DEADLINE_S) -> bytes:
    """What comes back; nothing when it takes too long."""
    connection.settimeout(within_s)
    connection.sendall(words)
    try:
        return connection.recv(65536)
    except TimeoutError:
        return b""


def test_tcp_proxy_healthy_connection_carries_data(network: Network) -> None:
    with connect(network) as connection:
        assert said_back(connection, b"hello") == b"hello"
        assert network.wires["wire"].carried == 10


def test_tcp_proxy_cut_resets_and_refuses_until_healed(network: Network) -> None:
    with connect(network) as connection:
        assert said_back(connection, b"a") == b"a"
        network.do(["wire"], Wire.cut)
        with pytest.raises(ConnectionResetError):
            said_back(connection, b"b")
    with pytest.raises(OSError, match="reset"), connect(network) as connection:
        said_back(connection, b"c")
    network.heal()
    with connect(network) as connection:
        assert said_back(connection, b"d") == b"d"


@pytest.mark.parametrize("way", ["up", "down"])
def test_tcp_proxy_held_direction_is_delivered_when_healed(network: Network, way: str) -> None:
    with connect(network) as connection:
        network.do(["wire"], lambda wire: wire.hold(way))  # type: ignore[arg-type]
        assert said_back(connection, b"late", SOON_S) == b""
        network.heal()
        connection.settimeout(5)
        assert connection.recv(10) == b"late"


def test_tcp_proxy_half_open_connection_answers_nothing(network: Network) -> None:
    with connect(network) as connection:
        assert said_back(connection, b"a") == b"a"
        network.do(["wire"], Wire.half_open)
        assert said_back(connection, b"b", SOON_S) == b""
        network.heal()
        with pytest.raises(OSError, match="reset"):
            said_back(connection, b"c")


def test_tcp_proxy_delay_applies_in_both_directions(network: Network) -> None:
    def slow(wire: Wire) -> None:
        wire.delay_s = 0.1

    network.do(["wire"], slow)
    with connect(network) as connection:
        began = time.monotonic()
        assert said_back(connection, b"a") == b"a"
        assert time.monotonic() - began >= 0.2
