"""``python -m local_infra.forking SOCKET MODULE…``: import the modules and fork on request."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

from local_infra.forking.loaded import Loaded
from local_infra.forking.program import become, run
from local_infra.forking.protocol import Start
from local_infra.forking.server import IDLE_S, Server, listen


def serve() -> Start:
    """Serve until ended. Returns in each child, with what it is to run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inherited", help="descriptors of the socket and of a client")
    parser.add_argument(
        "--idle-s", type=float, default=IDLE_S, help="end so long after the last child"
    )
    parser.add_argument("socket", type=Path)
    parser.add_argument("modules", nargs="*")
    given = parser.parse_args()
    pending = None
    if given.inherited:
        listener, pending = (socket.socket(fileno=int(n)) for n in given.inherited.split(","))
        for kept in (listener, pending):
            kept.set_inheritable(False)
    else:
        # Before the imports: clients may connect meanwhile, and wait for their answer.
        listener = listen(given.socket)
    return Server(listener, Loaded(given.modules), given.idle_s).run(pending)


if __name__ == "__main__":
    program = serve()
    become(program)
    run(program)
