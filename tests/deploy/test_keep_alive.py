"""Idle HTTP connections stay open longer than callers keep them."""

from __future__ import annotations

import http.client
import time
from pathlib import Path

from testkit.single_service import single_service

USUAL_S = 5.0
"""So long do httpx and uvicorn keep an idle connection when nobody tells them otherwise: with the
same number on either side, requests now and then meet a connection that is being closed."""


def test_service_keeps_an_idle_connection_longer_than_its_caller(tmp_path: Path) -> None:
    with single_service("lead_svc", tmp_path) as service:
        assert service.run("migrate").returncode == 0
        with service.serving():
            caller = http.client.HTTPConnection("127.0.0.1", int(service.settings["LTC_HTTP_PORT"]))
            caller.request("GET", "/health/live")
            caller.getresponse().read()
            kept = caller.sock
            time.sleep(USUAL_S + 1.5)
            caller.request("GET", "/health/live")
            again = caller.getresponse().status

            assert again == 200
            assert caller.sock is kept
            caller.close()
