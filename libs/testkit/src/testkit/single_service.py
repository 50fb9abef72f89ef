"""One service's own program on its database and Kafka, with no variable but those it is given."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx

from local_infra.ports import free_port
from testkit.deadline import DEADLINE_S
from testkit.servers import create_database, drop_database, kafka_bootstrap


@dataclass
class SingleService:
    """What a platform team holds of one service: its program, its database, its settings."""

    package: str
    dsn: str
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        scheme = "https" if "LTC_HTTP_TLS_CERT_FILE" in self.settings else "http"
        return f"{scheme}://127.0.0.1:{self.settings['LTC_HTTP_PORT']}"

    def environment(self, **changes: str | None) -> dict[str, str]:
        """Exactly this reaches the process; a change to None leaves a variable out."""
        asked = {"PATH": os.environ["PATH"], **self.settings, **changes}
        return {name: value for name, value in asked.items() if value is not None}

    def run(self, *words: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
        """``quote-svc migrate``, or a ``serve`` that is expected to end."""
        return self.run_module(self.package, *words, **changes)

    def run_module(
        self, module: str, *words: str, **changes: str | None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *words],
            env=self.environment(**changes),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    @contextmanager
    def serving(
        self, *, verify: ssl.SSLContext | bool = True, **changes: str | None
    ) -> Iterator[httpx.Client]:
        """A process that serves and is ready, until left; it must end by itself when told to."""
        log = self.folder / "serve.log"
        with log.open("w") as written:
            process = subprocess.Popen(
                [sys.executable, "-m", self.package, "serve"],
                env=self.environment(**changes),
                cwd=self.folder,
                stdout=written,
                stderr=written,
            )
        try:
            with httpx.Client(base_url=self.url, timeout=DEADLINE_S, verify=verify) as client:
                _until_ready(client, process, log)
                yield client
        finally:
            process.terminate()
            code = process.wait(DEADLINE_S)
        assert code in (0, -15), log.read_text()[-2000:]


def _until_ready(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + DEADLINE_S
    last = "no answer"
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            answer = client.get("/health/ready")
        except httpx.TransportError:
            pass
        else:
            last = answer.text
            if answer.status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"not ready: {last}\n{log.read_text()[-2000:]}")


@contextmanager
def single_service(package: str, folder: Path, **settings: str) -> Iterator[SingleService]:
    """A service with an empty database of its own on the tests' servers, not migrated yet."""
    name = f"t_bare_{package}_{uuid4().hex[:8]}"
    dsn = create_database(name)
    given = {
        "LTC_DATABASE_URL": dsn.replace("postgresql://", "postgresql+asyncpg://", 1),
        "LTC_KAFKA_BOOTSTRAP": kafka_bootstrap(),
        "LTC_HTTP_PORT": str(free_port()),
        **settings,
    }
    try:
        yield SingleService(package, dsn, folder, given)
    finally:
        drop_database(name)
