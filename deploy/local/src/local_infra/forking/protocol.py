"""What client and server exchange on the socket.

The client sends one `Start` as a line of JSON, with the three files that become standard input,
output and error. It gets an answer, also a line of JSON: ``{"refused": why}`` from the server, or
``{"pid": …}`` from the child. The child runs once the client has sent `GO`, so that no program runs
that its starter has not noted. A client that waits then gets ``{"returncode": …}``.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

GO = b"!"
CHUNK = 65_536


@dataclass(frozen=True)
class Start:
    """One start of a program: a Python command, its complete environment and its folder."""

    command: Sequence[str]
    """The interpreter, ``-m``, a module, and the arguments of the module."""
    environment: Mapping[str, str]
    folder: str
    waits: bool = False
    """Whether the client waits for the exit code."""
    files: tuple[int, ...] = field(default=(), compare=False)
    """Descriptors of standard input, output and error in the receiving process."""

    @property
    def module(self) -> str:
        return self.command[2]

    @property
    def arguments(self) -> list[str]:
        return list(self.command[3:])


def send_start(connection: socket.socket, start: Start) -> None:
    """Send a request with its three files."""
    asked = {**vars(start), "environment": dict(start.environment)}
    del asked["files"]
    line = json.dumps(asked).encode() + b"\n"
    sent = socket.send_fds(connection, [line], list(start.files))
    connection.sendall(line[sent:])


def receive_start(connection: socket.socket) -> Start:
    """Read a request. Raises ValueError for what is none, OSError when the client is away."""
    text, files, _, _ = socket.recv_fds(connection, CHUNK, 3)
    try:
        while not text.endswith(b"\n"):
            more = connection.recv(CHUNK)
            if not more:
                raise ConnectionResetError("the client closed the connection in its request")
            text += more
        if len(files) != 3:
            raise ValueError("a request comes with three files")
        return Start(**json.loads(text), files=tuple(files))
    except (TypeError, ValueError, OSError) as error:
        for file in files:
            os.close(file)
        raise error if isinstance(error, OSError) else ValueError(str(error)) from error


def send_answer(connection: socket.socket, **answer: Any) -> None:
    connection.sendall(json.dumps(answer).encode() + b"\n")


def receive_answer(connection: socket.socket) -> dict[str, Any]:
    """Read one answer. Raises ConnectionResetError when none comes."""
    text = b""
    while not text.endswith(b"\n"):
        more = connection.recv(1)
        if not more:
            raise ConnectionResetError("the fork server closed the connection")
        text += more
    answer: dict[str, Any] = json.loads(text)
    return answer
