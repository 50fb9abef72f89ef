"""Prometheus and Alertmanager as compose runs them, watching an installation on loopback.

The configuration is the committed one. Replaced are the two files that say who is watched and who
is told, the addresses of receiver and console, and waiting times that are made for people.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import httpx
import yaml

from local_infra.ports import free_port
from local_infra.processes import Child, wait_until
from testkit.tools import program
from tests.observability.collector import CONFIGS

Alert = dict[str, Any]


class Monitoring:
    """A running Prometheus, its Alertmanager, and what the receiver was told."""

    def __init__(self, home: Path, targets: Mapping[str, str], *, console: str) -> None:
        self.told: list[Alert] = []
        self.url = f"http://127.0.0.1:{free_port()}"
        self._home = home
        self._targets = targets
        self._console = console
        self._manager = f"127.0.0.1:{free_port()}"

    def query(self, expression: str) -> list[Any]:
        """What an instant query returns. Raises for one that Prometheus refuses."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        found: list[Any] = answer.json()["data"]["result"]
        return found

    def all_scraped_at(self) -> float:
        """Since when every target has been asked, as seconds since 1970; 0 while one was not."""
        times = [float(found["value"][1]) for found in self.query("timestamp(up)")]
        return min(times) if len(times) == len(self._targets) else 0.0

    def label_values(self, label: str, series: str) -> list[str]:
        path = f"{self.url}/api/v1/label/{label}/values"
        answer = httpx.get(path, params={"match[]": series}).raise_for_status()
        values: list[str] = answer.json()["data"]
        return values

    def heard(self, alert: str, service: str, status: str) -> bool:
        """Whether the receiver was told this of this service, as the last thing."""
        said = self.told_of(alert, service)
        return bool(said) and said[-1]["status"] == status

    def told_of(self, alert: str, service: str) -> list[Alert]:
        """Everything that the receiver was told of this, in its order."""
        about = (alert, service)
        return [
            told
            for told in list(self.told)
            if (told["labels"]["alertname"], told["labels"]["service"]) == about
        ]

    @contextmanager
    def running(self) -> Iterator[None]:
        with ExitStack() as stack:
            receiver = stack.enter_context(_receiver(self.told))
            self._write(receiver)
            for name, command, ready in self._programs():
                child = Child(name, self._home / "run", self._home / "logs")
                stack.callback(child.stop)
                child.start(command)
                wait_until(lambda at=ready: _ok(at), child=child, what=name)
            yield

    def _programs(self) -> list[tuple[str, list[str], str]]:
        prometheus = [
            program("prometheus"),
            f"--config.file={self._home / 'prometheus' / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._home / 'series'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
        ]
        alertmanager = [
            program("prometheus-alertmanager", "alertmanager"),
            f"--config.file={self._home / 'alertmanager.yml'}",
            f"--storage.path={self._home / 'alerts'}",
            f"--web.listen-address={self._manager}",
            "--cluster.listen-address=",
        ]
        return [
            ("alertmanager", alertmanager, f"http://{self._manager}/-/ready"),
            ("prometheus", prometheus, f"{self.url}/-/ready"),
        ]

    def _write(self, receiver: str) -> None:
        folder = self._home / "prometheus"
        shutil.copytree(CONFIGS / "prometheus", folder)
        targets = [
            {"targets": [target], "labels": {"service": service}}
            for service, target in self._targets.items()
        ]
        (folder / "targets.yml").write_text(yaml.safe_dump(targets))
        (folder / "alertmanagers.yml").write_text(yaml.safe_dump([{"targets": [self._manager]}]))
        config = (folder / "prometheus.yml").read_text()
        config = config.replace("_interval: 5s", "_interval: 1s")
        config = re.sub(r'(console: )"[^"]+"', rf'\1"{self._console}"', config)
        (folder / "prometheus.yml").write_text(config)
        rules = (folder / "rules.yml").read_text()
        (folder / "rules.yml").write_text(re.sub(r"(?m)^( +for): .*$", r"\1: 1s", rules))
        told = yaml.safe_load((CONFIGS / "alertmanager" / "alertmanager.yml").read_text())
        told["route"] |= {"group_wait": "1s", "group_interval": "2s"}
        told["receivers"][0]["webhook_configs"][0]["url"] = receiver
        (self._home / "alertmanager.yml").write_text(yaml.safe_dump(told))


def _ok(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        cast("_Receiver", self.server).told += told["alerts"]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what was told is kept."""


class _Receiver(ThreadingHTTPServer):
    daemon_threads = True
    told: list[Alert]


@contextmanager
def _receiver(told: list[Alert]) -> Iterator[str]:
    server = _Receiver(("127.0.0.1", 0), _Handler)
    server.told = told
    thread = threading.Thread(target=server.serve_forever, name="receiver")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/alerts"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
