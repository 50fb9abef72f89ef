"""Ports: a taken one is reported, and a given one is not given again."""

from __future__ import annotations

import os
import socket

import pytest

from local_infra import ports
from local_infra.errors import PortTaken
from local_infra.ports import free_block, free_port, is_free, require_free


def test_port_taken_is_named_with_purpose_and_holder() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(PortTaken) as refusal:
            require_free(port, "Kafka")

    assert f"port {port} for Kafka is taken by " in str(refusal.value)
    assert f"(pid {os.getpid()})" in str(refusal.value)
    assert refusal.value.exit_code == 4


def test_port_free_can_be_bound() -> None:
    port = free_port()

    assert is_free(port)
    require_free(port, "nothing yet")


def test_port_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens on it yet, but its receiver will."""
    monkeypatch.setattr(ports, "_given", set())
    base = free_block(12)
    others = {free_port() for _ in range(3_000)} | {free_block(2) + 1 for _ in range(500)}

    assert len(others) == 3_500
    assert others.isdisjoint(range(base, base + 12))
