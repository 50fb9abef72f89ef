"""A hub of its own: its program, its database, the tests' Kafka, and tokens that it believes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import httpx
import psycopg
from joserfc.jwk import KeySet

from chassis.issuer import sign
from contracts.catalog import PUBLIC_TOPICS
from testkit.deadline import DEADLINE_S
from testkit.harness import KEY
from testkit.servers import kafka_bootstrap
from testkit.service_instances import start_at_end
from testkit.single_service import SingleService, _until_ready, single_service

WEBHOOKS: Final = {
    "LTC_EGRESS_NETWORKS": "127.0.0.0/8",
    "LTC_LINK_SECRET": token_hex(32),
}
"""What a hub needs to post to receivers on this machine."""


@dataclass
class Hub:
    """A running one, which can be killed and started again."""

    program: SingleService
    issuer: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.program.url

    def token(self, sub: str = "board", *roles: str) -> str:
        given = list(roles or ("subscriber",))
        return sign(KEY, self.issuer, sub=sub, name=sub, roles=given, teams=[], ttl_s=3600)

    def start(self) -> None:
        log = self.program.folder / "serve.log"
        with log.open("a") as written:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hub", "serve"],
                env=self.program.environment(),
                cwd=self.program.folder,
                stdout=written,
                stderr=written,
            )
        with httpx.Client(base_url=self.url, timeout=DEADLINE_S) as client:
            _until_ready(client, self.process, log)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """As an installation does: its place in Kafka's group is free at once."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(DEADLINE_S)

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.program.dsn, autocommit=True) as database:
            database.execute(statement)

    def rows(self, statement: str) -> list[Any]:
        with psycopg.connect(self.program.dsn, autocommit=True) as database:
            return database.execute(statement).fetchall()


@asynccontextmanager
async def a_hub(folder: Path, **settings: str) -> AsyncIterator[Hub]:
    """Of the tests' Kafka, from now on: what earlier tests left on the topics is not heard."""
    await start_at_end(kafka_bootstrap(), "hub", list(PUBLIC_TOPICS))
    with _issuer() as issuer:
        oidc = {"LTC_OIDC_ISSUER": issuer, "LTC_OIDC_JWKS_URL": f"{issuer}/jwks.json"}
        with single_service("hub", folder, **oidc, **settings) as program:
            migrated = program.run("migrate")
            assert migrated.returncode == 0, migrated.stderr
            hub = Hub(program, issuer)
            try:
                hub.start()
                yield hub
            finally:
                hub.stop()


def an_endpoint(hub: Hub, port: int, **wanted: Any) -> tuple[str, str]:
    """Made by the API, for the facts of deals from now on; its id and what it is verified by."""
    form = {"url": f"http://127.0.0.1:{port}/", "filter": {"types": ["deal.*"]}, **wanted}
    headers = {"Authorization": f"Bearer {hub.token()}"}
    answer = httpx.post(f"{hub.url}/endpoints", json=form, headers=headers)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return made["id"], made["secret"]["secret"]


@contextmanager
def _issuer() -> Iterator[str]:
    """The public keys, where a service looks for them."""
    keys = json.dumps(KeySet([KEY]).as_dict(private=False)).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(keys)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
